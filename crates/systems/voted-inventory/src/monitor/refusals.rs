//! Inspection of the error queue: who refuses what the others apply.
//!
//! Replicas that apply one log refuse the same events. One that refuses alone has another state
//! than the others, though it answers every check, and every query about what it has not touched
//! yet.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;

/// Offsets that are remembered, so that what a replica says again while it replays is known.
const OFFSETS_MAX: usize = 4096;

#[derive(Clone, Debug)]
struct Refused {
    first_at: Instant,
    replicas: BTreeSet<usize>,
    is_judged: bool,
}

/// The events that were refused, and by whom.
#[derive(Clone, Debug)]
pub(super) struct Refusals {
    /// So long the others have time to refuse it as well.
    grace: Duration,
    required: usize,
    /// What was in the log before we looked is not judged: others may have refused it long ago.
    floor: Option<i64>,
    by_offset: BTreeMap<i64, Refused>,
}

impl Refusals {
    pub(super) fn new(grace: Duration, required: usize) -> Self {
        Self { grace, required, floor: None, by_offset: BTreeMap::new() }
    }

    /// A replica has applied the log up to `offset`.
    pub(super) fn saw_applied(&mut self, offset: i64) {
        self.floor.get_or_insert(offset);
    }

    pub(super) fn record(&mut self, replica: usize, offset: i64, now: Instant) {
        if self.floor.is_none_or(|floor| offset <= floor) {
            return;
        }
        let fresh = Refused { first_at: now, replicas: BTreeSet::new(), is_judged: false };
        self.by_offset.entry(offset).or_insert(fresh).replicas.insert(replica);
        while self.by_offset.len() > OFFSETS_MAX
            && let Some((oldest, _)) = self.by_offset.pop_first()
        {
            // What is forgotten must not come back as news.
            self.floor = Some(oldest);
        }
    }

    /// Who refused something that no majority has refused within the grace; one entry for each.
    pub(super) fn alone(&mut self, now: Instant) -> Vec<usize> {
        let mut alone = Vec::new();
        for refused in self.by_offset.values_mut().filter(|refused| !refused.is_judged) {
            if refused.replicas.len() >= self.required {
                refused.is_judged = true;
            } else if now.saturating_duration_since(refused.first_at) >= self.grace {
                refused.is_judged = true;
                alone.extend(&refused.replicas);
            }
        }
        alone
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Duration = Duration::from_secs(1);

    #[test]
    fn who_refuses_alone_is_found_and_who_is_joined_is_not() {
        let (mut refusals, start) = (Refusals::new(GRACE, 2), Instant::now());
        refusals.saw_applied(10);
        refusals.record(0, 11, start);
        refusals.record(1, 12, start);
        refusals.record(2, 12, start + GRACE / 2);
        assert_eq!(refusals.alone(start + GRACE / 2), [] as [usize; 0]);
        assert_eq!(refusals.alone(start + GRACE), [0]);
        assert_eq!(refusals.alone(start + 2 * GRACE), [] as [usize; 0], "it is told once");
    }

    #[test]
    fn what_a_replica_says_again_while_it_replays_is_no_news() {
        let (mut refusals, start) = (Refusals::new(GRACE, 2), Instant::now());
        refusals.record(0, 5, start);
        refusals.saw_applied(10);
        refusals.record(0, 7, start);
        refusals.record(0, 11, start);
        refusals.record(1, 11, start);
        refusals.alone(start + GRACE);
        refusals.record(2, 11, start + 60 * GRACE);
        assert_eq!(refusals.alone(start + 120 * GRACE), [] as [usize; 0]);
        let more = i64::try_from(OFFSETS_MAX).unwrap() + 100;
        (12..more).for_each(|offset| refusals.record(0, offset, start));
        refusals.alone(start + GRACE);
        refusals.record(0, 13, start + GRACE);
        assert_eq!(refusals.alone(start + 3 * GRACE), [] as [usize; 0]);
        assert!(refusals.by_offset.len() <= OFFSETS_MAX);
    }
}
