//! Toxiproxy's HTTP API, as much as the benchmark asks of it: the same calls go to both servers.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

/// Far beyond any healthy answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// One request of the API.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) body: Option<Value>,
}

impl Call {
    pub(crate) fn new(method: &'static str, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), body: None }
    }

    pub(crate) fn with(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    /// Makes proxy `name` before `upstream`, on a port of its choice.
    pub(crate) fn create(name: &str, upstream: SocketAddr) -> Self {
        let upstream = upstream.to_string();
        let body = json!({ "name": name, "listen": "127.0.0.1:0", "upstream": upstream });
        Self::new("POST", "/proxies").with(body)
    }

    /// Adds a toxic to what proxy `name` answers.
    pub(crate) fn add_toxic(name: &str, kind: &str, attributes: Value) -> Self {
        let body = json!({ "type": kind, "name": kind, "attributes": attributes });
        Self::new("POST", format!("/proxies/{name}/toxics")).with(body)
    }

    pub(crate) fn delete(name: &str) -> Self {
        Self::new("DELETE", format!("/proxies/{name}"))
    }
}

/// What came of a call.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub(crate) call: Call,
    pub(crate) took: Duration,
    /// Absent when nothing came in time.
    pub(crate) status: Option<u16>,
}

impl Attempt {
    pub(crate) fn is_ok(&self) -> bool {
        self.status.is_some_and(|status| status < 300)
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Call { method, path, .. } = &self.call;
        let milliseconds = self.took.as_secs_f64() * 1e3;
        match self.status {
            Some(status) => write!(f, "{method} {path}: {status} after {milliseconds:.1} ms"),
            None => write!(f, "{method} {path}: nothing within {milliseconds:.0} ms"),
        }
    }
}

/// Where a server listens for calls.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Control {
    pub(crate) address: SocketAddr,
}

impl Control {
    /// Makes a proxy and answers where it listens.
    pub(crate) async fn create(&self, name: &str, upstream: SocketAddr) -> Result<SocketAddr> {
        let made = self.call(&Call::create(name, upstream)).await?;
        let listen = made["listen"].as_str().context("a proxy without an address")?;
        listen.parse().with_context(|| format!("no address: `{listen}`"))
    }

    /// Makes a call that must succeed.
    pub(crate) async fn call(&self, call: &Call) -> Result<Value> {
        let exchange = timeout(ANSWER_WITHIN, self.exchange(call)).await;
        let (status, body) =
            exchange.with_context(|| format!("no answer to {} {}", call.method, call.path))??;
        let Call { method, path, .. } = call;
        ensure!(status < 300, "{method} {path} answered {status}: {body}");
        Ok(serde_json::from_str(&body).unwrap_or(Value::Null))
    }

    /// Makes a call whatever comes of it; waits for its answer `within` at most.
    pub(crate) async fn attempt(&self, call: Call, within: Duration) -> Result<Attempt> {
        let begun = Instant::now();
        let exchange = timeout(within, self.exchange(&call)).await;
        let took = begun.elapsed();
        let status = exchange.ok().transpose()?.map(|(status, _body)| status);
        Ok(Attempt { call, took, status })
    }

    /// On a connection of its own, and in HTTP/1.0, so that the answer ends with the connection.
    async fn exchange(&self, call: &Call) -> Result<(u16, String)> {
        let Call { method, path, body } = call;
        let body = body.as_ref().map(Value::to_string).unwrap_or_default();
        let length = body.len();
        let request = format!("{method} {path} HTTP/1.0\r\nContent-Length: {length}\r\n\r\n{body}");
        let mut stream = TcpStream::connect(self.address).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        let (head, body) = answer.split_once("\r\n\r\n").context("an answer without an end")?;
        let status = head.split_whitespace().nth(1).and_then(|status| status.parse().ok());
        Ok((status.context("an answer without a status")?, body.to_owned()))
    }
}
