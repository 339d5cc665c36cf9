//! `http_status`: an HTTP request is answered with this status, and not by the server.
//!
//! On the downstream stream the server has done the work and its answer is replaced: a lost reply.
//! On the upstream stream the server never sees the request: a lost request. Both look the same to
//! the client, which is what makes retries hard. The connection closes after such an answer, so
//! that no framing can go wrong.

use bytes::Bytes;
use hyper::StatusCode;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
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
    /// The status of the answer, 200 to 599.
    #[serde(deserialize_with = "status")]
    pub status: u16,
    /// The share of requests, 0 to 1.
    #[serde(deserialize_with = "probability")]
    pub probability: f64,
    /// The body of the answer.
    pub body: Option<String>,
    /// Seconds, for a header `Retry-After`.
    pub retry_after: Option<u64>,
}

impl Default for HttpStatus {
    fn default() -> Self {
        Self { status: 503, probability: 1.0, body: None, retry_after: None }
    }
}

fn status<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u16, D::Error> {
    let status = u16::deserialize(deserializer)?;
    // Below 200 it would announce an answer and be none.
    if (200..600).contains(&status) {
        Ok(status)
    } else {
        Err(D::Error::custom(format!("status {status} is none from 200 to 599")))
    }
}

fn probability<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let probability = f64::deserialize(deserializer)?;
    if (0.0..=1.0).contains(&probability) {
        Ok(probability)
    } else {
        Err(D::Error::custom(format!("probability {probability} is none from 0 to 1")))
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

#[cfg(test)]
mod tests {
    use super::super::bench::{Bench, ms};
    use super::super::{Toxic, ToxicKind};
    use super::*;

    const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    const UNAVAILABLE: &str = "HTTP/1.1 503 Service Unavailable\r\n\
        Content-Type: text/plain; charset=utf-8\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

    #[test]
    fn a_status_or_a_probability_that_is_none_is_refused() {
        let read = |json: &str| serde_json::from_str::<HttpStatus>(json).map_err(|e| e.to_string());
        assert_eq!(read("{}"), Ok(HttpStatus::default()));
        assert!(read(r#"{"status":599,"probability":0}"#).is_ok());
        for (json, says) in [
            (r#"{"status":42}"#, "status 42 is none from 200 to 599"),
            (r#"{"status":600}"#, "status 600"),
            (r#"{"probability":1.5}"#, "probability 1.5 is none from 0 to 1"),
            (r#"{"probability":-1}"#, "probability -1"),
        ] {
            assert!(read(json).unwrap_err().contains(says), "{json}");
        }
    }

    fn under(direction: Direction, toxic: HttpStatus) -> Bench {
        Bench::under([Toxic::new(ToxicKind::HttpStatus(toxic), direction)])
    }

    fn reply(bench: &Bench) -> Option<&str> {
        bench.reply.as_ref().map(|(_, reply)| std::str::from_utf8(reply).unwrap())
    }

    #[test]
    fn downstream_an_answer_is_replaced_and_the_connection_closed() {
        let mut bench = under(Direction::Downstream, HttpStatus::default());
        bench.send(&OK[..30]);
        assert_eq!(bench.received_text(), "", "it may not be an answer");
        bench.wait(ms(10));
        bench.send(&OK[30..]);
        assert_eq!(bench.received_text(), UNAVAILABLE);
        assert_eq!(bench.end, Some((ms(10), End::Close)));
    }

    #[test]
    fn an_interim_answer_is_none() {
        let interim = "HTTP/1.1 100 Continue\r\n\r\n";
        let mut bench = under(Direction::Downstream, HttpStatus::default());
        bench.send(interim);
        bench.send(OK);
        assert_eq!(bench.received_text(), format!("{interim}{UNAVAILABLE}"));
    }

    #[test]
    fn upstream_the_server_sees_nothing_and_the_client_is_answered() {
        let mut bench = under(Direction::Upstream, HttpStatus::default());
        bench.send(GET);
        assert_eq!((bench.received_text().as_str(), reply(&bench)), ("", Some(UNAVAILABLE)));
        assert_eq!(bench.end, Some((ms(0), End::Finish)));
        bench.send(GET);
        assert!(bench.received().is_empty() && bench.link.room() > 0, "more is read, and dropped");
        assert_eq!(bench.tally(0).dropped_bytes, 2 * GET.len() as u64);
    }

    #[test]
    fn upstream_the_client_is_answered_once_its_request_is_complete() {
        let head = "POST / HTTP/1.1\r\nContent-Length: 100000\r\n\r\n";
        let mut bench = under(Direction::Upstream, HttpStatus::default());
        bench.send(head);
        bench.send(vec![b'x'; 99_999]);
        assert_eq!(reply(&bench), None);
        bench.send("x");
        assert_eq!((bench.received().len(), reply(&bench)), (0, Some(UNAVAILABLE)));
    }

    #[test]
    fn upstream_a_client_that_asks_first_is_answered_before_it_sends() {
        let head = "POST / HTTP/1.1\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n";
        let mut bench = under(Direction::Upstream, HttpStatus::default());
        bench.send(head);
        assert_eq!(reply(&bench), Some(UNAVAILABLE));
    }

    #[test]
    fn upstream_a_client_that_has_ended_is_answered() {
        let head = "POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nhel";
        let mut bench = under(Direction::Upstream, HttpStatus::default());
        bench.send(head);
        bench.send_end(End::Finish);
        assert_eq!(reply(&bench), Some(UNAVAILABLE));
    }

    #[test]
    fn the_other_direction_gives_the_answer_and_closes() {
        let mut downstream = Bench::under([]);
        downstream.link.answer(Bytes::from_static(b"reply"), downstream.now());
        downstream.send("from the server");
        assert_eq!(downstream.received_text(), "reply");
        assert_eq!(downstream.end, Some((ms(0), End::Close)));
    }

    #[test]
    fn attributes_make_the_answer() {
        let text = r#"{"status":429,"body":"later","retry_after":7}"#;
        let toxic: HttpStatus = serde_json::from_str(text).unwrap();
        let answer = String::from_utf8(toxic.answer().to_vec()).unwrap();
        assert!(answer.starts_with("HTTP/1.1 429 Too Many Requests\r\n"), "{answer}");
        assert!(answer.contains("\r\nRetry-After: 7\r\n"), "{answer}");
        assert!(answer.contains("\r\nContent-Length: 5\r\n"), "{answer}");
        assert!(answer.ends_with("\r\n\r\nlater"), "{answer}");
    }

    #[test]
    fn each_request_is_drawn_with_its_probability() {
        let rare = HttpStatus { probability: 0.1, ..HttpStatus::default() };
        let passed: usize = (0..200)
            .map(|number| {
                let kind = ToxicKind::HttpStatus(rare.clone());
                let mut bench = Bench::connection(number, [Toxic::new(kind, Direction::Upstream)]);
                for _ in 0..200 {
                    bench.send(GET);
                }
                bench.received().len() / GET.len()
            })
            .sum();
        // Until the first hit 9 requests pass on average: 1800 of 200 connections, standard
        // deviation 134.
        assert!((1000..2600).contains(&passed), "{passed}");
    }

    #[test]
    fn what_is_not_http_passes_untouched() {
        for direction in Direction::ALL {
            let mut bench = under(direction, HttpStatus::default());
            bench.send("*1\r\n$4\r\nPING\r\n");
            bench.send_end(End::Finish);
            assert_eq!(bench.received_text(), "*1\r\n$4\r\nPING\r\n");
            assert_eq!(bench.end, Some((ms(0), End::Finish)));
        }
    }
}
