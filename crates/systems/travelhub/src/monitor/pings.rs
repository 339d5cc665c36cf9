//! Ping and echo: each service is asked for its health, in a task and with a connection of its own.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use standfast_tactics::deadline::Deadline;
use standfast_tactics::detect::{Echo, EchoResult, Standing, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::watching::Monitor;
use crate::service::peer::{Call, Peer, PeerLimits};

/// Pings that hang are given up before there are many of them.
const LIMITS: PeerLimits = PeerLimits { calls_max: 4, response_length_max: 64 * 1024 };

/// How soon a service that was not there yet is asked again.
const FIRST_AGAIN: Duration = Duration::from_secs(1);

/// Pings all services, for as long as the set lives.
pub(super) fn start(monitor: &Arc<Monitor>, tasks: &mut JoinSet<()>) {
    for place in 0..monitor.settings.watched.len() {
        tasks.spawn(ping(Arc::clone(monitor), place));
    }
}

/// Answers whether the service at `place` is well.
async fn ask(monitor: &Monitor, place: usize, peer: &Peer) -> bool {
    let time_max = monitor.settings.ping.timeout;
    // A little less than the echo waits, or it would be cancelled before it can tell.
    let deadline = Deadline::after(Instant::now(), time_max - time_max / 50);
    let answer = peer.call(&Call::get("/health"), deadline).await;
    let is_well = answer.is_ok_and(|answer| answer.status == StatusCode::OK);
    monitor.pinged(place, is_well);
    is_well
}

async fn ping(monitor: Arc<Monitor>, place: usize) {
    let policy = monitor.settings.ping;
    let peer = Arc::new(Peer::new(monitor.settings.watched[place].address.clone(), LIMITS));
    // Services start one after the other, and one that was never there is not dead.
    while !ask(&monitor, place, &peer).await {
        sleep(FIRST_AGAIN.min(policy.period)).await;
    }
    let echo = Echo::try_new(policy, Standing::Up, Instant::now());
    let echo = echo.expect("settings were checked");
    let send = || {
        let (monitor, peer) = (Arc::clone(&monitor), Arc::clone(&peer));
        async move {
            let is_well = ask(&monitor, place, &peer).await;
            if is_well { EchoResult::Well } else { EchoResult::Bad }
        }
    };
    watch(echo, send, |change| monitor.ping_changed(place, change)).await;
}
