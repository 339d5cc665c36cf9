//! Our own interface, through our own client.

use std::net::Ipv4Addr;
use std::time::Duration;

use standfast_engines::wait_until;
use standfast_faultproxy::toxic::{Direction, Down, Latency, Schedule, Toxic, ToxicKind, Window};
use standfast_faultproxy::{ProxyChange, ProxyDeclaration, ToxicChange};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::api_server::{Request, Server};

/// Bounds a test that fails.
const PATIENCE: Duration = Duration::from_secs(20);

fn latency(milliseconds: i64) -> Toxic {
    let kind = ToxicKind::Latency(Latency { latency: milliseconds, jitter: 0 });
    Toxic::new(kind, Direction::Downstream)
}

#[tokio::test]
async fn a_proxy_comes_with_its_toxics_or_not_at_all() {
    let server = Server::start().await;
    let schedule = Window { after_ms: 5, for_ms: Some(10), every_ms: Some(100) };
    let mut down = Toxic::new(ToxicKind::Down(Down {}), Direction::Upstream).named("cut/1");
    down.client = "10.0.0.0/8".parse().unwrap();
    down.schedule = Some(Schedule::try_from(schedule).unwrap());
    let mut declaration = ProxyDeclaration::local("a/b ü", "127.0.0.1:1");
    declaration.toxics = vec![down.clone(), latency(7)];
    let made = server.client.create(&declaration).await.unwrap();
    let toxics: Vec<_> = made.toxics.iter().map(|view| view.toxic.clone()).collect();
    assert_eq!(toxics, [down, latency(7)]);
    assert_eq!(server.client.get("a/b ü").await.unwrap(), made, "any name can be in a path");
    assert_eq!(server.client.list().await.unwrap(), server.proxy.list());
    assert_eq!(server.proxy.list(), [made], "the client says what the server holds");

    let mut twice = ProxyDeclaration::local("twice", "127.0.0.1:1");
    twice.toxics = vec![latency(1), latency(2)];
    let refused = server.client.create(&twice).await.unwrap_err();
    assert_eq!(refused.status(), Some(400), "{refused}");
    assert!(server.client.get("twice").await.is_err(), "nothing was made");
    server.stop().await;
}

#[tokio::test]
async fn everything_can_be_changed_and_taken_away() {
    let server = Server::start().await;
    let client = &server.client;
    client.create(&ProxyDeclaration::local("a", "127.0.0.1:1")).await.unwrap();
    client.add_toxic("a", &latency(7)).await.unwrap();
    let schedule = Schedule::try_from(Window { for_ms: Some(1), ..Window::default() }).unwrap();
    let change = ToxicChange {
        kind: Some(ToxicKind::Latency(Latency { latency: 8, jitter: 1 })),
        toxicity: Some(0.5),
        client: Some("127.0.0.1".parse().unwrap()),
        schedule: Some(Some(schedule)),
    };
    let changed = client.change_toxic("a", "latency_downstream", &change).await.unwrap().toxic;
    assert_eq!(Some(changed.kind), change.kind);
    assert_eq!((changed.toxicity, changed.schedule), (0.5, Some(schedule)));
    assert_eq!(changed.client.to_string(), "127.0.0.1/32");
    let heal = ToxicChange { schedule: Some(None), ..ToxicChange::default() };
    let healed = client.change_toxic("a", "latency_downstream", &heal).await.unwrap().toxic;
    assert_eq!((healed.schedule, healed.toxicity), (None, 0.5), "only what was asked for");
    client.remove_toxic("a", "latency_downstream").await.unwrap();

    let change = ProxyChange { enabled: Some(false), ..ProxyChange::default() };
    assert!(!client.update("a", &change).await.unwrap().enabled);
    client.reset().await.unwrap();
    assert!(client.get("a").await.unwrap().enabled);
    client.delete("a").await.unwrap();
    assert_eq!(client.list().await.unwrap(), []);
    assert_eq!(client.seed().await.unwrap(), 7);
    server.stop().await;
}

#[tokio::test]
async fn counters_are_live_and_live_connections_can_be_reset() {
    let server = Server::start().await;
    let upstream = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = upstream.local_addr().unwrap().to_string();
    let mut declaration = ProxyDeclaration::local("a", address);
    declaration.toxics = vec![latency(0)];
    let proxy = server.client.create(&declaration).await.unwrap();
    let mut near = TcpStream::connect(&proxy.listen).await.unwrap();
    let (mut far, _) = upstream.accept().await.unwrap();
    near.write_all(b"hello").await.unwrap();
    far.read_exact(&mut [0; 5]).await.unwrap();
    far.write_all(b"world!").await.unwrap();
    near.read_exact(&mut [0; 6]).await.unwrap();

    // The last counter is written after the bytes, so that it may be a moment late.
    let seen = wait_until(PATIENCE, || async {
        let view = server.client.get("a").await.unwrap();
        let is_there = (view.counters.upstream.sent_bytes, view.counters.downstream.sent_bytes);
        (is_there == (5, 6)).then_some(view)
    });
    let view = seen.await.expect("both directions are counted while the connection is open");
    assert_eq!(view.counters.connections_live, 1);
    assert_eq!((view.toxics[0].tally.connections, view.toxics[0].tally.bytes), (1, 6));
    let metrics = server.ask(&Request::new("GET", "/metrics", "")).await.body;
    let labels = format!("listener=\"{}\",proxy=\"a\"", proxy.listen);
    let line = format!("toxiproxy_proxy_sent_bytes_total{{direction=\"downstream\",{labels}");
    let line = metrics.lines().find(|known| known.starts_with(&line)).unwrap();
    assert!(line.ends_with(" 6"), "{line}");

    let adoption = server.client.adopted("a").await.unwrap();
    assert_eq!((adoption.connections, adoption.is_complete), (1, true));
    assert_eq!(server.client.reset_connections("a").await.unwrap(), 1);
    let error = near.read(&mut [0; 1]).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    let removed = server.client.remove_toxic("a", "latency_downstream").await.unwrap();
    assert_eq!(removed.tally.bytes, 6, "the last word of its counters");
    server.stop().await;
}

#[tokio::test]
async fn errors_are_problems_with_a_place() {
    let server = Server::start().await;
    server.client.create(&ProxyDeclaration::local("a", "127.0.0.1:1")).await.unwrap();
    let create = "/standfast/v1/proxies";
    let toxics = "/standfast/v1/proxies/a/toxics";
    for (method, path, body, status, part) in [
        ("POST", create, "{\"name\":\"b\",\n \"upsteam\":1}", 400, "line 2, column 2: unknown key"),
        ("POST", create, "{", 400, "line 1, column 2: unexpected EOF"),
        ("POST", create, "{\"name\":\"a\",\"upstream\":\"b\"}", 409, "proxy already exists"),
        ("POST", toxics, "{\"type\":\"lag\"}", 400, "line 1, column 9: invalid toxic type `lag`"),
        ("POST", toxics, "{\"type\":\"latency\",\"attributes\":{\"x\":1}}", 400, "unknown key `x`"),
        ("GET", "/standfast/v1/proxies/b", "", 404, "proxy not found"),
        ("GET", "/standfast/v1/proxies/a/toxics/x", "", 404, "toxic not found"),
        ("GET", "/standfast/v1/nothing", "", 404, "there is no /standfast/v1/nothing"),
        ("PUT", create, "", 405, "does not know PUT"),
    ] {
        let answer = server.ask(&Request::new(method, path, body)).await;
        assert_eq!(answer.status, status, "{method} {path} {body}: {answer:?}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        assert!(answer.body.contains(part), "{method} {path} {body}: {answer:?}");
    }
    let error = server.client.get("b").await.unwrap_err().to_string();
    let call = format!("GET http://{}/standfast/v1/proxies/b", server.address);
    assert_eq!(error, format!("{call}: proxy not found (404)"));
    server.stop().await;
}

#[tokio::test]
async fn toxics_that_only_ours_has_work_through_the_routes_of_toxiproxy() {
    let server = Server::start().await;
    server.client.create(&ProxyDeclaration::local("a", "127.0.0.1:1")).await.unwrap();
    let add = Request::new("POST", "/proxies/a/toxics", r#"{"type":"down","stream":"upstream"}"#);
    let answer = server.ask(&add).await;
    let expected = "{\"attributes\":{},\"name\":\"down_upstream\",\"type\":\"down\",\
                    \"stream\":\"upstream\",\"toxicity\":1}";
    assert_eq!((answer.status, answer.body.as_str()), (200, expected));
    let body =
        r#"{"type":"http_status","attributes":{"status":503,"probability":0.25,"body":"x"}}"#;
    let answer = server.ask(&Request::new("POST", "/proxies/a/toxics", body)).await;
    assert!(answer.body.contains(r#""status":503,"probability":0.25,"body":"x""#), "{answer:?}");
    server.stop().await;
}
