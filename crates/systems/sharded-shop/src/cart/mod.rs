//! The cart: one of three nodes, each of which takes every read and every write alone.
//!
//! A shop that cannot put things into carts sells nothing, so here availability comes first. A node
//! keeps a change on its own disk, answers, and tells the others at once (`telling`); what they
//! were not told, rounds of comparing find (`reconciling`). Nothing that was put in on one side of
//! a partition is lost, and nothing that was taken out comes back: `standfast_tactics::cart` says
//! why. What may not be wrong, price and stock, is looked at again at the checkout.

mod change;
mod content;
mod context;
mod journal;
mod keys;
mod metrics;
mod names;
mod node;
mod outbox;
mod peer_routes;
mod reconciling;
mod routes;
mod settings;
mod snapshots;
mod state;
mod telling;
mod view;

#[cfg(test)]
mod partitions;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::sync::Arc;

use serde_json::json;
use standfast_tactics::cart::ReplicaId;
use tokio::task::{JoinHandle, JoinSet};

use self::journal::{Folder, Journal, JournalError, Line, Opening};
use self::keys::Keys;
use self::node::{Node, State};
use self::outbox::Outbox;
use self::settings::Settings;
use self::state::{Carts, Identity};
use crate::serve::{ServeError, ServeOptions};
use crate::service::peer::{Peer, PeerLimits};
use crate::service::{events, server};

/// One telling and one round at a time, and a second one while the first is given up.
const PEER_LIMITS: PeerLimits =
    PeerLimits { calls_max: 4, response_length_max: peer_routes::MESSAGE_LENGTH_MAX };

/// Serves until `shutdown` completes, or the log cannot be written any more: a restart reads what
/// is in it.
pub(crate) async fn serve(
    options: ServeOptions,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let settings = Settings::read(&options.environment(), &options)?;
    let (node, opened, writer) = open(settings).map_err(|error| refused(&error))?;
    let listener = server::listen(&options).await?;
    let node = Arc::new(node);
    let carts = node.state().carts.held.len();
    tracing::info!(port = options.port, carts, "listening");
    events::report("state", &node.settings.name, json!({ "state": "opened", "carts": carts }));
    let tasks = start(&node, opened);
    let stopped = async {
        tokio::select! {
            () = shutdown => {}
            () = node.journal.broken() => {}
        }
    };
    server::run(listener, routes::router(Arc::clone(&node)), stopped).await;
    drop(tasks);
    drop(writer);
    Ok(())
}

/// What the node has on its disk, in memory; the line with which its life begins; its writer.
fn open(settings: Settings) -> Result<(Node, Line, Option<JoinHandle<()>>), JournalError> {
    let now_seconds = u32::try_from(node::now_ms() / 1_000).unwrap_or(u32::MAX);
    let opening = Opening { node: settings.node, now_seconds };
    let outbox = Arc::new(Outbox::new(settings.peers.len(), settings.tell_queue));
    let (journal, writer, incarnation, lines) = match &settings.dir {
        None => (Journal::none(Arc::clone(&outbox)), None, now_seconds, Vec::new()),
        Some(dir) => {
            let (folder, started) = Folder::open(dir, opening)?;
            let (journal, writer) = Journal::new(folder, Arc::clone(&outbox));
            (journal, Some(writer), started.incarnation, started.lines)
        }
    };
    let replica = ReplicaId { node: settings.node, incarnation };
    let identity = Identity { mode: settings.mode, replica, carts_max: settings.carts_max };
    let (mut carts, mut keys) = (Carts::new(identity), Keys::default());
    for line in lines {
        let Line::Changed { carts: deltas, answered } = line else { continue };
        carts.restore(&deltas);
        answered.into_iter().for_each(|answered| keys.keep(answered));
    }
    let opened = Line::Opened { node: settings.node, incarnation };
    Ok((Node::new(settings, State { carts, keys }, journal, outbox), opened, writer))
}

/// What a node does beside answering.
fn start(node: &Arc<Node>, opened: Line) -> JoinSet<()> {
    let peer =
        |peer: &settings::PeerSettings| Arc::new(Peer::new(peer.address.clone(), PEER_LIMITS));
    let peers: Vec<Arc<Peer>> = node.settings.peers.iter().map(peer).collect();
    let mut tasks = JoinSet::new();
    for (place, peer) in peers.iter().enumerate() {
        tasks.spawn(telling::run(Arc::clone(node), place, Arc::clone(peer)));
    }
    if let Some(every) = node.settings.reconcile_every {
        tasks.spawn(reconciling::run(Arc::clone(node), peers, every));
    }
    tasks.spawn(snapshots::run(Arc::clone(node), opened));
    tasks
}

fn refused(error: &JournalError) -> ServeError {
    let source = std::error::Error::source(error);
    let cause = source.map(|source| format!(": {source}")).unwrap_or_default();
    ServeError::unusable("CART_DIR", format!("{error}{cause}"))
}
