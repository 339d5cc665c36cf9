//! The pool against real sockets: what is kept, what is bounded, what is given up.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::http::HeaderMap;
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::*;
use crate::service::server;

const LIMITS: PeerLimits = PeerLimits { calls_max: 2, response_length_max: 1000 };

/// Long enough for anything that answers at all, however busy this machine is.
const PLENTY: Duration = Duration::from_secs(20);

async fn serve(router: Router) -> (Peer, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(server::run(listener, router, std::future::pending()));
    (Peer::new(address, LIMITS), tasks)
}

fn within(budget: Duration) -> Deadline {
    Deadline::after(Instant::now(), budget)
}

fn router() -> Router {
    Router::new()
        .route("/echo", post(|body: String| async move { body }))
        .route("/long", get(|| async { "x".repeat(2000) }))
        .route("/never", get(std::future::pending::<()>))
        .route(
            "/deadline",
            get(|headers: HeaderMap| async move {
                headers[deadline::HEADER].to_str().unwrap().to_owned()
            }),
        )
}

#[tokio::test]
async fn a_connection_is_kept_and_the_deadline_travels() {
    let (peer, _server) = serve(router()).await;
    for _ in 0..3 {
        let answer = peer.call(&Call::get("/deadline"), within(PLENTY)).await.unwrap();
        let left_ms: u128 = std::str::from_utf8(&answer.body).unwrap().parse().unwrap();
        assert!(left_ms > 0 && left_ms <= PLENTY.as_millis(), "{left_ms}");
        assert_eq!(peer.occupancy(), (0, 1));
    }
    let answer = peer.call(&Call::post("/echo", b"{}".to_vec()), within(PLENTY)).await.unwrap();
    assert_eq!((answer.status, &answer.body[..]), (StatusCode::OK, &b"{}"[..]));
}

#[tokio::test]
async fn silence_is_given_up_and_leaves_nothing_behind() {
    let (peer, _server) = serve(router()).await;
    let result = peer.call(&Call::get("/never"), within(Duration::from_millis(20))).await;
    assert!(matches!(result, Err(CallError::Timeout)), "{result:?}");
    assert_eq!(peer.occupancy(), (0, 0));
}

#[tokio::test]
async fn no_more_calls_are_out_than_may_be() {
    let (peer, _server) = serve(router()).await;
    let peer = Arc::new(peer);
    let mut calls = JoinSet::new();
    for _ in 0..LIMITS.calls_max {
        let peer = Arc::clone(&peer);
        calls.spawn(async move { peer.call(&Call::get("/never"), within(PLENTY)).await });
    }
    while peer.occupancy().0 < LIMITS.calls_max {
        tokio::task::yield_now().await;
    }
    let result = peer.call(&Call::get("/deadline"), within(PLENTY)).await;
    assert!(matches!(result, Err(CallError::Busy)), "{result:?}");
    calls.shutdown().await;
    assert!(peer.call(&Call::get("/deadline"), within(PLENTY)).await.is_ok());
}

#[tokio::test]
async fn an_answer_that_is_too_long_is_none() {
    let (peer, _server) = serve(router()).await;
    let result = peer.call(&Call::get("/long"), within(PLENTY)).await;
    assert!(matches!(result, Err(CallError::Body(_))), "{result:?}");
    assert_eq!(peer.occupancy(), (0, 0));
}

#[tokio::test]
async fn a_peer_that_restarts_is_found_again_and_a_dead_one_refuses() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let local = listener.local_addr().unwrap();
    let peer = Peer::new(format!("http://{local}").parse().unwrap(), LIMITS);
    let served = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&served);
    let router = Router::new().route(
        "/",
        get(move || {
            counted.fetch_add(1, Ordering::Relaxed);
            async { "here" }
        }),
    );
    let mut server = JoinSet::new();
    server.spawn(server::run(listener, router.clone(), std::future::pending()));
    peer.call(&Call::get("/"), within(PLENTY)).await.unwrap();
    server.shutdown().await;
    let result = peer.call(&Call::get("/"), within(PLENTY)).await;
    assert!(matches!(result, Err(CallError::Connect(_))), "{result:?}");
    let listener = TcpListener::bind(local).await.unwrap();
    server.spawn(server::run(listener, router, std::future::pending()));
    peer.call(&Call::get("/"), within(PLENTY)).await.unwrap();
    assert_eq!(served.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn an_answer_that_came_while_we_stood_still_is_read() {
    let (peer, _server) = serve(router()).await;
    let (budget, now) = (Duration::from_millis(300), Instant::now());
    let deadline = Deadline::after(now, budget);
    assert_eq!(own_pause(deadline, now + budget + TIMER_LATE_MAX), None, "timers are not exact");
    let woke_at = now + 2 * budget;
    let grace = own_pause(deadline, woke_at).unwrap();
    assert_eq!(grace.remaining(woke_at), READING_TIME_MAX);
    // A deadline that has passed long before the call leaves just that.
    let result = peer.call(&Call::get("/never"), Deadline::at(now - budget)).await;
    assert!(matches!(result, Err(CallError::Timeout)), "{result:?}");
}
