//! Any split of the bytes gives the same answer, and no bytes can break the reader.

use proptest::prelude::*;

use super::{Answer, Expectation, HEAD_BYTES_MAX, ProtocolError, ResponseReader, Step};

fn expectation() -> Expectation {
    Expectation { bodiless: false, headers: vec!["ETag".to_owned()], keep_body: true }
}

/// Reads `pieces`, then the end of the connection. Bytes after the answer are counted.
fn read<'a>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
    expectation: &Expectation,
) -> Result<Option<(Answer, usize)>, ProtocolError> {
    let mut reader = ResponseReader::default();
    let mut done: Option<(Answer, usize)> = None;
    for piece in pieces {
        if let Some((_, surplus)) = &mut done {
            *surplus += piece.len();
        } else if let Step::Done { answer, surplus } = reader.read(piece, expectation)? {
            done = Some((answer, surplus));
        }
    }
    match done {
        Some(done) => Ok(Some(done)),
        None => Ok(reader.end(expectation)?.map(|answer| (answer, 0))),
    }
}

fn whole(text: &str) -> Result<Option<(Answer, usize)>, ProtocolError> {
    read([text.as_bytes()], &expectation())
}

/// Checks status, body, whether the connection can be reused, and the bytes left over.
fn check(text: &str, status: u16, body: &str, reusable: bool, surplus: usize) {
    let (answer, left) = whole(text).unwrap().unwrap_or_else(|| panic!("no answer in {text:?}"));
    let got = (answer.status, answer.body.as_slice(), answer.reusable, left);
    assert_eq!(got, (status, body.as_bytes(), reusable, surplus), "{text:?}");
}

#[test]
fn the_end_of_a_body_is_found_as_the_standard_says() {
    check("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", true, 0);
    check("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP", 200, "hello", true, 4);
    check("HTTP/1.1 204 No Content\r\n\r\n", 204, "", true, 0);
    check("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", 304, "", true, 0);
    check("HTTP/1.1 200 OK\r\n\r\nto the end", 200, "to the end", false, 0);
    check("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", 200, "x", false, 0);
    check(
        "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 1\r\n\r\nx",
        200,
        "x",
        true,
        0,
    );
    check("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", 200, "", false, 0);
    check(
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 C\r\nContent-Length: 0\r\n\r\n",
        201,
        "",
        true,
        0,
    );
}

#[test]
fn chunks_are_put_together_and_their_trailers_dropped() {
    let chunked =
        |body: &str| format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{body}");
    check(&chunked("5\r\nhello\r\n0\r\n\r\n"), 200, "hello", true, 0);
    check(
        &chunked("1;name=value\r\nh\r\nA\r\n0123456789\r\n0\r\nX-T: 1\r\n\r\n!"),
        200,
        "h0123456789",
        true,
        1,
    );
    for broken in ["x\r\n", "\r\n", "1\r\nhello\r\n", "ffffffffff\r\n", "1\rx"] {
        assert_eq!(whole(&chunked(broken)), Err(ProtocolError), "{broken:?}");
    }
    assert_eq!(whole(&chunked("5\r\nhel")), Ok(None), "cut off");
    let both =
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    check(both, 200, "", false, 0);
}

#[test]
fn an_answer_to_head_has_no_body_whatever_it_says() {
    let expectation = Expectation { bodiless: true, ..expectation() };
    let text = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n".as_slice();
    let (answer, surplus) = read([text], &expectation).unwrap().unwrap();
    assert_eq!((answer.status, answer.reusable, surplus), (200, true, 0));
}

#[test]
fn the_headers_of_a_history_are_kept() {
    let text = "HTTP/1.1 200 OK\r\nx-source: cache\r\nX-Stale: true\r\nAge: 2\r\nX-Age-Ms: 1900\r\n\
                etag: \"7\"\r\nContent-Length: 0\r\n\r\n";
    let (answer, _) = whole(text).unwrap().unwrap();
    assert_eq!(answer.source.as_deref(), Some("cache"));
    assert!(answer.stale);
    assert_eq!(answer.age_ms, Some(1900), "milliseconds say more than seconds");
    assert_eq!(answer.headers, [Some("\"7\"".to_owned())]);
    let (answer, _) =
        whole("HTTP/1.1 200 OK\r\nAge: 2\r\nContent-Length: 0\r\n\r\n").unwrap().unwrap();
    assert_eq!(answer.age_ms, Some(2000));
}

#[test]
fn what_is_no_answer_is_an_error() {
    for text in [
        "SSH-2.0-OpenSSH_9.2\r\n",
        "HTTP/2 200\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\n\r\n",
        "HTTP/1.1 999 No\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
    ] {
        assert_eq!(whole(text), Err(ProtocolError), "{text:?}");
    }
    let endless = format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(HEAD_BYTES_MAX));
    assert_eq!(whole(&endless), Err(ProtocolError));
    assert_eq!(whole(&"HTTP/1.1 100 Continue\r\n\r\n".repeat(17)), Err(ProtocolError));
}

/// Answers of every framing, with a random body.
fn response() -> impl Strategy<Value = Vec<u8>> {
    (prop::collection::vec(any::<u8>(), 0..200), 0..4_u8, any::<bool>(), 1..60_usize).prop_map(
        |(body, framing, interim, chunk)| {
            let mut bytes = Vec::new();
            if interim {
                bytes.extend_from_slice(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
            }
            bytes.extend_from_slice(b"HTTP/1.1 200 OK\r\nETag: \"3\"\r\nX-Source: cache\r\n");
            match framing {
                0 => {
                    bytes.extend(format!("Content-Length: {}\r\n\r\n", body.len()).bytes());
                    bytes.extend(body);
                }
                1 => {
                    bytes.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
                    for part in body.chunks(chunk) {
                        bytes.extend(format!("{:x}\r\n", part.len()).bytes());
                        bytes.extend_from_slice(part);
                        bytes.extend_from_slice(b"\r\n");
                    }
                    bytes.extend_from_slice(b"0\r\nX-Trailer: 1\r\n\r\n");
                }
                2 => {
                    bytes.extend_from_slice(b"Connection: close\r\n\r\n");
                    bytes.extend(body);
                }
                _ => {
                    bytes.extend_from_slice(b"Content-Length: 0\r\n\r\n");
                    bytes.extend(body);
                }
            }
            bytes
        },
    )
}

fn split<'a>(bytes: &'a [u8], cuts: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    cuts.sort_unstable();
    let starts = std::iter::once(0).chain(cuts.clone());
    let ends = cuts.into_iter().chain([bytes.len()]);
    starts.zip(ends).map(|(start, end)| &bytes[start..end]).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn any_split_gives_the_same_answer(
        bytes in response(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let expected = read([bytes.as_slice()], &expectation());
        prop_assert!(matches!(expected, Ok(Some(_))), "{expected:?}");
        prop_assert_eq!(read(split(&bytes, &cuts), &expectation()), expected.clone());
        prop_assert_eq!(read(bytes.chunks(1), &expectation()), expected);
    }

    #[test]
    fn damage_is_an_answer_or_an_error_and_the_same_in_every_split(
        mut bytes in response(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        for (position, byte) in damage {
            let position = position.index(bytes.len());
            bytes[position] = byte;
        }
        let expected = read([bytes.as_slice()], &expectation());
        prop_assert_eq!(read(split(&bytes, &cuts), &expectation()), expected);
    }
}
