//! Somebody who uses the gateway.

use std::net::SocketAddr;

use bytes::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::HOST;
use hyper::{HeaderMap, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::super::body::{Outbound, collect};

pub(super) struct Client {
    sender: SendRequest<Outbound>,
    _driver: JoinSet<()>,
}

/// What was answered.
#[derive(Debug)]
pub(super) struct Got {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Got {
    /// `fresh`, `stale`, `degraded`, or nothing.
    pub(super) fn grade(&self) -> &str {
        let value = self.headers.get("x-answer").map_or("", |value| value.to_str().unwrap());
        value.split(';').next().unwrap()
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

impl Client {
    pub(super) async fn connect(gateway: SocketAddr) -> Self {
        let stream = TcpStream::connect(gateway).await.unwrap();
        let (sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
        let mut driver = JoinSet::new();
        driver.spawn(async move { drop(connection.await) });
        Self { sender, _driver: driver }
    }

    pub(super) async fn get(&mut self, path: &str) -> Got {
        self.send(Request::get(path), "").await
    }

    /// A `POST` with an `Idempotency-Key`.
    pub(super) async fn post(&mut self, path: &str, key: &str, body: &str) -> Got {
        self.send(Request::post(path).header("idempotency-key", key), body).await
    }

    pub(super) async fn send(&mut self, request: hyper::http::request::Builder, body: &str) -> Got {
        let body = Outbound::Whole(body.to_owned().into());
        let request = request.header(HOST, "gateway").body(body).unwrap();
        self.sender.ready().await.unwrap();
        let (parts, body) = self.sender.send_request(request).await.unwrap().into_parts();
        let body = collect(body, 1 << 20).await.unwrap();
        Got { status: parts.status, headers: parts.headers, body }
    }
}
