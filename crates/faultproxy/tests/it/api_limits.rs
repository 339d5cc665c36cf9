//! What bounds the interface, and that nothing of what goes through a proxy can hold it up.

#![expect(clippy::unwrap_used, reason = "what tests share fails by panicking, as tests do")]

use std::net::Ipv4Addr;
use std::time::Duration;

use standfast_faultproxy::api::ApiOptions;
use standfast_faultproxy::{ProxyChange, ProxyDeclaration};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, timeout};

use crate::api_server::{Request, Server};

/// Bounds a test that fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// The goal is 50 ms. Toxiproxy takes 25 to 133 s here; the rest is for a busy machine.
const CALL_WITHIN: Duration = Duration::from_secs(2);

#[tokio::test]
async fn a_body_that_is_too_long_is_refused() {
    let server = Server::start().await;
    let body = format!("{{\"name\":\"{}\"}}", "x".repeat(8 * 1024 * 1024));
    let answer = server.ask(&Request::new("POST", "/proxies", &body)).await;
    assert_eq!(answer.status, 413, "{answer:?}");
    assert!(answer.body.contains("longer than 8388608 bytes"), "{answer:?}");
    server.stop().await;
}

#[tokio::test]
async fn an_idle_connection_is_closed_and_makes_room() {
    let options = ApiOptions {
        connections_max: 1,
        idle_timeout: Duration::from_millis(100),
        ..ApiOptions::default()
    };
    let server = Server::start_with(options).await;
    let mut idle = TcpStream::connect(server.address).await.unwrap();
    idle.write_all(b"GET /version HTTP/1.1\r\n").await.unwrap();
    let answer = server.ask(&Request::new("GET", "/version", "")).await;
    assert_eq!(answer.body, "{\"version\": \"2.12.0\"}\n");
    let mut rest = Vec::new();
    timeout(PATIENCE, idle.read_to_end(&mut rest)).await.expect("it is closed").unwrap();
    server.stop().await;
}

#[tokio::test]
async fn a_connection_that_is_kept_does_not_hold_up_the_end() {
    let server = Server::start().await;
    let mut kept = TcpStream::connect(server.address).await.unwrap();
    kept.write_all(b"GET /version HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    assert!(kept.read(&mut [0; 1024]).await.unwrap() > 0);
    let before = Instant::now();
    server.stop().await;
    assert!(before.elapsed() < ApiOptions::default().grace, "it was not cut off");
    assert_eq!(kept.read(&mut [0; 1]).await.unwrap(), 0);
}

/// An address whose backlog is full, so that connecting to it hangs; with what fills it.
async fn unresponsive() -> (String, Vec<TcpStream>, tokio::net::TcpListener) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut filling = Vec::new();
    while let Ok(connected) = timeout(Duration::from_millis(300), TcpStream::connect(address)).await
    {
        filling.push(connected.unwrap());
    }
    (address.to_string(), filling, listener)
}

#[tokio::test]
async fn calls_are_answered_at_once_while_clients_wait_for_an_upstream() {
    let server = Server::start().await;
    let client = &server.client;
    let (upstream, _filling, _listener) = unresponsive().await;
    let proxy = client.create(&ProxyDeclaration::local("a", &upstream)).await.unwrap();
    let mut waiting = Vec::new();
    for _ in 0..100 {
        waiting.push(TcpStream::connect(&proxy.listen).await.unwrap());
    }
    let off = ProxyChange { enabled: Some(false), ..ProxyChange::default() };
    let on = ProxyChange { enabled: Some(true), ..ProxyChange::default() };
    let mut slowest = Duration::ZERO;
    for step in 0..4 {
        let before = Instant::now();
        match step {
            0 => assert_eq!(client.list().await.unwrap().len(), 1),
            1 => assert!(!client.update("a", &off).await.unwrap().enabled),
            2 => assert!(client.update("a", &on).await.unwrap().enabled),
            _ => client.delete("a").await.unwrap(),
        }
        slowest = slowest.max(before.elapsed());
    }
    eprintln!("slowest call: {slowest:?}");
    assert!(slowest < CALL_WITHIN, "{slowest:?}");
    server.stop().await;
}
