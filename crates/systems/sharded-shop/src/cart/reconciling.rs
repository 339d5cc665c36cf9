//! Compares what this node has with what another one has, again and again, and merges both ways
//! where they differ. This finds what nobody was told: because of a full queue, of a death in
//! between, of a folder that was emptied.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use standfast_tactics::anti_entropy::{Message, MessageError};
use standfast_tactics::deadline::Deadline;
use tokio::time::{Instant, sleep};

use super::content::Deltas;
use super::node::Node;
use crate::service::peer::{Call, CallError, Peer};
use crate::service::problem::Problem;

/// One question of a round.
const CALL_TIME_MAX: Duration = Duration::from_secs(1);

/// Messages of a round: a tree has fewer levels.
const MESSAGES_MAX: usize = 16;

/// Rounds in a row with one node, each of which finds up to 256 carts; then others have a turn.
const ROUNDS_MAX: u32 = 64;

/// Carts in one message.
const CARTS_MAX: usize = 32;

/// What a node says of another one's view.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Compared {
    pub(super) reply: Option<Message<String>>,
    pub(super) repair: Vec<String>,
}

/// Carts that differ: what the sender has of them, and which it wants to see.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Exchange {
    pub(super) carts: Deltas,
    pub(super) wanted: BTreeSet<String>,
}

/// Why a round ended early. The next one begins anew.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error("the other node did not answer: {0}")]
    NoAnswer(#[from] CallError),
    #[error("the other node answered {0}")]
    Status(StatusCode),
    #[error("what the other node answered cannot be read: {0}")]
    Unreadable(#[from] serde_json::Error),
    #[error(transparent)]
    Tree(#[from] MessageError),
    #[error("what differs cannot be kept: {0:?}")]
    NotKept(Problem),
}

/// Compares with a node after another, for as long as the service lives.
pub(super) async fn run(node: Arc<Node>, peers: Vec<Arc<Peer>>, every: Duration) {
    let mut turn: u32 = rand::random();
    loop {
        // At times of its own, so that nodes do not ask each other in step.
        sleep(every.mul_f64(0.5 + rand::random::<f64>())).await;
        let place = usize::try_from(rand::random::<u32>()).unwrap_or(0) % peers.len().max(1);
        let Some(peer) = peers.get(place) else { return };
        let name = &node.settings.peers[place].name;
        catch_up(&node, peer, name, &mut turn).await;
    }
}

/// Compares with `peer` until nothing more is found: what differs may be more than one round holds.
/// Answers how many rounds that took.
pub(super) async fn catch_up(node: &Node, peer: &Peer, name: &str, turn: &mut u32) -> u32 {
    for rounds in 1..=ROUNDS_MAX {
        *turn = turn.wrapping_add(1);
        match round(node, peer, *turn).await {
            Ok(Found { differing: 0, .. }) => {
                node.metrics.compared("equal");
                node.metrics.differing.set(0);
                return rounds;
            }
            Ok(Found { differing, repaired }) => {
                node.metrics.compared("repaired");
                node.metrics.differing.set(i64::try_from(differing).unwrap_or(i64::MAX));
                if repaired == 0 {
                    // As where a scalar is of the future: it takes time, and not rounds.
                    return rounds;
                }
            }
            Err(error) => {
                node.metrics.compared("failed");
                tracing::debug!(%error, peer = name, "a round of comparing ended early");
                return rounds;
            }
        }
    }
    ROUNDS_MAX
}

/// What came of a round, in carts.
#[derive(Clone, Copy, Debug, Default)]
struct Found {
    differing: usize,
    /// Of those, the ones that are the same on both nodes now.
    repaired: usize,
}

/// One round with `peer`.
async fn round(node: &Node, peer: &Peer, turn: u32) -> Result<Found, Failed> {
    let mut message = node.state().carts.begin_round(turn);
    for _ in 0..MESSAGES_MAX {
        let compared: Compared = ask(node, peer, "/peers/digests", &message).await?;
        if !compared.repair.is_empty() {
            return repair(node, peer, compared.repair).await;
        }
        let Some(reply) = compared.reply else { break };
        let own = node.state().carts.compare(&reply)?;
        if !own.repair.is_empty() {
            return repair(node, peer, own.repair).await;
        }
        let Some(next) = own.reply else { break };
        message = next;
    }
    Ok(Found::default())
}

/// Both sides merge what the other one has.
async fn repair(node: &Node, peer: &Peer, carts: Vec<String>) -> Result<Found, Failed> {
    let mut found = Found { differing: carts.len(), repaired: 0 };
    for some in carts.chunks(CARTS_MAX) {
        let wanted: BTreeSet<String> = some.iter().cloned().collect();
        let exchange = Exchange { carts: node.state().carts.pick(&wanted), wanted };
        let theirs: Deltas = ask(node, peer, "/peers/carts", &exchange).await?;
        let deadline = Deadline::after(Instant::now(), CALL_TIME_MAX);
        let merged = node.merge(theirs.clone(), "reconciled", deadline).await;
        merged.map_err(Failed::NotKept)?;
        let state = node.state();
        let same = theirs.iter().filter(|(cart, held)| state.carts.content(cart) == Some(*held));
        found.repaired += same.count();
    }
    Ok(found)
}

async fn ask<T: DeserializeOwned>(
    node: &Node,
    peer: &Peer,
    path: &str,
    question: &impl Serialize,
) -> Result<T, Failed> {
    let body = serde_json::to_vec(question)?;
    let sent = body.len() as u64;
    let deadline = Deadline::after(Instant::now(), CALL_TIME_MAX);
    let response = peer.call(&Call::post(path, body), deadline).await?;
    node.metrics.round_bytes.inc_by(sent + response.body.len() as u64);
    match response.status {
        StatusCode::OK => Ok(serde_json::from_slice(&response.body)?),
        status => Err(Failed::Status(status)),
    }
}
