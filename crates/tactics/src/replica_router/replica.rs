//! What is known of one replica, and whether it is read.

use std::time::Duration;

use tokio::time::Instant;

use super::policy::Policy;
use crate::replica_guard::{self, ReplicaGuard};
use crate::session_token::LogPosition;

/// What a look at a replica found. One look at a time: an older one that comes in later would seem
/// to be a replica that went back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// How far it has replayed the log.
    pub shows: LogPosition,
    /// The heartbeat that it shows, if it shows one.
    pub beat: Option<u64>,
}

/// Why a replica is out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Nobody has looked at it since it was added or replaced.
    New,
    /// It is too far behind. It is still asked when nobody else can answer, before the primary is.
    Lag,
    /// It did not answer, several times in a row.
    Failures,
    /// It shows less than it did: it was killed and replays its log, or was restored. It is out
    /// until it shows what it once showed.
    WentBack,
}

/// Whether a replica is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is.
    In,
    /// It is not.
    Out {
        /// What spoke against it.
        why: Why,
        /// How many good looks it has had in a row since.
        good: u32,
    },
}

/// What a look or a read changed for a replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is no longer read.
    Evicted(Why),
    /// It is read again.
    Returned,
}

#[derive(Clone, Debug)]
pub(super) struct Replica {
    standing: Standing,
    guard: ReplicaGuard,
    looked_at: Option<Instant>,
    shows: LogPosition,
    /// The furthest that a look has ever found it. Reads do not count: one may end while a look is
    /// on its way, which then comes in with less.
    came_to: LogPosition,
    looks_failed: u32,
    reads_failed: u32,
    pub(super) in_flight: usize,
}

impl Replica {
    pub(super) fn new(policy: &Policy) -> Self {
        let guard = replica_guard::Policy { lag_max: policy.lag_out, beats_max: policy.beats_max };
        Self {
            // One look is enough to begin with: there is no bad conduct to make up for.
            standing: Standing::Out { why: Why::New, good: policy.looks_to_return - 1 },
            guard: ReplicaGuard::new(guard),
            looked_at: None,
            shows: LogPosition::START,
            came_to: LogPosition::START,
            looks_failed: 0,
            reads_failed: 0,
            in_flight: 0,
        }
    }

    pub(super) fn standing(&self) -> Standing {
        self.standing
    }

    pub(super) fn shows(&self) -> LogPosition {
        self.shows
    }

    pub(super) fn lag(&self, now: Instant) -> Duration {
        self.guard.lag(now)
    }

    pub(super) fn known_lag(&self, now: Instant) -> Option<Duration> {
        self.guard.known_lag(now)
    }

    pub(super) fn is_within(&self, lag_max: Duration, now: Instant) -> bool {
        self.guard.is_within(lag_max, now)
    }

    pub(super) fn is_silent(&self, policy: &Policy, now: Instant) -> bool {
        let since = self.looked_at.map(|looked_at| now.saturating_duration_since(looked_at));
        since.is_none_or(|since| since > policy.silence_max)
    }

    pub(super) fn acknowledged(&mut self, beat: u64, now: Instant) {
        self.guard.acknowledged(beat, now);
    }

    pub(super) fn look(&mut self, look: Look, policy: &Policy, now: Instant) -> Option<Change> {
        (self.looked_at, self.looks_failed) = (Some(now), 0);
        if let Some(beat) = look.beat {
            self.guard.visible(beat);
        }
        let is_back = look.shows < self.came_to;
        (self.shows, self.came_to) = (look.shows, self.came_to.max(look.shows));
        match self.standing {
            _ if is_back => self.evict(Why::WentBack),
            Standing::In if self.guard.lag(now) > policy.lag_out => self.evict(Why::Lag),
            Standing::In => None,
            Standing::Out { why, good } => {
                let is_good = self.guard.is_within(policy.lag_back, now);
                let good = if is_good { good + 1 } else { 0 };
                if good < policy.looks_to_return {
                    self.standing = Standing::Out { why, good };
                    return None;
                }
                self.standing = Standing::In;
                if why == Why::Failures {
                    // It may answer looks and no reads: the next one that fails is enough.
                    self.reads_failed = policy.failures_max - 1;
                }
                Some(Change::Returned)
            }
        }
    }

    pub(super) fn look_failed(&mut self, policy: &Policy) -> Option<Change> {
        self.looks_failed = self.looks_failed.saturating_add(1);
        self.failed(self.looks_failed, policy)
    }

    pub(super) fn read_failed(&mut self, policy: &Policy) -> Option<Change> {
        self.reads_failed = self.reads_failed.saturating_add(1);
        self.failed(self.reads_failed, policy)
    }

    /// It answered, which needs not be more than was known.
    pub(super) fn answered(&mut self, at_least: LogPosition) {
        self.reads_failed = 0;
        self.shows = self.shows.max(at_least);
    }

    /// An answer showed less than it had to.
    pub(super) fn fell_short(&mut self, at_least: LogPosition) -> Option<Change> {
        self.shows = self.shows.min(at_least);
        self.evict(Why::WentBack)
    }

    fn failed(&mut self, in_a_row: u32, policy: &Policy) -> Option<Change> {
        if in_a_row >= policy.failures_max {
            return self.evict(Why::Failures);
        }
        if let Standing::Out { good, .. } = &mut self.standing {
            *good = 0;
        }
        None
    }

    /// Out for `why` from now on. News only if it was in.
    fn evict(&mut self, why: Why) -> Option<Change> {
        let was_in = self.standing == Standing::In;
        self.standing = Standing::Out { why, good: 0 };
        was_in.then_some(Change::Evicted(why))
    }
}
