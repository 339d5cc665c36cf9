//! HAProxy: whom it forwards to is decided at its socket, and whoever comes too early waits.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use standfast_engines::{Backend, Engine, EngineError, EngineKind, wait_until};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::place::{Place, free_port};

/// Longer than a connection is held.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);

/// A server that says its name to everybody, as databases greet their clients.
fn greet(name: &'static str) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(spawn_blocking(move || {
        // Ends with the test's runtime: nobody comes any more, and the last one says so.
        for mut stream in listener.incoming().flatten() {
            if stream.write_all(name.as_bytes()).is_err() || is_goodbye(&stream) {
                return;
            }
        }
    }));
    port
}

/// Whether whoever connected did so directly, to end the server.
fn is_goodbye(stream: &TcpStream) -> bool {
    stream.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
    let mut byte = [0];
    matches!((&mut &*stream).read(&mut byte), Ok(1))
}

fn dismiss(port: u16) {
    if let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) {
        drop(stream.write_all(b"!"));
    }
}

async fn create(place: &Place, servers: [(&str, u16); 2]) -> Engine {
    let mut spec = place.spec("orders-proxy", EngineKind::Haproxy);
    let backend = |(name, port): (&str, u16)| Backend {
        name: name.to_owned(),
        address: format!("127.0.0.1:{port}"),
        agent: None,
    };
    spec.backends = servers.map(backend).into();
    place.create(spec).await
}

/// What it answers to a command.
fn command(engine: &Engine, command: &str) -> String {
    let mut stream = UnixStream::connect(engine.socket().unwrap()).unwrap();
    stream.write_all(format!("{command}\n").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn set(engine: &Engine, server: &str, state: &str) {
    let answer = command(engine, &format!("set server orders-proxy/{server} state {state}"));
    assert_eq!(answer.trim(), "");
}

/// Who greets a client of the proxy; nobody when it is hung up on.
fn client(engine: &Engine) -> JoinHandle<String> {
    let port = engine.spec().port;
    spawn_blocking(move || {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        stream.set_read_timeout(Some(ANSWER_WITHIN)).unwrap();
        let mut greeting = [0; 16];
        match stream.read(&mut greeting) {
            Ok(length) => String::from_utf8_lossy(&greeting[..length]).into_owned(),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => String::new(),
            Err(error) => panic!("neither greeted nor hung up on: {error}"),
        }
    })
}

/// Waits until HAProxy holds somebody.
async fn holds(engine: &Engine) {
    let held = || async {
        let table = command(engine, "show stat");
        let line = table.lines().find(|line| line.starts_with("orders-proxy-hold,FRONTEND,"));
        let sessions = line.and_then(|line| line.split(',').nth(4)).map(str::to_owned);
        sessions.filter(|count| count != "0")
    };
    wait_until(Duration::from_secs(10), held).await.expect("somebody is held");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_comes_before_a_server_is_ready_waits_for_it() {
    let place = Place::new("proxy-waits");
    let (a, b) = (greet("a"), greet("b"));
    let engine = create(&place, [("orders-a", a), ("orders-b", b)]).await;
    engine.start().await.unwrap();
    let socket = std::fs::metadata(engine.socket().unwrap()).unwrap();
    assert_eq!(socket.permissions().mode() & 0o777, 0o600, "nobody else gives commands");

    let early = client(&engine);
    holds(&engine).await;
    set(&engine, "orders-a", "ready");
    assert_eq!(early.await.unwrap(), "a");

    // As in a failover: the new primary is ready a moment after the old one went.
    set(&engine, "orders-a", "maint");
    let between = client(&engine);
    holds(&engine).await;
    set(&engine, "orders-b", "ready");
    assert_eq!(between.await.unwrap(), "b");

    // What it was told is forgotten with a crash, so that nobody is forwarded to by mistake.
    engine.kill().await.unwrap();
    engine.start().await.unwrap();
    assert_eq!(client(&engine).await.unwrap(), "", "hung up on when the wait is over");
    dismiss(a);
    dismiss(b);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ready_server_that_is_dead_is_tried_until_another_one_is_ready() {
    let place = Place::new("proxy-redispatches");
    let b = greet("b");
    let engine = create(&place, [("orders-a", free_port()), ("orders-b", b)]).await;
    engine.start().await.unwrap();
    set(&engine, "orders-a", "ready");
    let early = client(&engine);
    let refused = || async {
        let table = command(&engine, "show stat");
        let line = table.lines().find(|line| line.starts_with("orders-proxy,orders-a,"));
        // Retries of connections to it.
        let retries = line.and_then(|line| line.split(',').nth(15)).map(str::to_owned);
        retries.filter(|count| count != "0")
    };
    wait_until(Duration::from_secs(10), refused).await.expect("it is tried again");
    set(&engine, "orders-a", "maint");
    holds(&engine).await;
    set(&engine, "orders-b", "ready");
    assert_eq!(early.await.unwrap(), "b");
    dismiss(b);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_one_does_not_answer_and_a_stop_is_quick() {
    let place = Place::new("proxy-frozen");
    let servers = [("orders-a", free_port()), ("orders-b", free_port())];
    let engine = create(&place, servers).await;
    engine.start().await.unwrap();
    engine.pause().await.unwrap();
    assert!(matches!(engine.ready().await, Err(EngineError::NoAnswer { .. })));
    engine.resume().await.unwrap();
    engine.ready().await.unwrap();
    assert!(!engine.stop().await.unwrap().killed);
    assert!(matches!(engine.run_sql("", &[].into()).await, Err(EngineError::Unsupported { .. })));
}
