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
/// What is looked up is the same as what is remembered, up to this factor: calls vary by chance.
const SAME_WITHIN: f64 = 1.2;
/// Of so many requests more than one is refused: the limit binds, and not just in a burst.
const BINDS_AT: u32 = 20;
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
    /// Requests in this interval that got in, and that did not.
    admitted: u32,
    refused: u32,
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
            admitted: 0,
            refused: 0,
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
        self.admitted = self.admitted.saturating_add(1);
    }

    /// Somebody was refused.
    pub(super) fn refused(&mut self) {
        self.refused = self.refused.saturating_add(1);
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
        if lasted >= self.policy.window * WINDOWS_MAX {
            // So few calls are no overload, and their levels are of many moments.
            self.drain = None;
            self.begin_window(now, Keep::Nothing);
            return true;
        }
        if calls + self.overloaded < self.policy.calls_min {
            return false;
        }
        if self.drain.is_some() {
            if !self.look_up() {
                return false;
            }
            self.drain = None;
            self.begin_window(now, Keep::Nothing);
            return true;
        }
        let keep = self.adapt(calls, now);
        self.begin_window(now, keep);
        true
    }

    fn begin_window(&mut self, now: Instant, keep: Keep) {
        for sample in &mut self.samples {
            if keep == Keep::Nothing || sample.level().is_some() {
                sample.clear();
            }
        }
        (self.overloaded, self.used) = (0, 0);
        self.window_began = Some(now);
    }

    /// What was measured without a queue is the usual from now on, unless it is the same within
    /// what chance does. A class of which too few calls came has changed as the others have.
    /// Answers whether enough came of any.
    fn look_up(&mut self) -> bool {
        let Some(factor) = self.ratio() else { return false };
        for (sample, usual) in self.samples.iter().zip(&mut self.usual) {
            let own = sample.level().zip(usual.level()).map(|(level, usual)| level / usual);
            let factor = own.unwrap_or(factor);
            if (1.0 / SAME_WITHIN..=SAME_WITHIN).contains(&factor) {
                usual.confirm();
            } else {
                usual.correct(factor);
            }
        }
        true
    }

    fn adapt(&mut self, calls: u32, now: Instant) -> Keep {
        let ratio = self.ratio();
        for (sample, usual) in self.samples.iter().zip(&mut self.usual) {
            if let Some(level) = sample.level() {
                usual.record(level, sample.calls());
            }
        }
        let is_used = f64::from(self.used) >= self.limit / 2.0;
        let ended = f64::from(calls + self.overloaded);
        let is_overloaded = f64::from(self.overloaded) >= ended * self.policy.overloaded_share;
        let shrink = match ratio {
            _ if is_overloaded => SHRINK_OVERLOADED,
            Some(ratio) => (self.policy.tolerance / ratio).clamp(SHRINK_MAX, 1.0),
            // Not enough of any class to say.
            None => return Keep::TooFew,
        };
        self.roll_interval(now);
        let (least, most) = (self.policy.limit_min, self.policy.limit_max);
        let limit = if shrink < 1.0 {
            self.changed_at = Some(now);
            // What is not used is no cause of the latency, and cutting it off changes nothing.
            self.limit.min(f64::from(self.used).max(1.0)) * shrink
        } else if is_used {
            self.limit + self.limit.sqrt() / 2.0
        } else {
            self.limit
        };
        self.limit = limit.clamp(f64::from(least), f64::from(most));
        if shrink < 1.0 || self.drain.is_some() { Keep::Nothing } else { Keep::TooFew }
    }

    /// How many times the usual the present level is, over all classes by their calls.
    fn ratio(&self) -> Option<f64> {
        let (mut sum, mut weight) = (0.0, 0.0);
        for (sample, usual) in self.samples.iter().zip(&self.usual) {
            let Some(level) = sample.level() else { continue };
            let calls = f64::from(sample.calls());
            // Of a class that is not known yet, nothing is unusual.
            sum += calls * level / usual.level().unwrap_or(level);
            weight += calls;
        }
        (weight > 0.0).then(|| sum / weight)
    }

    /// While the limit binds, calls may be waiting all the time, and what is usual cannot be seen.
    fn roll_interval(&mut self, now: Instant) {
        let began = *self.interval_began.get_or_insert(now);
        let interval = self.policy.usual_for / Usual::INTERVALS as u32;
        if now.saturating_duration_since(began) < interval {
            return;
        }
        self.usual.iter_mut().for_each(Usual::roll);
        self.interval_began = Some(now);
        let asked = self.admitted.saturating_add(self.refused);
        if self.refused > asked / BINDS_AT {
            self.drain = Some(Drain { began: now, empty_since: None });
        }
        (self.admitted, self.refused) = (0, 0);
    }

    /// Ends a drain in which too much of the higher classes runs for the queue to go away, or
    /// nothing at all. Answers whether there was one to end.
    pub(super) fn expire_drain(&mut self, now: Instant) -> bool {
        let longest = self.policy.usual_for / Usual::INTERVALS as u32 / 4;
        let is_over =
            self.drain.is_some_and(|drain| now.saturating_duration_since(drain.began) >= longest);
        if is_over {
            self.drain = None;
            self.begin_window(now, Keep::Nothing);
        }
        is_over
    }
}

/// What a new window takes over of the old one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keep {
    /// Calls of before are of another limit.
    Nothing,
    /// Classes of which too few calls came for a level go on.
    TooFew,
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
