//! The head of a message: its first line and its headers.

use httparse::{Header, Status};

use super::body::{Body, Chunked};
use crate::toxic::Direction;

/// What is longer is no head. Less than a link takes, or it would never be complete.
pub(super) const HEAD_BYTES_MAX: usize = 32 * 1024;

const HEADERS_MAX: usize = 128;

/// A stream that goes on like none of these is not asked to wait for a complete head.
const REQUESTS: [&str; 9] =
    ["GET ", "HEAD ", "POST ", "PUT ", "DELETE ", "OPTIONS ", "PATCH ", "TRACE ", "CONNECT "];
const ANSWERS: [&str; 1] = ["HTTP/1."];

/// What stands at the beginning of some bytes.
#[derive(Debug)]
pub(super) enum Reading {
    Complete(Head),
    /// It may become a head.
    Incomplete,
    NotHttp,
}

#[derive(Clone, Debug)]
pub(in crate::toxic) struct Head {
    pub(in crate::toxic) length: usize,
    /// An answer that another one follows, such as 100.
    pub(in crate::toxic) is_interim: bool,
    /// The client sends the body only when it is asked to.
    pub(in crate::toxic) expects_continue: bool,
    pub(super) body: Body,
}

pub(super) fn read(bytes: &[u8], direction: Direction) -> Reading {
    let complete = match direction {
        Direction::Upstream if begins_as(bytes, &REQUESTS) => read_request(bytes),
        Direction::Downstream if begins_as(bytes, &ANSWERS) => read_answer(bytes),
        Direction::Upstream | Direction::Downstream => return Reading::NotHttp,
    };
    match complete {
        Ok(Some(head)) => Reading::Complete(head),
        Ok(None) if bytes.len() < HEAD_BYTES_MAX => Reading::Incomplete,
        Ok(None) | Err(_) => Reading::NotHttp,
    }
}

/// Whether an answer, and nothing else, may begin here.
pub(super) fn begins_as_answer(bytes: &[u8]) -> bool {
    begins_as(bytes, &ANSWERS)
}

fn begins_as(bytes: &[u8], beginnings: &[&str]) -> bool {
    let is_alike = |beginning: &&str| bytes.iter().zip(beginning.as_bytes()).all(|(a, b)| a == b);
    beginnings.iter().any(is_alike)
}

fn read_request(bytes: &[u8]) -> Result<Option<Head>, httparse::Error> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut headers);
    let Status::Complete(length) = request.parse(bytes)? else { return Ok(None) };
    let body = match request.method {
        Some("CONNECT") => Body::UntilEnd,
        _ => declared_body(request.headers).unwrap_or(Body::NONE),
    };
    let expects_continue = request.headers.iter().any(|header| {
        is_named(header, "expect") && header.value.eq_ignore_ascii_case(b"100-continue")
    });
    Ok(Some(Head { length, is_interim: false, expects_continue, body }))
}

fn read_answer(bytes: &[u8]) -> Result<Option<Head>, httparse::Error> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut answer = httparse::Response::new(&mut headers);
    let Status::Complete(length) = answer.parse(bytes)? else { return Ok(None) };
    let status = answer.code.unwrap_or_default();
    let body = match status {
        // What follows is another protocol.
        101 => Body::UntilEnd,
        100..=199 | 204 | 304 => Body::NONE,
        _ => declared_body(answer.headers).unwrap_or(Body::UntilEnd),
    };
    let is_interim = (100..=199).contains(&status) && status != 101;
    Ok(Some(Head { length, is_interim, expects_continue: false, body }))
}

/// RFC 9112, section 6.3. A length that cannot be understood leaves all that follows alone.
fn declared_body(headers: &[Header<'_>]) -> Option<Body> {
    if let Some(coding) = headers.iter().find(|header| is_named(header, "transfer-encoding")) {
        let is_chunked = coding.value.to_ascii_lowercase().ends_with(b"chunked");
        return Some(if is_chunked { Body::Chunked(Chunked::START) } else { Body::UntilEnd });
    }
    let length = headers.iter().find(|header| is_named(header, "content-length"))?;
    let length = std::str::from_utf8(length.value).ok().and_then(|text| text.trim().parse().ok());
    Some(length.map_or(Body::UntilEnd, Body::Length))
}

fn is_named(header: &Header<'_>, name: &str) -> bool {
    header.name.eq_ignore_ascii_case(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_body(direction: Direction, lines: &str, expected: Body) {
        let text = format!("{}\r\n\r\n", lines.replace('\n', "\r\n"));
        let Reading::Complete(head) = read(text.as_bytes(), direction) else {
            panic!("no head: {text}")
        };
        assert_eq!((head.length, head.body), (text.len(), expected), "{text}");
        for length in 1..text.len() {
            let reading = read(&text.as_bytes()[..length], direction);
            assert!(matches!(reading, Reading::Incomplete), "{:?}", &text[..length]);
        }
    }

    #[test]
    fn a_request_says_how_long_its_body_is() {
        let check = |lines, expected| check_body(Direction::Upstream, lines, expected);
        check("GET / HTTP/1.1\nHost: a", Body::NONE);
        check("POST / HTTP/1.1\ncontent-length: 12", Body::Length(12));
        check("POST / HTTP/1.1\nTransfer-Encoding: gzip, Chunked", Body::Chunked(Chunked::START));
        check("CONNECT a:1 HTTP/1.1", Body::UntilEnd);
        check("POST / HTTP/1.1\nContent-Length: many", Body::UntilEnd);
    }

    #[test]
    fn an_answer_says_how_long_its_body_is() {
        let check = |lines, expected| check_body(Direction::Downstream, lines, expected);
        check("HTTP/1.1 200 OK\nContent-Length: 5", Body::Length(5));
        check("HTTP/1.1 200 OK\nTransfer-Encoding: chunked", Body::Chunked(Chunked::START));
        check("HTTP/1.0 200 OK\nServer: a", Body::UntilEnd);
        check("HTTP/1.1 204 No Content\nA: b", Body::NONE);
        check("HTTP/1.1 304 Not Modified\nContent-Length: 5", Body::NONE);
        check("HTTP/1.1 100 Continue\nA: b", Body::NONE);
        check("HTTP/1.1 101 Switching Protocols\nUpgrade: websocket", Body::UntilEnd);
    }

    #[test]
    fn other_protocols_are_not_asked_to_wait() {
        let strangers: [&[u8]; 6] = [
            b"PING\r\n",
            b"*1\r\n$4\r\n",
            b"\x00\x00\x00\x08",
            b"get a\r\n",
            b"GET a\r\n",
            b"PRI * HT",
        ];
        for bytes in strangers {
            let reading = read(bytes, Direction::Upstream);
            assert!(matches!(reading, Reading::NotHttp), "{bytes:?}");
            assert!(matches!(read(bytes, Direction::Downstream), Reading::NotHttp), "{bytes:?}");
        }
        let endless = format!("GET /{}", "a".repeat(HEAD_BYTES_MAX));
        assert!(matches!(read(endless.as_bytes(), Direction::Upstream), Reading::NotHttp));
    }
}
