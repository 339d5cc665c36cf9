//! Keeps the log short: when it is long, another one is begun, and a snapshot of all carts takes
//! the place of the one before, while changes go on.

use std::sync::Arc;

use super::content::Deltas;
use super::journal::Line;
use super::node::Node;

/// A log that is shorter is read in a moment.
const LOG_LENGTH_MIN: u64 = 8 << 20;

/// Carts that are looked at while nobody else may.
const CARTS_AT_ONCE: usize = 256;

/// Keys, likewise.
const KEYS_AT_ONCE: usize = 1_024;

/// Takes snapshots for as long as the service lives.
pub(super) async fn run(node: Arc<Node>, opened: Line) {
    let mut length = 0;
    // A snapshot is worth writing when most of the log is of no interest any more.
    loop {
        node.journal.longer_than(LOG_LENGTH_MIN.max(2 * length)).await;
        let Some(taken) = take(&node, &opened).await else { return };
        length = taken;
    }
}

/// Takes a snapshot, and answers its length; nothing when the log has ended.
pub(super) async fn take(node: &Node, opened: &Line) -> Option<u64> {
    let place = node.journal.rotate().await?;
    // What was logged before is in memory since, and so comes into the snapshot.
    let text = encode(node, opened).await;
    let length = text.len() as u64;
    match tokio::task::spawn_blocking(move || place.fill(&text)).await {
        Ok(Ok(())) => {
            node.metrics.snapshots.inc();
            tracing::info!(length, "a snapshot was kept");
        }
        // The logs are still there, and say the same.
        Ok(Err(error)) => tracing::error!(%error, "a snapshot could not be kept"),
        Err(error) => tracing::error!(%error, "a snapshot ended by a panic"),
    }
    Some(length)
}

async fn encode(node: &Node, opened: &Line) -> String {
    let mut text = opened.encode();
    let mut after = String::new();
    loop {
        let some: Deltas = {
            let state = node.state();
            let carts = state.carts.after(&after).take(CARTS_AT_ONCE);
            carts.map(|(cart, content)| (cart.clone(), content.clone())).collect()
        };
        let Some((last, _)) = some.last_key_value() else { break };
        after.clone_from(last);
        for (cart, content) in some {
            let carts = [(cart, content)].into();
            text.push_str(&Line::Changed { carts, answered: None }.encode());
        }
        // Requests come first.
        tokio::task::yield_now().await;
    }
    let mut place = 0;
    loop {
        let (some, next) = node.state().keys.some(place, KEYS_AT_ONCE);
        if some.is_empty() {
            return text;
        }
        place = next;
        for answered in some {
            let line = Line::Changed { carts: Deltas::new(), answered: Some(answered) };
            text.push_str(&line.encode());
        }
        tokio::task::yield_now().await;
    }
}
