//! Long bodies pass piece by piece: who does not take them is not sent them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::origin::{Behaviour, LARGE};
use super::stand::Stand;

/// What sockets on the way may hold; a gateway that held the body would hold all of it.
const HELD_MAX: u64 = LARGE / 2;

/// Waits until nothing more comes for a while, and answers how much there is.
async fn settled(count: &AtomicU64) -> u64 {
    let mut before = 0;
    loop {
        sleep(Duration::from_millis(300)).await;
        let now = count.load(Ordering::Relaxed);
        if now == before && now > 0 {
            return now;
        }
        before = now;
    }
}

#[tokio::test]
async fn a_long_answer_is_not_held() {
    let stand = Stand::start().await;
    let mut stream = TcpStream::connect(stand.address).await.unwrap();
    let request = b"GET /assets/large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let sent = settled(&stand.others.seen.sent).await;
    assert!(sent < HELD_MAX, "{sent} bytes are on their way to nobody");
    let mut buffer = vec![0; 256 * 1024];
    let mut read = 0;
    loop {
        match stream.read(&mut buffer).await.unwrap() {
            0 => break,
            count => read += count as u64,
        }
    }
    // The head comes on top.
    assert!((LARGE..LARGE + 1000).contains(&read), "{read}");
}

#[tokio::test]
async fn a_long_request_is_not_held() {
    let stand = Stand::start().await;
    stand.others.behave(Behaviour::Good).await;
    let head = format!(
        "POST /assets/large HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {LARGE}\
         \r\n\r\n"
    );
    let mut stream = TcpStream::connect(stand.address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let block = vec![b'x'; 64 * 1024];
    for _ in 0..LARGE / block.len() as u64 {
        stream.write_all(&block).await.unwrap();
    }
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.ends_with(&LARGE.to_string()), "{answer}");
}

#[tokio::test]
async fn who_sends_a_long_request_to_a_service_that_takes_none_of_it_waits() {
    let stand = Stand::start().await;
    let head = format!("POST /assets/large HTTP/1.1\r\nHost: a\r\nContent-Length: {LARGE}\r\n\r\n");
    let mut stream = TcpStream::connect(stand.address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&[b'x'; 1000]).await.unwrap();
    while stand.others.seen.received.load(Ordering::Relaxed) == 0 {
        sleep(Duration::from_millis(5)).await;
    }
    stand.others.behave(Behaviour::Slow).await;
    let block = vec![b'x'; 64 * 1024];
    let mut written = 0;
    while timeout(Duration::from_secs(1), stream.write_all(&block)).await.is_ok() {
        written += block.len() as u64;
        assert!(written < HELD_MAX, "{written} bytes are held for nobody");
    }
}

#[tokio::test]
async fn a_long_answer_that_breaks_off_ends_the_connection_and_is_no_short_answer() {
    let stand = Stand::start().await;
    let mut stream = TcpStream::connect(stand.address).await.unwrap();
    stream.write_all(b"GET /assets/large HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let mut buffer = vec![0; 64 * 1024];
    stream.read_exact(&mut buffer).await.unwrap();
    stand.others.behave(Behaviour::Dead).await;
    let mut read = buffer.len() as u64;
    // It ends, by an end or by a reset, and before its time.
    while let Ok(count @ 1..) = stream.read(&mut buffer).await {
        read += count as u64;
    }
    assert!(read < LARGE, "{read}");
}
