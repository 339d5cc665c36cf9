//! As much of HTTP as asking for a path takes.

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};

/// More headers than the service sends.
const HEADERS_MAX: usize = 32;

/// A GET as it goes over the wire.
pub(crate) fn request(path: &str, address: SocketAddr) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n").into_bytes()
}

/// The head of an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    pub(crate) status: u16,
    /// Of the whole answer.
    pub(crate) length: usize,
}

/// Reads the head of the answer at the start of `bytes`; `None` while it is incomplete.
pub(crate) fn head(bytes: &[u8]) -> Result<Option<Head>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head) = response.parse(bytes)? else { return Ok(None) };
    let status = response.code.context("an answer without a status")?;
    let is_length =
        |header: &&httparse::Header<'_>| header.name.eq_ignore_ascii_case("content-length");
    let body = response.headers.iter().find(is_length).context("an answer without a length")?;
    let body: usize = std::str::from_utf8(body.value)?.parse()?;
    Ok(Some(Head { status, length: head + body }))
}

/// Where the answer at the start of `bytes` ends; anything but 200 is an error.
pub(crate) fn length_of(bytes: &[u8]) -> Result<Option<usize>> {
    let Some(head) = head(bytes)? else { return Ok(None) };
    ensure!(head.status == 200, "the service answered {}", head.status);
    Ok((head.length <= bytes.len()).then_some(head.length))
}
