//! Where clients come in: their connections, and what of their requests is let through to routes.

mod patience;
mod raw_head;
mod vetting;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::{ALLOW, HeaderValue};
use hyper::http::request::Parts;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::json;
use tokio::net::TcpStream;
use tokio::time::timeout;

use self::raw_head::{HEAD_LENGTH_MAX, RawHead, Remembering};
use super::admin::{self, json_response};
use super::assembly::Gateway;
use super::body::collect;
use super::routes::{self, Found};
use super::upstream::Reply;
use super::{headers, pending};
use crate::service::problem::Problem;
use crate::service::server::Stop;

/// A client that has not sent its headers by then holds the connection for nothing. It also bounds
/// an idle connection.
const HEADER_TIME_MAX: Duration = Duration::from_secs(60);

/// The gateway's own requests are small and complete.
const OWN_BODY_MAX: u64 = 4096;
const OWN_BODY_TIME_MAX: Duration = Duration::from_secs(1);

/// A client's connection, as each of its requests sees it.
#[derive(Debug)]
struct Visitor {
    gateway: Arc<Gateway>,
    address: HeaderValue,
    head: RawHead,
}

/// Serves one connection to its end.
pub(super) async fn serve(
    gateway: Arc<Gateway>,
    stream: TcpStream,
    client: SocketAddr,
    mut stop: Stop,
) {
    let (stream, head) = Remembering::new(stream);
    let address = headers::address(client.ip());
    let visitor = Arc::new(Visitor { gateway, address, head });
    let service = service_fn(move |request| {
        let visitor = Arc::clone(&visitor);
        async move { Ok::<_, Infallible>(visitor.answer(request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME_MAX)
        .max_buf_size(HEAD_LENGTH_MAX)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.wait() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a client's connection ended early");
    }
}

impl Visitor {
    async fn answer(&self, request: Request<Incoming>) -> Response<Reply> {
        let (parts, incoming) = request.into_parts();
        let vetted = vetting::vet(&parts, &self.head);
        self.head.clear();
        if let Err(problem) = vetted {
            // What follows may be meant as a part of it, or not: nobody should try to find out.
            return problem.with_header("connection", "close").response();
        }
        match routes::find(&parts.method, parts.uri.path()) {
            Found::Route(route) => self.gateway.pass(route, parts, incoming, &self.address).await,
            found @ (Found::OtherMethod(_) | Found::Nothing) => {
                // Boxed, for it is rare, and would make every request's state larger.
                let answered = Box::pin(own(&self.gateway, found, &parts, incoming)).await;
                answered.unwrap_or_else(Problem::response)
            }
        }
    }
}

/// What the gateway answers by itself.
async fn own(
    gateway: &Gateway,
    found: Found,
    parts: &Parts,
    incoming: Incoming,
) -> Result<Response<Reply>, Problem> {
    let path = parts.uri.path();
    if path == admin::BREAKERS {
        let body = timeout(OWN_BODY_TIME_MAX, collect(incoming, OWN_BODY_MAX)).await;
        let body = body.ok().and_then(Result::ok);
        let body = body.ok_or_else(|| Problem::bad_request("the body is too long, or too slow"))?;
        return admin::answer(gateway, &parts.method, &parts.headers, &body);
    }
    let title = "This method cannot be used here";
    let status = StatusCode::METHOD_NOT_ALLOWED;
    let method_not_allowed = || Problem::new(status, "method-not-allowed", title, title);
    if let Found::OtherMethod(allowed) = found {
        let mut response = method_not_allowed().response();
        response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
        return Ok(response);
    }
    let is_own = matches!(path, "/health" | "/ready" | "/metrics");
    if !is_own && !path.starts_with(pending::PREFIX) {
        return Err(Problem::not_found("there is nothing under this path"));
    }
    if parts.method != Method::GET {
        return Err(method_not_allowed());
    }
    match path {
        "/health" => Ok(json_response(StatusCode::OK, &json!({ "status": "ok" }))),
        // It has an answer to everything whatever is away: that is what it is for.
        "/ready" => Ok(json_response(StatusCode::OK, &json!({ "ready": true }))),
        "/metrics" => {
            let mut response = Response::new(Reply::from(gateway.figures.render(gateway)));
            let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
            response.headers_mut().insert(hyper::header::CONTENT_TYPE, kind);
            Ok(response)
        }
        _ => pending::answer(gateway, path),
    }
}
