//! What could be read in two ways is refused, and no service hears of it.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::stand::Stand;

/// A second response would be there at once.
const SECOND_WITHIN: Duration = Duration::from_millis(100);

/// What a machine that builds beside the test may take for the first.
const FIRST_WITHIN: Duration = Duration::from_secs(30);

/// Sends `bytes`, and answers the status of each response.
async fn statuses(stand: &Stand, bytes: &str) -> Vec<u16> {
    let mut stream = TcpStream::connect(stand.address).await.unwrap();
    stream.write_all(bytes.as_bytes()).await.unwrap();
    let (mut answer, mut buffer, mut patience) = (Vec::new(), vec![0; 4096], FIRST_WITHIN);
    // What was not read of the request may end it by a reset.
    while let Ok(Ok(read @ 1..)) = timeout(patience, stream.read(&mut buffer)).await {
        answer.extend_from_slice(&buffer[..read]);
        patience = SECOND_WITHIN;
    }
    let text = String::from_utf8_lossy(&answer);
    let status = |rest: &str| rest.split(' ').next().unwrap().parse().unwrap();
    text.split("HTTP/1.1 ").skip(1).map(status).collect()
}

/// `request` is refused with one of these, and goes no further.
async fn check(stand: &Stand, request: &str, expected: &[u16]) {
    let services = [&stand.search, &stand.reservations, &stand.others];
    let before = services.map(|service| service.requests());
    let statuses = statuses(stand, request).await;
    let shown: String = request.chars().take(300).collect();
    assert_eq!(statuses.len(), 1, "{shown:?}: {statuses:?}");
    assert!(expected.contains(&statuses[0]), "{shown:?}: {statuses:?}");
    assert_eq!(services.map(|service| service.requests()), before, "{shown:?}");
}

#[tokio::test]
async fn a_body_with_two_lengths_goes_nowhere() {
    let stand = Stand::start().await;
    let inner = "GET /api/offers HTTP/1.1\r\nHost: a\r\n\r\n";
    let length = format!("Content-Length: {}\r\n", inner.len() + 5);
    let chunked = "Transfer-Encoding: chunked\r\n";
    let begin = "POST /api/reservations HTTP/1.1\r\nHost: a\r\n";
    for headers in [
        format!("{length}{chunked}"),
        format!("{chunked}{length}"),
        format!("{chunked}transfer-encoding: identity\r\n"),
        format!("Transfer-Encoding: identity\r\n{chunked}"),
        format!("{chunked}{chunked}"),
        "Transfer-Encoding: xchunked\r\n".to_owned(),
        "Transfer-Encoding : chunked\r\n".to_owned(),
        "Content-Length: 5\r\nContent-Length: 6\r\n".to_owned(),
        "Content-Length: +5\r\n".to_owned(),
        "Content-Length: 5, 6\r\n".to_owned(),
        " Folded: x\r\n".to_owned(),
    ] {
        check(&stand, &format!("{begin}{headers}\r\n0\r\n\r\n{inner}"), &[400]).await;
    }
}

#[tokio::test]
async fn a_request_for_another_server_or_place_goes_nowhere() {
    let stand = Stand::start().await;
    for (line, headers, expected) in [
        ("GET http://other/api/offers HTTP/1.1", "Host: a", 400),
        ("CONNECT other:80 HTTP/1.1", "Host: a", 400),
        ("GET /api/../events HTTP/1.1", "Host: a", 400),
        ("GET /api/%2e%2e/events HTTP/1.1", "Host: a", 400),
        ("GET /api/offers HTTP/1.1", "Accept: x", 400),
        ("GET /api/offers HTTP/1.1", "Host: a\r\nHost: b", 400),
        ("GET /events HTTP/1.1", "Host: a", 404),
        ("GET /admin/breakers HTTP/1.1", "Host: a\r\nX-Standfast-Token: guess", 404),
        ("DELETE /api/offers HTTP/1.1", "Host: a", 405),
        ("GET /api/offers HTTP/1.1", "Host: a\r\nX-Deadline-Ms: soon", 400),
        ("GET /api/offers HTTP/9.1", "Host: a", 400),
        ("GET /api offers HTTP/1.1", "Host: a", 400),
    ] {
        check(&stand, &format!("{line}\r\n{headers}\r\n\r\n"), &[expected]).await;
    }
}

#[tokio::test]
async fn what_is_too_large_goes_nowhere() {
    let stand = Stand::start().await;
    let header = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(40_000));
    check(&stand, &header, &[400, 431]).await;
    let many: String = (0..200).map(|number| format!("X-{number}: 1\r\n")).collect();
    check(&stand, &format!("GET / HTTP/1.1\r\nHost: a\r\n{many}\r\n"), &[400, 431]).await;
    let path = format!("GET /api/offers?{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(3000));
    check(&stand, &path, &[414]).await;
    let post = "POST /api/reservations HTTP/1.1\r\nHost: a\r\n";
    check(&stand, &format!("{post}Content-Length: 100000\r\n\r\n"), &[413]).await;
    let chunk = format!("{:x}\r\n{}\r\n0\r\n\r\n", 20_000, "x".repeat(20_000));
    let chunked = format!("{post}Transfer-Encoding: chunked\r\n\r\n{chunk}");
    check(&stand, &chunked, &[413]).await;
    let key = "k".repeat(200);
    check(&stand, &format!("{post}Idempotency-Key: {key}\r\n\r\n"), &[400]).await;
    let body = "GET /api/offers HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx";
    check(&stand, body, &[400]).await;
}

#[tokio::test]
async fn a_plainly_chunked_body_arrives_with_its_length() {
    let stand = Stand::start().await;
    let request = "POST /api/reservations HTTP/1.1\r\nHost: a\r\nIdempotency-Key: k\r\n\
                   Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
    assert_eq!(statuses(&stand, request).await, [201]);
    let seen = stand.reservations.seen.last.lock().unwrap().take().unwrap();
    assert_eq!(seen.headers["content-length"], "2");
    assert!(!seen.headers.contains_key("transfer-encoding"));
}

#[tokio::test]
async fn a_service_gets_what_the_gateway_says_and_not_what_the_client_claims() {
    let stand = Stand::start().await;
    let request = "GET /api/offers?city=Lima HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 8.8.8.8\r\n\
                   Connection: X-Hop\r\nX-Hop: 1\r\nX-Standfast-Token: word\r\n\r\n";
    assert_eq!(statuses(&stand, request).await, [200]);
    let seen = stand.search.seen.last.lock().unwrap().take().unwrap();
    assert_eq!(seen.uri, "/offers?city=Lima");
    assert_eq!(seen.headers["x-forwarded-for"], "127.0.0.1");
    assert_eq!(seen.headers["host"], stand.search.address.to_string().as_str());
    let left: u64 = seen.headers["x-deadline-ms"].to_str().unwrap().parse().unwrap();
    assert!(left <= 400, "what is left for one attempt: {left}");
    for name in ["connection", "x-hop", "x-standfast-token"] {
        assert!(!seen.headers.contains_key(name), "{name}");
    }
}
