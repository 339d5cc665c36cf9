//! The layer and its port as the lab and clients meet them: on real sockets.

use std::net::SocketAddr;
use std::time::Duration;

use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tower::Layer;

use super::super::misconduct::{Committed, Misconduct};
use super::*;

/// Longer than anything here takes on a busy machine: it only bounds a test that fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// A service with a fault port, which ends with this.
struct Bench {
    service: SocketAddr,
    faults: SocketAddr,
    _tasks: JoinSet<()>,
}

struct Answer {
    status: u16,
    body: Value,
}

impl Bench {
    async fn start() -> Self {
        let variables =
            [("STANDFAST_FAULTS", "true"), ("STANDFAST_RUN_TOKEN", "word"), ("FAULT_PORT", "0")];
        let environment = Environment::of(&variables);
        let control = Control::listen(&environment, Ipv4Addr::LOCALHOST).await.unwrap();
        let faults = control.open.as_ref().unwrap().0.local_addr().unwrap();
        let stock = || async { Json(json!({ "product_id": "X", "stock": 5, "version": 9 })) };
        let router = Router::new()
            .route("/inventory/{product}", get(stock))
            .route("/signed", get(signed))
            .route("/health", get(|| async { Json(json!({})) }))
            .route("/metrics", get(stock));
        let service = control.layer().layer(router);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(control.serve());
        tasks.spawn(async move {
            axum::serve(listener, tower::make::Shared::new(service)).await.unwrap();
        });
        Self { service: address, faults, _tasks: tasks }
    }

    async fn get(&self, path: &str) -> Answer {
        send(self.service, "GET", path, "", "").await
    }

    async fn fault(&self, method: &str, body: &str) -> Answer {
        send(self.faults, method, "/fault", body, "x-standfast-token: word\r\n").await
    }
}

/// As a service does that signs what it says.
async fn signed(request: Request) -> Response {
    let told = request.extensions().get::<Misconduct>().copied();
    let text = told.map_or(String::new(), |told| format!("{told:?}"));
    let mut response = Json(json!({ "told": text })).into_response();
    if told.is_some() {
        response.extensions_mut().insert(Committed);
    }
    response
}

async fn send(to: SocketAddr, method: &str, path: &str, body: &str, headers: &str) -> Answer {
    let exchange = async {
        let mut stream = TcpStream::connect(to).await.unwrap();
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\
             content-length: {length}\r\n{headers}\r\n{body}"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    };
    let answer = tokio::time::timeout(PATIENCE, exchange).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, body: serde_json::from_str(body).unwrap_or(Value::Null) }
}

#[tokio::test]
async fn a_service_that_the_lab_may_not_break_has_no_second_port() {
    for variables in [vec![], vec![("STANDFAST_FAULTS", "yes"), ("FAULT_PORT", "0")]] {
        let environment = Environment::of(&variables);
        let control = Control::listen(&environment, Ipv4Addr::LOCALHOST).await.unwrap();
        assert!(control.open.is_none() && control.layer().switch.is_none());
    }
    let environment = Environment::of(&[("STANDFAST_FAULTS", "true"), ("FAULT_PORT", "0")]);
    let error = Control::listen(&environment, Ipv4Addr::LOCALHOST).await.unwrap_err();
    assert!(error.to_string().contains("STANDFAST_RUN_TOKEN"), "{error}");
}

#[tokio::test]
async fn only_who_knows_the_token_can_break_it() {
    let bench = Bench::start().await;
    let fault = r#"{"kind":"intermittent","probability":1}"#;
    for header in ["", "x-standfast-token: wrod\r\n", "x-standfast-token: wor\r\n"] {
        let refused = send(bench.faults, "PUT", "/fault", fault, header).await;
        assert_eq!(refused.status, 403, "{header}");
    }
    assert_eq!(bench.get("/health").await.status, 200);
    assert_eq!(send(bench.service, "PUT", "/fault", fault, "").await.status, 404, "other port");
    assert_eq!(bench.fault("PUT", r#"{"kind":"intermittent"}"#).await.status, 400);
    assert_eq!(bench.fault("PUT", r#"{"kind":"latency","delay_ms":0}"#).await.status, 422);
    assert_eq!(bench.fault("GET", "").await.body["fault"], Value::Null);
}

#[tokio::test]
async fn an_intermittent_service_fails_until_it_is_healed_and_counts_what_it_hit() {
    let bench = Bench::start().await;
    let put = bench.fault("PUT", r#"{"kind":"intermittent","probability":1,"seed":7}"#).await;
    assert_eq!((put.status, &put.body["hits"]), (200, &json!(0)));
    assert_eq!(bench.get("/health").await.status, 500);
    assert_eq!(bench.get("/metrics").await.status, 200, "the lab's own view is never touched");
    let probe = "x-standfast-token: word\r\n";
    assert_eq!(send(bench.service, "GET", "/health", "", probe).await.status, 500);
    let expected = json!({ "fault": { "kind": "intermittent", "probability": 1.0 }, "seed": 7,
        "requests": 1, "hits": 1, "probes_hit": 1 });
    assert_eq!(bench.fault("GET", "").await.body, expected);
    assert_eq!(bench.fault("DELETE", "").await.body, expected, "the account comes with the end");
    assert_eq!(bench.get("/health").await.status, 200);
}

#[tokio::test]
async fn a_slow_service_answers_later() {
    let bench = Bench::start().await;
    bench.fault("PUT", r#"{"kind":"latency","delay_ms":200,"jitter_ms":50}"#).await;
    let asked = Instant::now();
    assert_eq!(bench.get("/inventory/X").await.body["stock"], 5);
    assert!(asked.elapsed() >= Duration::from_millis(150), "{:?}", asked.elapsed());
}

#[tokio::test]
async fn a_silent_service_takes_requests_and_never_answers() {
    let bench = Bench::start().await;
    bench.fault("PUT", r#"{"kind":"silent"}"#).await;
    let mut stream = TcpStream::connect(bench.service).await.unwrap();
    stream.write_all(b"GET /health HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    let is_hit = async || bench.fault("GET", "").await.body["hits"] == json!(1);
    while !is_hit().await {
        tokio::task::yield_now().await;
    }
    let mut byte = [0];
    let answered = tokio::time::timeout(Duration::from_millis(100), stream.read(&mut byte)).await;
    assert!(answered.is_err(), "{answered:?}");
    bench.fault("DELETE", "").await;
    assert_eq!(bench.get("/health").await.status, 200);
}

#[tokio::test]
async fn only_a_service_that_signs_can_commit_perjury() {
    let bench = Bench::start().await;
    for (kind, expected) in [("forge", "Forge"), ("equivocate", "Equivocate"), ("replay", "Replay")]
    {
        bench.fault("PUT", &json!({ "kind": kind, "seed": 7 }).to_string()).await;
        assert_eq!(bench.get("/inventory/X").await.body["stock"], 5, "{kind}");
        assert_eq!(bench.fault("GET", "").await.body["hits"], json!(0), "{kind}: nobody did it");
        let told = bench.get("/signed").await.body["told"].as_str().unwrap().to_owned();
        assert!(told.starts_with(expected), "{told}");
        assert_eq!(bench.fault("GET", "").await.body["hits"], json!(1), "{kind}");
    }
    bench.fault("PUT", r#"{"kind":"incorrect"}"#).await;
    let told = bench.get("/signed").await.body["told"].as_str().unwrap().to_owned();
    assert!(told.starts_with("Incorrect"), "it tells its own lie: {told}");
}

#[tokio::test]
async fn an_incorrect_service_lies_about_the_product_that_is_meant() {
    let bench = Bench::start().await;
    bench.fault("PUT", r#"{"kind":"incorrect","product":"Y"}"#).await;
    assert_eq!(bench.get("/inventory/X").await.body["stock"], 5);
    bench.fault("PUT", r#"{"kind":"incorrect","product":"X"}"#).await;
    let lie = bench.get("/inventory/X").await;
    assert_ne!(lie.body["stock"], 5);
    assert_eq!((lie.status, &lie.body["version"]), (200, &json!(9)), "as if it were sure");
    let report = bench.fault("DELETE", "").await.body;
    assert_eq!((&report["requests"], &report["hits"]), (&json!(1), &json!(1)));
    assert_eq!(bench.get("/inventory/X").await.body["stock"], 5);
}
