//! The phi-accrual detector (Hayashibara 2004): how surprising the silence is, given the intervals
//! that were usual. Phi = −log₁₀ of the probability that a beat comes later than this: at 8, one
//! wrong suspicion in 10⁸ beats if intervals were normal.
//!
//! The formula is normal with a pause allowed on top of the mean. Others call something else phi:
//! with a plain multiple of the mean, 8 is 8 means; with Cassandra's exponential one, about 18.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::normal::{deviations_at, suspicion};
use super::standing::{Change, PolicyError, Record, Standing};

/// The numbers of a phi detector.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PhiPolicy {
    /// Down from this suspicion on.
    pub down_at: f64,
    /// Suspect from this suspicion on.
    pub suspect_at: f64,
    /// No deviation is taken to be smaller: a beat as regular as a clock would be missed at once.
    pub deviation_min: Duration,
    /// A pause that is none of our business, such as that of a garbage collector.
    pub pause: Duration,
    /// The interval that is expected before any is known; its deviation is a quarter of it.
    pub first_estimate: Duration,
    /// How many intervals are remembered.
    pub samples_max: usize,
    /// So many beats bring it back up.
    pub beats_to_return: u32,
    /// How often [`Phi::check`] is called.
    pub check_every: Duration,
    /// When a check comes later than this, it was we who stood still, and nothing is concluded.
    pub own_pause_max: Duration,
}

impl Default for PhiPolicy {
    /// For a beat every second.
    fn default() -> Self {
        Self {
            down_at: 8.0,
            suspect_at: 3.0,
            deviation_min: Duration::from_millis(100),
            pause: Duration::from_secs(3),
            first_estimate: Duration::from_secs(1),
            samples_max: 1000,
            beats_to_return: 2,
            check_every: Duration::from_millis(200),
            own_pause_max: Duration::from_millis(400),
        }
    }
}

impl PhiPolicy {
    fn check(&self) -> Result<(), PolicyError> {
        let fail = |field, problem| Err(PolicyError { field, problem });
        let is_level = |level: f64| level.is_finite() && level > 0.0;
        if !is_level(self.suspect_at) || !is_level(self.down_at) || self.down_at < self.suspect_at {
            return fail("suspect_at, down_at", "must be above 0, and the second the larger");
        }
        if self.deviation_min.is_zero() || self.first_estimate.is_zero() {
            return fail("deviation_min, first_estimate", "must be above zero");
        }
        if !(2..=10_000).contains(&self.samples_max) {
            return fail("samples_max", "must be from 2 to 10,000");
        }
        if self.beats_to_return == 0 {
            return fail("beats_to_return", "must be at least 1");
        }
        if self.check_every.is_zero() || self.own_pause_max.is_zero() {
            return fail("check_every, own_pause_max", "must be above zero");
        }
        Ok(())
    }
}

/// The phi detector of one target.
#[derive(Clone, Debug)]
pub struct Phi {
    policy: PhiPolicy,
    record: Record,
    intervals: Intervals,
    incarnation: u64,
    last_beat: Option<Instant>,
    last_check: Option<Instant>,
    beats: u32,
}

impl Phi {
    /// A target of which nothing is known yet; it is held for up, and silence before its first beat
    /// is not counted.
    ///
    /// # Errors
    /// When a number of `policy` makes no sense.
    pub fn try_new(policy: PhiPolicy) -> Result<Self, PolicyError> {
        policy.check()?;
        Ok(Self {
            policy,
            record: Record::new(Standing::Up),
            intervals: Intervals::estimate(policy.first_estimate, policy.samples_max),
            incarnation: 0,
            last_beat: None,
            last_check: None,
            beats: 0,
        })
    }

    /// What is held of the target.
    pub fn standing(&self) -> Standing {
        self.record.standing
    }

    /// How surprising the silence is at `now`. Finite, and never falling while the silence lasts.
    pub fn phi(&self, now: Instant) -> f64 {
        let Some(last) = self.last_beat else { return 0.0 };
        let silence = now.saturating_duration_since(last).as_secs_f64();
        let (mean, deviation) = self.estimate();
        suspicion((silence - mean) / deviation)
    }

    /// The silence after which the target is down, as things are; a check may come a period later.
    pub fn down_after(&self) -> Duration {
        let (mean, deviation) = self.estimate();
        let seconds = mean + deviation * deviations_at(self.policy.down_at);
        Duration::from_secs_f64(seconds.max(0.0))
    }

    /// A beat came in; for `incarnation` see [`super::Heartbeat::beat`]. A restarted target has
    /// intervals of its own, and is learned anew.
    pub fn beat(&mut self, incarnation: u64, now: Instant) -> Option<Change> {
        if incarnation < self.incarnation {
            return None;
        }
        let has_restarted = incarnation > self.incarnation && self.incarnation > 0;
        self.incarnation = incarnation;
        if has_restarted {
            let (first, most) = (self.policy.first_estimate, self.policy.samples_max);
            self.intervals = Intervals::estimate(first, most);
            self.beats = 0;
        } else if let Some(last) = self.last_beat
            && self.phi(now) < self.policy.down_at
        {
            // The interval that ends a suspected failure is no usual one: it would make the next
            // failure harder to see.
            self.intervals.push(now.saturating_duration_since(last));
        }
        self.last_beat = Some(now);
        self.beats = self.beats.saturating_add(1);
        let is_back = self.beats >= self.policy.beats_to_return;
        let change = match self.record.standing {
            Standing::Suspect => self.record.enter(Standing::Up),
            Standing::Down if is_back => self.record.enter(Standing::Up),
            Standing::Down | Standing::Up => None,
        };
        change.or_else(|| has_restarted.then(|| self.record.restart()))
    }

    /// Looks at how surprising the silence is.
    pub fn check(&mut self, now: Instant) -> Option<Change> {
        let last_check = self.last_check.replace(now).unwrap_or(now);
        let since_check = now.saturating_duration_since(last_check);
        if since_check > self.policy.check_every + self.policy.own_pause_max {
            return None;
        }
        let phi = self.phi(now);
        if phi >= self.policy.down_at {
            self.beats = 0;
            return self.record.enter(Standing::Down);
        }
        if phi >= self.policy.suspect_at && self.record.standing == Standing::Up {
            return self.record.enter(Standing::Suspect);
        }
        None
    }

    /// Mean with the pause, and deviation with its floor, in seconds.
    fn estimate(&self) -> (f64, f64) {
        let (mean, deviation) = self.intervals.mean_and_deviation();
        let floor = self.policy.deviation_min.as_secs_f64();
        (mean + self.policy.pause.as_secs_f64(), deviation.max(floor))
    }
}

/// The last intervals in whole microseconds, with exact sums: floats would drift as they roll.
#[derive(Clone, Debug)]
struct Intervals {
    ring: VecDeque<u64>,
    most: usize,
    sum: u128,
    squares: u128,
}

/// Longer intervals than this (a year) count as this, or the sums would not fit.
const INTERVAL_MAX: u64 = 1 << 45;

impl Intervals {
    /// Two made-up intervals, whose mean is `first` and whose deviation is a quarter of it.
    fn estimate(first: Duration, most: usize) -> Self {
        let mut intervals = Self { ring: VecDeque::new(), most, sum: 0, squares: 0 };
        intervals.push(first - first / 4);
        intervals.push(first + first / 4);
        intervals
    }

    fn push(&mut self, interval: Duration) {
        if self.ring.len() == self.most
            && let Some(oldest) = self.ring.pop_front()
        {
            self.sum -= u128::from(oldest);
            self.squares -= u128::from(oldest).pow(2);
        }
        let micros = u64::try_from(interval.as_micros()).unwrap_or(u64::MAX).min(INTERVAL_MAX);
        self.ring.push_back(micros);
        self.sum += u128::from(micros);
        self.squares += u128::from(micros).pow(2);
    }

    /// In seconds.
    fn mean_and_deviation(&self) -> (f64, f64) {
        let count = self.ring.len() as u128;
        let mean = self.sum as f64 / count as f64;
        let variance = (count * self.squares - self.sum.pow(2)) as f64 / (count * count) as f64;
        (mean / 1e6, variance.sqrt() / 1e6)
    }
}
