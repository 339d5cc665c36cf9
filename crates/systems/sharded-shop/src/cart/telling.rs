//! Tells one other node of changes, at once, and again with growing pauses while it does not take
//! them.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use standfast_tactics::deadline::Deadline;
use tokio::time::{Instant, sleep};

use super::node::Node;
use crate::service::peer::{Call, Peer};

/// A node that has not taken a message by then is asked again.
const TELL_TIME_MAX: Duration = Duration::from_millis(500);

/// The first pause, and the longest one: a node that is back is told soon.
const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// Tells the node at `place` among the peers, for as long as the service lives.
pub(super) async fn run(node: Arc<Node>, place: usize, peer: Arc<Peer>) {
    let queue = node.outbox.queue(place);
    loop {
        let batch = queue.take().await;
        let body = serde_json::to_vec(&batch).expect("carts have plain values");
        let call = Call::post("/peers/changes", body);
        let mut pause = PAUSE_MIN;
        loop {
            let deadline = Deadline::after(Instant::now(), TELL_TIME_MAX);
            let outcome = match peer.call(&call, deadline).await {
                Ok(response) if response.status == StatusCode::NO_CONTENT => break,
                // It will not be better understood the next time; the rounds may find out more.
                Ok(response) if response.status.is_client_error() => {
                    let (status, peer) = (response.status, &node.settings.peers[place].name);
                    tracing::error!(%status, peer, "a message about changes is refused");
                    break;
                }
                Ok(response) => response.status.to_string(),
                Err(error) => error.to_string(),
            };
            tracing::debug!(outcome, peer = node.settings.peers[place].name, "not told yet");
            node.metrics.told("failed");
            // Nodes that come back are not told by all others in one moment.
            sleep(pause.mul_f64(0.5 + rand::random::<f64>() / 2.0)).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
        node.metrics.told("told");
    }
}
