//! The tower layer around the whole service, which does to requests what was decided.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use axum::response::IntoResponse;
use tower::{Layer, Service};

use super::falsify::falsify;
use super::misconduct::{Committed, Misconduct};
use super::state::{Lie, Sender, Verdict};
use super::switch::Switch;
use crate::service::problem::Problem;

/// Carries the token of the run.
pub(super) const TOKEN: &str = "x-standfast-token";

/// The whole inventory is some 20 KB; a lie about more than this is a failure.
const BODY_BYTES_MAX: usize = 4 << 20;

/// Puts faults between the server and a service. Without a switch it passes all on.
#[derive(Clone, Debug)]
pub(crate) struct FaultLayer {
    pub(super) switch: Option<Switch>,
}

impl<S> Layer<S> for FaultLayer {
    type Service = Faulty<S>;

    fn layer(&self, inner: S) -> Faulty<S> {
        Faulty { inner, switch: self.switch.clone() }
    }
}

/// A service with the faults that its switch is set to.
#[derive(Clone, Debug)]
pub(crate) struct Faulty<S> {
    inner: S,
    switch: Option<Switch>,
}

type Answer = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

impl<S, B> Service<Request<B>> for Faulty<S>
where
    S: Service<Request<B>, Response = Response<Body>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send + 'static,
    B: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Answer {
        let Some(switch) = &self.switch else { return Box::pin(self.inner.call(request)) };
        let sender = sender(switch, request.headers());
        match switch.decide(request.uri().path(), || sender) {
            Verdict::Pass => Box::pin(self.inner.call(request)),
            Verdict::Fail => Box::pin(std::future::ready(Ok(failure()))),
            Verdict::Delay(delay) => {
                let answer = self.inner.call(request);
                Box::pin(async move {
                    // Before the work: a slow service also sees later what it is asked for.
                    tokio::time::sleep(delay).await;
                    answer.await
                })
            }
            // Until whoever asked has had enough of it and closes the connection.
            Verdict::Silence => Box::pin(std::future::pending()),
            Verdict::Falsify(lie) => {
                request.extensions_mut().insert(lie.misconduct);
                let (answer, switch) = (self.inner.call(request), switch.clone());
                Box::pin(async move {
                    let answer = answer.await?;
                    let (answer, is_changed) = change(answer, &lie).await;
                    if is_changed {
                        switch.lied(&lie, sender);
                    }
                    Ok(answer)
                })
            }
        }
    }
}

fn sender(switch: &Switch, headers: &HeaderMap) -> Sender {
    match headers.get(TOKEN) {
        Some(token) if switch.knows(token.as_bytes()) => Sender::Lab,
        Some(_) | None => Sender::Client,
    }
}

fn failure() -> Response<Body> {
    let title = "The service failed";
    let detail = "this request failed by chance, as the lab wants it";
    let status = StatusCode::INTERNAL_SERVER_ERROR;
    Problem::new(status, "injected", title, detail).into_response()
}

/// The answer as the lie has it, and whether that is another one.
async fn change(answer: Response<Body>, lie: &Lie) -> (Response<Body>, bool) {
    if answer.extensions().get::<Committed>().is_some() {
        return (answer, true);
    }
    if !matches!(lie.misconduct, Misconduct::Incorrect { .. }) {
        return (answer, false);
    }
    let is_json = answer
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"application/json"));
    let (mut parts, body) = answer.into_parts();
    if parts.status != StatusCode::OK || !is_json {
        return (Response::from_parts(parts, body), false);
    }
    let Ok(bytes) = to_bytes(body, BODY_BYTES_MAX).await else {
        return (failure(), false);
    };
    let changed = falsify(&bytes, lie);
    let is_changed = changed.is_some();
    let bytes = changed.unwrap_or_else(|| bytes.into());
    if parts.headers.contains_key(header::CONTENT_LENGTH) {
        parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    }
    (Response::from_parts(parts, Body::from(bytes)), is_changed)
}
