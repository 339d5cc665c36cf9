//! Which heartbeats were acknowledged and which of them the replica shows.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// How far behind a replica may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// A replica further behind than this is not read.
    pub lag_max: Duration,
    /// How many heartbeats that the replica does not show are remembered. When there are more,
    /// every second one is forgotten, never the oldest: the lag stays exact.
    pub beats_max: usize,
}

/// Measures how far a replica is behind what the primary acknowledged.
///
/// ```
/// use std::time::Duration;
/// use standfast_tactics::replica_guard::{Policy, ReplicaGuard};
/// use tokio::time::Instant;
///
/// let second = Duration::from_secs(1);
/// let mut guard = ReplicaGuard::new(Policy { lag_max: 2 * second, beats_max: 100 });
/// let start = Instant::now();
/// guard.acknowledged(1, start);
/// guard.visible(1);
/// guard.acknowledged(2, start + second);
/// assert_eq!(guard.lag(start + 2 * second), second, "beat 2 is missing for a second");
/// assert!(!guard.may_read(start + 4 * second));
/// guard.visible(2);
/// assert!(guard.may_read(start + 60 * second), "the primary is away, the replica is not behind");
/// ```
#[derive(Clone, Debug)]
pub struct ReplicaGuard {
    policy: Policy,
    /// Acknowledged and not yet visible, oldest first.
    missing: VecDeque<(u64, Instant)>,
    visible: Option<u64>,
    /// The first that was acknowledged. A guard that has just begun has no memory of how far the
    /// replica once was: a replica that shows less than this may be replaying its past.
    first: Option<u64>,
}

impl ReplicaGuard {
    /// A guard that knows of no heartbeat yet, and therefore of no lag.
    pub fn new(policy: Policy) -> Self {
        Self { policy, missing: VecDeque::new(), visible: None, first: None }
    }

    /// The primary acknowledged heartbeat `beat` at `now`. Beats only ever grow.
    pub fn acknowledged(&mut self, beat: u64, now: Instant) {
        self.first.get_or_insert(beat);
        let is_shown = self.visible.is_some_and(|visible| beat <= visible);
        let is_known = self.missing.back().is_some_and(|(last, _)| beat <= *last);
        if is_shown || is_known {
            return;
        }
        if self.missing.len() >= self.policy.beats_max.max(2) {
            let mut index = 0;
            self.missing.retain(|_| {
                index += 1;
                index % 2 == 1
            });
        }
        self.missing.push_back((beat, now));
    }

    /// The replica shows heartbeat `beat`.
    pub fn visible(&mut self, beat: u64) {
        let visible = self.visible.map_or(beat, |visible| visible.max(beat));
        self.visible = Some(visible);
        while self.missing.front().is_some_and(|(missing, _)| *missing <= visible) {
            self.missing.pop_front();
        }
    }

    /// For how long the replica has been without something that the primary acknowledged.
    pub fn lag(&self, now: Instant) -> Duration {
        self.missing.front().map_or(Duration::ZERO, |(_, acknowledged)| {
            now.saturating_duration_since(*acknowledged)
        })
    }

    /// Whether the replica is recent enough: it shows a heartbeat of this guard, if there was any,
    /// and lacks none for too long.
    pub fn may_read(&self, now: Instant) -> bool {
        self.is_within(self.policy.lag_max, now)
    }

    /// The same, for a reader that has a bound of its own.
    pub fn is_within(&self, lag_max: Duration, now: Instant) -> bool {
        let shows_one = self.first.is_none_or(|first| self.visible >= Some(first));
        shows_one && self.lag(now) <= lag_max
    }

    /// [`ReplicaGuard::lag`], if it is known: `None` while the replica shows no heartbeat that this
    /// guard knows to be acknowledged, and may be behind for longer than the guard is there.
    pub fn known_lag(&self, now: Instant) -> Option<Duration> {
        let shows_one = self.first.is_some_and(|first| self.visible >= Some(first));
        shows_one.then(|| self.lag(now))
    }
}
