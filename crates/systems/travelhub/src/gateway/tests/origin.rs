//! A service that does as it is told: it answers, hangs, is slow, fails, or is dead.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming};
use hyper::header::{CONTENT_SECURITY_POLICY, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

use super::super::body::collect;

/// Of `/assets/large`.
pub(super) const LARGE: u64 = 64 << 20;

/// What every answer allows a browser to do.
pub(super) const POLICY: &str = "default-src 'self'";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Behaviour {
    Good,
    Hangs,
    Slow,
    Fails,
    /// Every second request.
    FailsHalf,
    Dead,
}

#[derive(Debug)]
pub(super) struct Origin {
    pub(super) address: SocketAddr,
    pub(super) seen: Arc<Seen>,
    server: Mutex<Option<JoinHandle<()>>>,
}

/// What came, and what is to be done about it.
#[derive(Debug)]
pub(super) struct Seen {
    behaviour: Mutex<Behaviour>,
    pub(super) requests: AtomicU64,
    /// How often the effect of each key was asked for.
    pub(super) keys: Mutex<BTreeMap<String, u64>>,
    pub(super) last: Mutex<Option<hyper::http::request::Parts>>,
    /// Bytes of long answers that were taken off our hands.
    pub(super) sent: AtomicU64,
    /// Bytes of long requests that came.
    pub(super) received: AtomicU64,
}

impl Origin {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Seen {
            behaviour: Mutex::new(Behaviour::Good),
            requests: AtomicU64::new(0),
            keys: Mutex::default(),
            last: Mutex::default(),
            sent: AtomicU64::new(0),
            received: AtomicU64::new(0),
        });
        let server = tokio::spawn(serve(listener, Arc::clone(&seen)));
        Self { address, seen, server: Mutex::new(Some(server)) }
    }

    /// From now on it behaves so.
    pub(super) async fn behave(&self, behaviour: Behaviour) {
        let before = std::mem::replace(&mut *self.seen.behaviour.lock().unwrap(), behaviour);
        if behaviour == Behaviour::Dead {
            let server = self.server.lock().unwrap().take();
            if let Some(server) = server {
                // Its connections go with it.
                server.abort();
                drop(server.await);
            }
        } else if before == Behaviour::Dead {
            let listener = TcpListener::bind(self.address).await.unwrap();
            let server = tokio::spawn(serve(listener, Arc::clone(&self.seen)));
            *self.server.lock().unwrap() = Some(server);
        }
    }

    pub(super) fn requests(&self) -> u64 {
        self.seen.requests.load(Ordering::Relaxed)
    }
}

async fn serve(listener: TcpListener, seen: Arc<Seen>) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let seen = Arc::clone(&seen);
        let service = service_fn(move |request| {
            let seen = Arc::clone(&seen);
            async move { Ok::<_, Infallible>(seen.answer(request).await) }
        });
        let io = TokioIo::new(stream);
        connections.spawn(async move {
            drop(http1::Builder::new().serve_connection(io, service).await);
        });
    }
}

impl Seen {
    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Response<Answer> {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let behaviour = *self.behaviour.lock().unwrap();
        match behaviour {
            Behaviour::Hangs => std::future::pending().await,
            Behaviour::Slow => tokio::time::sleep(Duration::from_millis(1500)).await,
            Behaviour::Good | Behaviour::Dead | Behaviour::Fails | Behaviour::FailsHalf => {}
        }
        let fails = behaviour == Behaviour::Fails
            || behaviour == Behaviour::FailsHalf && number.is_multiple_of(2);
        let (parts, body) = request.into_parts();
        let mut response = Response::new(Answer::Text(Bytes::from_static(b"{\"failed\":true}")));
        if fails {
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            return response;
        }
        if parts.uri.path() == "/assets/large" {
            return self.large(&parts.method, body).await;
        }
        let body = collect(body, 1 << 20).await.unwrap();
        let text = if parts.method == Method::POST {
            let key = parts.headers["idempotency-key"].to_str().unwrap().to_owned();
            *self.keys.lock().unwrap().entry(key).or_default() += 1;
            *response.status_mut() = StatusCode::CREATED;
            format!("{{\"got\":{}}}", body.len())
        } else {
            format!("{{\"path\":\"{}\",\"answer\":{{\"kind\":\"fresh\"}}}}", parts.uri)
        };
        let policy = HeaderValue::from_static(POLICY);
        response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
        *self.last.lock().unwrap() = Some(parts);
        *response.body_mut() = Answer::Text(text.into());
        response
    }

    async fn large(self: Arc<Self>, method: &Method, mut body: Incoming) -> Response<Answer> {
        if *method == Method::GET {
            return Response::new(Answer::Large { left: LARGE, seen: self });
        }
        while let Some(frame) = next_frame(&mut body).await {
            let Ok(frame) = frame else { break };
            let length = frame.data_ref().map_or(0, Bytes::len);
            self.received.fetch_add(length as u64, Ordering::Relaxed);
            // Whoever is to be slow takes nothing more once it has begun.
            if *self.behaviour.lock().unwrap() == Behaviour::Slow {
                std::future::pending::<()>().await;
            }
        }
        let received = self.received.load(Ordering::Relaxed);
        Response::new(Answer::Text(received.to_string().into()))
    }
}

async fn next_frame(body: &mut Incoming) -> Option<Result<Frame<Bytes>, hyper::Error>> {
    std::future::poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await
}

/// A short answer, or one that is made as fast as it is taken.
#[derive(Debug)]
pub(super) enum Answer {
    Text(Bytes),
    Large { left: u64, seen: Arc<Seen> },
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        static BLOCK: [u8; 64 * 1024] = [b'x'; 64 * 1024];
        match self.get_mut() {
            Self::Text(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Text(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Self::Large { left: 0, .. } => Poll::Ready(None),
            Self::Large { left, seen } => {
                *left -= BLOCK.len() as u64;
                seen.sent.fetch_add(BLOCK.len() as u64, Ordering::Relaxed);
                Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&BLOCK)))))
            }
        }
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        match self {
            Self::Text(bytes) => hyper::body::SizeHint::with_exact(bytes.len() as u64),
            Self::Large { left, .. } => hyper::body::SizeHint::with_exact(*left),
        }
    }
}
