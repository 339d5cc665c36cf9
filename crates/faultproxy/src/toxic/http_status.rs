//! `http_status`: an HTTP request is answered with this status, and not by the server.
//!
//! On the downstream stream the server has done the work and its answer is replaced: a lost reply. On
//! the upstream stream the server never sees the request: a lost request. Both look the same to the
//! client, which is what makes retries hard. The connection closes after such an answer, so that no
//! framing can go wrong.

use bytes::Bytes;
use hyper::StatusCode;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::effect::Effect;
use super::http::{Framing, Head, Part};
use super::pipe::Pipe;
use super::stream::Direction;
use crate::link::{Chunk, End};

/// Replaces answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct HttpStatus {
    /// The status of the answer.
    pub status: u16,
    /// The share of requests, 0 to 1.
    pub probability: f64,
    /// The body of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Seconds, for a header `Retry-After`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
}

impl Default for HttpStatus {
    fn default() -> Self {
        Self { status: 503, probability: 1.0, body: None, retry_after: None }
    }
}

#[derive(Debug)]
pub(super) struct Running {
    toxic: HttpStatus,
    direction: Direction,
    framing: Framing,
    /// The request that comes in is not for the server.
    is_swallowing: bool,
}

impl Running {
    pub(super) fn new(toxic: HttpStatus, direction: Direction) -> Self {
        Self { toxic, direction, framing: Framing::new(direction), is_swallowing: false }
    }

    /// Answers a message that has been drawn.
    fn replace(&mut self, head: &Head, pipe: &mut Pipe<'_>) {
        match self.direction {
            Direction::Downstream => {
                pipe.output.push(Chunk { bytes: self.toxic.answer(), at: pipe.now });
                pipe.close(End::Close);
            }
            Direction::Upstream => {
                pipe.drop_bytes(head.length);
                self.is_swallowing = true;
                if head.expects_continue {
                    self.reply(pipe);
                }
            }
        }
    }

    fn reply(&mut self, pipe: &mut Pipe<'_>) {
        *pipe.reply = Some(self.toxic.answer());
        pipe.close(End::Finish);
    }
}

impl Effect for Running {
    fn run(&mut self, pipe: &mut Pipe<'_>) -> Option<Instant> {
        while !pipe.output.has_ended() {
            // Once it is complete: a client that is still sending might not read an answer.
            if self.is_swallowing && (self.framing.is_between_messages() || pipe.has_ended()) {
                self.reply(pipe);
                break;
            }
            match self.framing.next(pipe.input) {
                Part::Head(head)
                    if !head.is_interim && pipe.draw.happens(self.toxic.probability) =>
                {
                    self.replace(&head, pipe);
                }
                Part::Head(head) => pipe.pass(head.length),
                Part::Rest(length) if self.is_swallowing => pipe.drop_bytes(length),
                Part::Rest(length) => pipe.pass(length),
                Part::Unclear => {
                    pipe.pass_end();
                    break;
                }
            }
        }
        None
    }
}

impl HttpStatus {
    fn answer(&self) -> Bytes {
        let status = StatusCode::from_u16(self.status);
        let reason = status.ok().and_then(|status| status.canonical_reason()).unwrap_or_default();
        let body = self.body.as_deref().unwrap_or_default();
        let retry_after = self.retry_after.map(|seconds| format!("Retry-After: {seconds}\r\n"));
        Bytes::from(format!(
            "HTTP/1.1 {:03} {reason}\r\nContent-Type: text/plain; charset=utf-8\r\n\
             Content-Length: {}\r\n{}Connection: close\r\n\r\n{body}",
            self.status,
            body.len(),
            retry_after.unwrap_or_default(),
        ))
    }
}
