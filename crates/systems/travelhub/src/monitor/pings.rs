//! Ping and echo: each service is asked for its health, in a task and with a connection of its own.

use std::sync::Arc;

use axum::http::StatusCode;
use standfast_tactics::deadline::Deadline;
use standfast_tactics::detect::{Echo, EchoResult, Standing, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::watching::Monitor;
use crate::service::peer::{Call, Peer, PeerLimits};

/// Pings that hang are given up before there are many of them.
const LIMITS: PeerLimits = PeerLimits { calls_max: 4, response_length_max: 64 * 1024 };

/// Pings all services, for as long as the set lives.
pub(super) fn start(monitor: &Arc<Monitor>, tasks: &mut JoinSet<()>) {
    for place in 0..monitor.settings.watched.len() {
        tasks.spawn(ping(Arc::clone(monitor), place));
    }
}

async fn ping(monitor: Arc<Monitor>, place: usize) {
    let policy = monitor.settings.ping;
    let peer = Arc::new(Peer::new(monitor.settings.watched[place].address.clone(), LIMITS));
    let echo = Echo::try_new(policy, Standing::Up, Instant::now());
    let echo = echo.expect("settings were checked");
    let send = || {
        let (monitor, peer) = (Arc::clone(&monitor), Arc::clone(&peer));
        async move {
            // A little less than the echo waits, or it would be cancelled before it can tell.
            let deadline = Deadline::after(Instant::now(), policy.timeout - policy.timeout / 50);
            let answer = peer.call(&Call::get("/health"), deadline).await;
            let is_well = answer.is_ok_and(|answer| answer.status == StatusCode::OK);
            monitor.pinged(place, is_well);
            if is_well { EchoResult::Well } else { EchoResult::Bad }
        }
    };
    watch(echo, send, |change| monitor.ping_changed(place, change)).await;
}
