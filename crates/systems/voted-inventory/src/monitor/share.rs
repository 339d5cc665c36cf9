//! The share of failures among the recent calls to a replica, whoever made them.
//!
//! Checks in a row find a replica that is gone. One that fails every other call seldom fails three
//! checks in a row, but every caller sees it: so calls are counted, those of the voter as well.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// The window is made of so many parts.
const PARTS: u32 = 20;

/// It is well again when the share is below this part of what is too much: no flapping at the edge.
const CLEAR_BELOW: f64 = 1.0 / 3.0;

/// When a share says something.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct SharePolicy {
    /// How far back it looks.
    pub(super) window: Duration,
    /// Fewer calls say nothing.
    pub(super) calls_min: u64,
    /// A larger share of failures is too much.
    pub(super) failures_max: f64,
    /// So many calls without too many failures clear it.
    pub(super) calls_to_clear: u64,
}

#[derive(Clone, Copy, Debug)]
struct Part {
    begun_at: Instant,
    calls: u64,
    failures: u64,
}

/// The recent calls to one replica.
#[derive(Clone, Debug)]
pub(super) struct Share {
    policy: SharePolicy,
    parts: VecDeque<Part>,
    is_bad: bool,
}

impl Share {
    pub(super) fn new(policy: SharePolicy) -> Self {
        Self { policy, parts: VecDeque::new(), is_bad: false }
    }

    pub(super) fn record(&mut self, calls: u64, failures: u64, now: Instant) {
        self.forget(now);
        let length = self.policy.window / PARTS;
        let is_fresh = |part: &Part| now.saturating_duration_since(part.begun_at) < length;
        match self.parts.back_mut().filter(|part| is_fresh(part)) {
            Some(part) => {
                part.calls += calls;
                part.failures += failures;
            }
            None => self.parts.push_back(Part { begun_at: now, calls, failures }),
        }
    }

    /// Whether too many fail.
    pub(super) fn is_bad(&mut self, now: Instant) -> bool {
        self.forget(now);
        let (calls, failures) = self.sums();
        let share = failures as f64 / calls.max(1) as f64;
        let SharePolicy { calls_min, failures_max, calls_to_clear, .. } = self.policy;
        self.is_bad = if self.is_bad {
            calls < calls_to_clear || share > failures_max * CLEAR_BELOW
        } else {
            self.newest(calls_min).is_some_and(|newest| newest > failures_max)
        };
        self.is_bad
    }

    /// The share of failures among the newest calls, just enough of them to say something: a good
    /// past must not delay the discovery.
    fn newest(&self, calls_min: u64) -> Option<f64> {
        let (mut calls, mut failures) = (0, 0);
        for part in self.parts.iter().rev() {
            (calls, failures) = (calls + part.calls, failures + part.failures);
            if calls >= calls_min {
                return Some(failures as f64 / calls.max(1) as f64);
            }
        }
        None
    }

    /// Calls in the window, and failures among them.
    pub(super) fn sums(&self) -> (u64, u64) {
        let add = |sums: (u64, u64), part: &Part| (sums.0 + part.calls, sums.1 + part.failures);
        self.parts.iter().fold((0, 0), add)
    }

    fn forget(&mut self, now: Instant) {
        let window = self.policy.window;
        let is_old = |part: &Part| now.saturating_duration_since(part.begun_at) >= window;
        while self.parts.front().is_some_and(is_old) {
            self.parts.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: SharePolicy = SharePolicy {
        window: Duration::from_secs(2),
        calls_min: 10,
        failures_max: 0.3,
        calls_to_clear: 5,
    };

    #[test]
    fn every_other_failure_is_too_much_as_soon_as_there_are_enough_calls() {
        let (mut share, now) = (Share::new(POLICY), Instant::now());
        share.record(9, 5, now);
        assert!(!share.is_bad(now), "nine calls say nothing");
        share.record(1, 0, now);
        assert!(share.is_bad(now));
    }

    #[test]
    fn it_is_well_again_after_enough_calls_without_failures_and_not_by_silence() {
        let (mut share, start) = (Share::new(POLICY), Instant::now());
        share.record(20, 10, start);
        assert!(share.is_bad(start));
        let later = start + Duration::from_secs(3);
        assert!(share.is_bad(later), "nobody has called since");
        share.record(4, 0, later);
        assert!(share.is_bad(later));
        share.record(1, 0, later);
        assert!(!share.is_bad(later));
    }

    #[test]
    fn a_good_past_delays_nothing() {
        let (mut share, start) = (Share::new(POLICY), Instant::now());
        for step in 0..15 {
            share.record(20, 0, start + step * Duration::from_millis(100));
        }
        let now = start + Duration::from_millis(1600);
        share.record(10, 5, now);
        assert!(share.is_bad(now), "it lasts for one part of the window");
    }

    #[test]
    fn a_few_failures_among_many_calls_are_none() {
        let (mut share, start) = (Share::new(POLICY), Instant::now());
        for step in 0..100 {
            let now = start + step * Duration::from_millis(50);
            share.record(10, 2, now);
            assert!(!share.is_bad(now));
        }
        assert!(share.sums().0 <= 440, "what is older than the window is forgotten");
    }
}
