//! Which instance of an upstream is asked: the one with the fewest calls out, of those that are not
//! left out for having failed while others did not.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::json;
use standfast_tactics::outlier::{Change, Ejector, Heard, Policy, PolicyError};
use standfast_tactics::vote::Seat;
use tokio::time::Instant;

use super::instance::Instance;
use crate::service::events;
use crate::service::peer::PeerAddress;

/// An instance on its way back gets one of so many calls.
const SHADOW_SHARE: usize = 8;

#[derive(Debug)]
pub(super) struct Selection {
    upstream: String,
    instances: Vec<Arc<Instance>>,
    turns: AtomicUsize,
    ejector: Mutex<Ejector>,
}

impl Selection {
    pub(super) fn try_new(upstream: &str, all: Vec<PeerAddress>) -> Result<Self, PolicyError> {
        // As many in a row as open a breaker; here the other instances go on.
        let policy = Policy {
            dissents_in_a_row: 5,
            rest_base: Duration::from_secs(1),
            rest_max: Duration::from_secs(30),
            agreements_to_return: 3,
            ..Policy::default()
        };
        let ejector = Mutex::new(Ejector::try_new(all.len(), policy)?);
        let instances = all.into_iter().map(|address| Arc::new(Instance::new(address))).collect();
        Ok(Self { upstream: upstream.to_owned(), instances, turns: AtomicUsize::new(0), ejector })
    }

    pub(super) fn instances(&self) -> &[Arc<Instance>] {
        &self.instances
    }

    /// An instance to ask, other than `avoided` if there is another.
    pub(super) fn choose(&self, avoided: Option<usize>, now: Instant) -> usize {
        if self.instances.len() == 1 {
            return 0;
        }
        let turn = self.turns.fetch_add(1, Ordering::Relaxed);
        let seats = self.lock().seats(now);
        let wanted = match turn % SHADOW_SHARE {
            0 if seats.contains(&Seat::Shadow) => Seat::Shadow,
            _ => Seat::Counts,
        };
        // Equal ones take turns.
        let count = self.instances.len();
        let order = (0..count).map(|step| (turn + step) % count);
        let free = order.clone().filter(|index| seats[*index] == wanted && Some(*index) != avoided);
        let chosen = free.min_by_key(|index| self.instances[*index].calling());
        let chosen = chosen.or_else(|| order.clone().find(|index| Some(*index) != avoided));
        chosen.unwrap_or(0)
    }

    /// What came of a call to an instance.
    pub(super) fn record(&self, index: usize, heard: Heard, now: Instant) {
        if self.instances.len() == 1 {
            return;
        }
        let change = self.lock().record(index, heard, now);
        let instance = self.instances[index].address.authority();
        let fields = |state| json!({ "by": "outlier", "state": state, "instance": instance });
        match change {
            Some(Change::Ejected { .. }) => {
                events::report("state", &self.upstream, fields("ejected"));
            }
            Some(Change::Returned) => events::report("state", &self.upstream, fields("returned")),
            Some(Change::Withheld { .. }) | None => {}
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Ejector> {
        self.ejector.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
