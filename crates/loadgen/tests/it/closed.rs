//! The closed loop asks again as soon as it has an answer, and no more than its clients can.

use std::sync::atomic::Ordering;
use std::time::Duration;

use standfast_loadgen::closed::{ClosedPlan, start};

use crate::get;
use crate::server::{Behaviour, OK, Server, refusing_address};

fn plan(target: std::net::SocketAddr) -> ClosedPlan {
    ClosedPlan {
        scenario: get(),
        target,
        connections: 4,
        duration: Duration::from_millis(500),
        timeout: Duration::from_secs(2),
        seed: 1,
    }
}

#[tokio::test]
async fn each_client_has_one_request_under_way() {
    let delay = Duration::from_millis(10);
    let server = Server::start(Behaviour::AnswerAfter(delay, OK)).await;
    let outcome = start(plan(server.address)).unwrap().finish().await;
    assert_eq!(server.connections.load(Ordering::Relaxed), 4);
    // At most 4 x 500 ms / 10 ms, and one more each that was under way at the end.
    assert!((40..=204).contains(&outcome.ok), "{outcome:?}");
    assert_eq!((outcome.failed, outcome.info), (0, 0));
    assert_eq!(outcome.latency.len(), outcome.ok);
    assert!(outcome.latency.min() >= 9_900, "{}", outcome.latency.min());
}

#[tokio::test]
async fn a_refusing_server_is_not_stormed() {
    let outcome = start(plan(refusing_address().await)).unwrap().finish().await;
    // Four clients that pause 10 ms: at most 51 rounds.
    assert!((4..=204).contains(&outcome.failed), "{outcome:?}");
    assert_eq!(outcome.ok, 0);
}
