//! What control arms do in place of a tactic. Nothing of it runs in the system as it is.
//!
//! Without `resync`, others are told of entries as they come, once: who is away then, misses them.
//! Without `isolation`, each booking calls analytics, and waits for it.

use std::sync::Arc;
use std::time::Duration;

use standfast_tactics::deadline::Deadline;
use tokio::time::{Instant, sleep};

use super::super::wire::Reservation;
use super::desk::Desk;
use super::events::{Followed, Following};
use crate::service::database::away;
use crate::service::peer::{Call, Peer, PeerAddress, PeerLimits};
use crate::service::problem::Problem;

/// Without a commit, the log is looked at this often.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// One page of entries, and what telling of it may take.
const PAGE_LENGTH: u64 = 1000;
const TELLING_TIME_MAX: Duration = Duration::from_secs(1);

/// So many bookings wait at once for a callee that hangs.
const LIMITS: PeerLimits = PeerLimits { calls_max: 256, response_length_max: 64 * 1024 };

/// Tells `address` of each entry that comes from now on.
pub(super) async fn push(desk: Arc<Desk>, address: PeerAddress) {
    let peer = Peer::new(address, LIMITS);
    let mut since = None;
    loop {
        desk.committed(LOOK_EVERY).await;
        let deadline = Deadline::after(Instant::now(), TELLING_TIME_MAX);
        // At first nothing is told, but where the log stands is learned.
        let from = since.unwrap_or_else(|| desk.watermark().settled());
        let following = Following { since: from, limit: PAGE_LENGTH, consumer: None };
        let Ok(Followed::Page(page)) = desk.follow(&following, deadline).await else {
            sleep(LOOK_EVERY).await;
            continue;
        };
        let settled = desk.watermark().settled();
        let Some(last) = last_of(&page) else {
            since = Some(from.max(settled));
            continue;
        };
        if since.is_some() {
            let told = peer.call(&Call::post("/events", page.into_bytes()), deadline).await;
            if let Err(error) = told {
                tracing::debug!(%error, "entries are lost on somebody");
            }
        }
        since = Some(last);
    }
}

/// The last number of a page that has any.
fn last_of(page: &str) -> Option<u64> {
    let page: super::super::wire::EventPage = serde_json::from_str(page).ok()?;
    page.events.last().map(|event| event.seq)
}

/// Whoever is called in each booking.
#[derive(Debug)]
pub(super) struct Reporting(Peer);

impl Reporting {
    pub(super) fn to(address: PeerAddress) -> Self {
        Self(Peer::new(address, LIMITS))
    }

    /// Reports what a booking has come to, waits until that is taken, and fails when it is not: as
    /// callers do that have thought of nothing.
    pub(super) async fn report(
        &self,
        reservation: &Reservation,
        deadline: Deadline,
    ) -> Result<(), Problem> {
        let body = serde_json::to_vec(reservation).expect("it has string keys and plain values");
        let failed = |why: String| away(&format!("analytics did not take a record: {why}"));
        let response = self.0.call(&Call::post("/records", body), deadline).await;
        let status = response.map_err(|error| failed(error.to_string()))?.status;
        if status.is_success() { Ok(()) } else { Err(failed(status.to_string())) }
    }
}
