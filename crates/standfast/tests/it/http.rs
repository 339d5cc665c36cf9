//! One HTTP request on a connection of its own, as plainly as can be.

use std::io::{Error, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Services promise to answer within 300 ms; the rest is for a busy machine.
const PATIENCE: Duration = Duration::from_secs(3);

#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Status line and headers, in lower case.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }

    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(known, _)| *known == name).map(|(_, value)| value.trim())
    }
}

pub(crate) async fn get(port: u16, path: &str) -> Result<Answer, Error> {
    ask(port, &format!("GET {path} HTTP/1.1"), "").await
}

pub(crate) async fn put(port: u16, path: &str, body: &str) -> Result<Answer, Error> {
    ask(port, &format!("PUT {path} HTTP/1.1"), body).await
}

/// A write that may be retried under `key`.
pub(crate) async fn post(port: u16, path: &str, body: &str, key: &str) -> Result<Answer, Error> {
    ask(port, &format!("POST {path} HTTP/1.1\r\nIdempotency-Key: {key}"), body).await
}

async fn ask(port: u16, line: &str, body: &str) -> Result<Answer, Error> {
    let length = body.len();
    let request = format!(
        "{line}\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    );
    let exchange = async {
        let mut stream = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut text = String::new();
        stream.read_to_string(&mut text).await?;
        parse(&text).ok_or_else(|| Error::new(ErrorKind::InvalidData, text))
    };
    tokio::time::timeout(PATIENCE, exchange).await?
}

fn parse(text: &str) -> Option<Answer> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Answer { status, head: head.to_lowercase(), body: body.to_owned() })
}
