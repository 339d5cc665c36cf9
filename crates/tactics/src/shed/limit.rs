//! How many may run at once, learned from how long they take.

use std::time::Duration;

use tokio::time::Instant;

use super::level::{Sample, Usual};
use super::policy::Policy;
use super::priority::{CLASSES, Priority};

/// It shrinks by half at most: what is measured is noisy.
const SHRINK_MAX: f64 = 0.5;
/// By so much it shrinks when calls end by overload.
const SHRINK_OVERLOADED: f64 = 0.7;
/// While the lowest level of an interval is above the usual by more than this, a queue stands.
const STANDING_AT: f64 = 1.2;
/// A window without enough calls is given up after so many of its lengths.
const WINDOWS_MAX: u32 = 50;

/// The moment of looking up what is usual: lower classes are held back.
#[derive(Clone, Copy, Debug)]
struct Drain {
    began: Instant,
    /// Since when no more than `limit_min` run; calls admitted before then saw a queue.
    empty_since: Option<Instant>,
}

/// The limit, and all that it is learned from.
#[derive(Clone, Debug)]
pub(super) struct Learned {
    policy: Policy,
    limit: f64,
    samples: [Sample; CLASSES],
    usual: [Usual; CLASSES],
    window_began: Option<Instant>,
    /// The most that ran at once in this window.
    used: u32,
    overloaded: u32,
    /// Calls that were admitted earlier tell of an earlier limit.
    changed_at: Option<Instant>,
    interval_began: Option<Instant>,
    /// The lowest ratio of level and usual in this interval.
    lowest_ratio: Option<f64>,
    drain: Option<Drain>,
}

impl Learned {
    pub(super) fn new(policy: Policy) -> Self {
        Self {
            policy,
            limit: f64::from(policy.limit_first),
            samples: std::array::from_fn(|_| Sample::new()),
            usual: std::array::from_fn(|_| Usual::default()),
            window_began: None,
            used: 0,
            overloaded: 0,
            changed_at: None,
            interval_began: None,
            lowest_ratio: None,
            drain: None,
        }
    }

    pub(super) fn limit(&self) -> u32 {
        self.limit as u32
    }

    pub(super) fn is_draining(&self) -> bool {
        self.drain.is_some()
    }

    /// What a call of this class usually takes.
    pub(super) fn usual(&self, priority: Priority) -> Option<Duration> {
        let level = self.usual[priority.index()].level()?;
        Some(Duration::from_micros(level as u64))
    }

    /// So many run now, after one was admitted.
    pub(super) fn running(&mut self, running: u32) {
        self.used = self.used.max(running);
    }

    /// A call that was admitted at `admitted` ended, after which `running` are left. Answers
    /// whether the limit may have changed.
    pub(super) fn ended(
        &mut self,
        priority: Priority,
        admitted: Instant,
        ended: Ended,
        now: Instant,
    ) -> bool {
        let since = self.counts_since(ended.running, now);
        if since.is_none_or(|since| admitted >= since) {
            match ended.kind {
                Kind::Served => {
                    self.samples[priority.index()].record(now.saturating_duration_since(admitted))
                }
                Kind::Overloaded => self.overloaded += 1,
                Kind::Ignored => {}
            }
        }
        let began = *self.window_began.get_or_insert(now);
        let lasted = now.saturating_duration_since(began);
        if lasted < self.policy.window && self.drain.is_none() {
            return false;
        }
        self.close(lasted, now)
    }

    /// From when on a call must have been admitted to count; `None` when every one does.
    fn counts_since(&mut self, running: u32, now: Instant) -> Option<Instant> {
        let Some(drain) = &mut self.drain else { return self.changed_at };
        if drain.empty_since.is_none() && running <= self.policy.limit_min {
            drain.empty_since = Some(now);
        }
        // Until then none counts: the far end of time would do, if there were one.
        Some(drain.empty_since.unwrap_or(now + self.policy.usual_for))
    }

    fn close(&mut self, lasted: Duration, now: Instant) -> bool {
        let calls: u32 = self.samples.iter().map(Sample::calls).sum();
        if calls + self.overloaded < self.policy.calls_min {
            if lasted >= self.policy.window * WINDOWS_MAX {
                self.drain = None;
                self.begin_window(now);
                return true;
            }
            return false;
        }
        if self.drain.take().is_some() {
            self.look_up();
        } else {
            self.adapt(calls, now);
        }
        self.begin_window(now);
        true
    }

    fn begin_window(&mut self, now: Instant) {
        self.samples.iter_mut().for_each(Sample::clear);
        (self.overloaded, self.used) = (0, 0);
        self.window_began = Some(now);
    }

    /// What was measured without a queue is the usual from now on.
    fn look_up(&mut self) {
        for (sample, usual) in self.samples.iter().zip(&mut self.usual) {
            if let Some(level) = sample.level() {
                usual.replace(level);
            }
        }
    }

    fn adapt(&mut self, calls: u32, now: Instant) {
        let ratio = self.ratio();
        let is_used = f64::from(self.used) >= self.limit / 2.0;
        self.roll_interval(ratio, now);
        let ended = f64::from(calls + self.overloaded);
        let is_overloaded = f64::from(self.overloaded) >= ended * self.policy.overloaded_share;
        let mut shrink = (self.policy.tolerance / ratio).clamp(SHRINK_MAX, 1.0);
        if is_overloaded {
            shrink = shrink.min(SHRINK_OVERLOADED);
        }
        let (least, most) = (self.policy.limit_min, self.policy.limit_max);
        let limit = if shrink < 1.0 {
            // What is not used is no cause of the latency, and cutting it off changes nothing.
            self.changed_at = Some(now);
            self.limit.min(f64::from(self.used).max(1.0)) * shrink
        } else if is_used {
            self.limit + self.limit.sqrt() / 2.0
        } else {
            self.limit
        };
        self.limit = limit.clamp(f64::from(least), f64::from(most));
    }

    /// How many times the usual the present level is, over all classes by their calls.
    fn ratio(&mut self) -> f64 {
        let (mut sum, mut weight) = (0.0, 0.0);
        for (sample, usual) in self.samples.iter().zip(&mut self.usual) {
            let Some(level) = sample.level() else { continue };
            usual.record(level);
            let calls = f64::from(sample.calls());
            sum += calls * level / usual.level().unwrap_or(level);
            weight += calls;
        }
        if weight > 0.0 { sum / weight } else { 1.0 }
    }

    fn roll_interval(&mut self, ratio: f64, now: Instant) {
        let lowest = self.lowest_ratio.map_or(ratio, |lowest| lowest.min(ratio));
        self.lowest_ratio = Some(lowest);
        let began = *self.interval_began.get_or_insert(now);
        let interval = self.policy.usual_for / Usual::INTERVALS as u32;
        if now.saturating_duration_since(began) < interval {
            return;
        }
        self.usual.iter_mut().for_each(Usual::roll);
        (self.interval_began, self.lowest_ratio) = (Some(now), None);
        if lowest > STANDING_AT {
            self.drain = Some(Drain { began: now, empty_since: None });
        }
    }

    /// Ends a drain in which too much of the higher classes runs for the queue to go away, or
    /// nothing at all. Answers whether there was one to end.
    pub(super) fn expire_drain(&mut self, now: Instant) -> bool {
        let longest = self.policy.usual_for / Usual::INTERVALS as u32 / 4;
        let is_over =
            self.drain.is_some_and(|drain| now.saturating_duration_since(drain.began) >= longest);
        if is_over {
            self.drain = None;
            self.begin_window(now);
        }
        is_over
    }
}

/// How a call ended, as far as the limit is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Served,
    Overloaded,
    Ignored,
}

/// The end of a call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ended {
    pub(super) kind: Kind,
    /// How many run after it.
    pub(super) running: u32,
}
