//! Connections to the interface: accepted, bounded, answered, and ended in order.
//!
//! No operation waits for a connection that goes through a proxy, so that the interface answers
//! whatever upstreams and clients do.

use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::{HeaderValue, USER_AGENT};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::respond::{self, Body, REQUEST_ID};
use super::route::{OURS, Routed, route};
use super::stock;
use crate::proxy::FaultProxy;

/// How long accepting rests when the machine lacks a resource, as file descriptors.
const ACCEPT_AGAIN_AFTER: Duration = Duration::from_millis(50);

/// Bounds of the interface.
#[derive(Clone, Copy, Debug)]
pub struct ApiOptions {
    /// Open connections to the interface; more wait to be accepted.
    pub connections_max: usize,
    /// How long a connection may be idle, or take for the head of a request.
    pub idle_timeout: Duration,
    /// How long requests that are under way at the end may take.
    pub grace: Duration,
}

impl Default for ApiOptions {
    fn default() -> Self {
        Self {
            // Test suites hold one each; this many leave most of 1024 descriptors to proxies.
            connections_max: 256,
            // As Toxiproxy: clients keep connections, and must not find them closed under them.
            idle_timeout: Duration::from_secs(60),
            // No operation takes that long, unless a resolver does not answer.
            grace: Duration::from_secs(5),
        }
    }
}

/// Serves the interface of `proxy` until `shutdown`, then ends what is under way.
///
/// # Errors
/// When the listener cannot be used at all.
pub async fn serve(
    listener: TcpListener,
    proxy: FaultProxy,
    options: ApiOptions,
    shutdown: impl Future,
) -> io::Result<()> {
    tracing::info!(address = %listener.local_addr()?, "the interface of the fault proxy is open");
    let interface = Arc::new(Interface::new(proxy));
    let room = Arc::new(Semaphore::new(options.connections_max));
    let (ending, ended) = watch::channel(());
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            _ = &mut shutdown => break,
            Some(_ended) = connections.join_next() => continue,
            accepted = accept(&listener, &room) => accepted,
        };
        match accepted {
            Ok((stream, permit)) => {
                let interface = Arc::clone(&interface);
                let connection = Connection { stream, options, ended: ended.clone() };
                connections.spawn(async move {
                    interface.attend(connection).await;
                    drop(permit);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "no connection to the interface could be accepted");
                sleep(ACCEPT_AGAIN_AFTER).await;
            }
        }
    }
    drop(listener);
    ending.send_replace(());
    let all_end = async { while connections.join_next().await.is_some() {} };
    if timeout(options.grace, all_end).await.is_err() {
        tracing::warn!(left = connections.len(), "connections to the interface were cut off");
    }
    Ok(())
}

/// Cancel-safe: what waits for a permit or a connection has neither yet.
async fn accept(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let permit = Arc::clone(room).acquire_owned().await.expect("it is never closed");
    let (stream, _client) = listener.accept().await?;
    Ok((stream, permit))
}

struct Connection {
    stream: TcpStream,
    options: ApiOptions,
    ended: watch::Receiver<()>,
}

/// What all connections share.
struct Interface {
    proxy: FaultProxy,
    requests: AtomicU64,
    /// Tells the requests of this process from those of another.
    process: u32,
}

impl Interface {
    fn new(proxy: FaultProxy) -> Self {
        Self { proxy, requests: AtomicU64::new(0), process: std::process::id() }
    }

    async fn attend(&self, connection: Connection) {
        let Connection { stream, options, mut ended } = connection;
        // Small answers must not wait for a client's acknowledgement.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "answers of the interface may come late");
        }
        let service =
            service_fn(|request| async move { Ok::<_, Infallible>(self.answer(request).await) });
        let served = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(options.idle_timeout)
            .title_case_headers(true)
            .serve_connection(TokioIo::new(stream), service);
        let mut served = pin!(served);
        let outcome = tokio::select! {
            outcome = &mut served => outcome,
            _ = ended.changed() => {
                served.as_mut().graceful_shutdown();
                served.await
            }
        };
        if let Err(error) = outcome {
            tracing::debug!(%error, "a connection to the interface ended early");
        }
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let (head, body) = request.into_parts();
        let path = head.uri.path();
        let response = match route(&head.method, path) {
            Routed::Operation(operation) => {
                // A browser would let any page command this proxy.
                let agent = head.headers.get(USER_AGENT).map_or(&b""[..], HeaderValue::as_bytes);
                let mut response = match agent.starts_with(b"Mozilla/") {
                    true => respond::plain_error(StatusCode::FORBIDDEN, "User agent not allowed"),
                    false => stock::operate(&self.proxy, operation, body).await,
                };
                response.headers_mut().insert(REQUEST_ID, self.request_id());
                response
            }
            Routed::MethodNotAllowed if is_ours(path) => {
                let detail = format!("{path} does not know {}", head.method);
                respond::problem(StatusCode::METHOD_NOT_ALLOWED, &detail)
            }
            Routed::MethodNotAllowed => respond::empty(StatusCode::METHOD_NOT_ALLOWED),
            Routed::NotFound if is_ours(path) => {
                respond::problem(StatusCode::NOT_FOUND, &format!("there is no {path}"))
            }
            Routed::NotFound => respond::plain_error(StatusCode::NOT_FOUND, "404 page not found"),
            Routed::Moved(target) => respond::moved(&target, head.uri.query()),
            Routed::Malformed => respond::plain_error(StatusCode::BAD_REQUEST, "400 Bad Request"),
        };
        let status = response.status().as_u16();
        tracing::debug!(method = %head.method, path, status, "answered");
        response
    }

    /// Twenty letters and digits, as Toxiproxy's; ours count.
    fn request_id(&self) -> HeaderValue {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let id = format!("{:08x}{:012x}", self.process, number & 0xffff_ffff_ffff);
        HeaderValue::try_from(id).expect("digits are printable")
    }
}

fn is_ours(path: &str) -> bool {
    path.strip_prefix(OURS).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
