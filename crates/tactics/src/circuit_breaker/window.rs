//! The results that are judged: the last N in a ring, or those of the last while in buckets. Either
//! way with running counts, so that each record costs the same.

use std::time::Duration;

use tokio::time::Instant;

use super::options::Judged;

/// What is remembered of one call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sample {
    pub(super) failed: bool,
    pub(super) slow: bool,
}

/// How many results there are, and how many of them are bad.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) all: usize,
    pub(super) failed: usize,
    pub(super) slow: usize,
}

impl Totals {
    pub(super) fn add(&mut self, sample: Sample) {
        self.all += 1;
        self.failed += usize::from(sample.failed);
        self.slow += usize::from(sample.slow);
    }

    fn remove(&mut self, other: Self) {
        self.all -= other.all;
        self.failed -= other.failed;
        self.slow -= other.slow;
    }

    /// Whether at least this share, which is above zero, failed.
    pub(super) fn have_failed(&self, share: f64) -> bool {
        is_share_of(self.failed, self.all, share)
    }

    /// Whether at least this share, which is above zero, was slow.
    pub(super) fn were_slow(&self, share: f64) -> bool {
        is_share_of(self.slow, self.all, share)
    }
}

/// Asked at every call: so there is no division as long as all is well.
fn is_share_of(part: usize, whole: usize, share: f64) -> bool {
    part > 0 && part as f64 / whole as f64 >= share
}

#[derive(Clone, Debug)]
pub(super) enum Window {
    Calls(Ring),
    Time(Box<Buckets>),
}

impl Window {
    pub(super) fn new(judged: Judged, capacity: usize) -> Self {
        match judged {
            Judged::Calls => Self::Calls(Ring::new(capacity)),
            Judged::Time { span } => Self::Time(Box::new(Buckets::new(span))),
        }
    }

    pub(super) fn record(&mut self, sample: Sample, now: Instant) {
        match self {
            Self::Calls(ring) => ring.record(sample),
            Self::Time(buckets) => buckets.record(sample, now),
        }
    }

    pub(super) fn clear(&mut self) {
        match self {
            Self::Calls(ring) => ring.clear(),
            Self::Time(buckets) => buckets.clear(),
        }
    }

    pub(super) fn totals(&self) -> Totals {
        match self {
            Self::Calls(ring) => ring.totals,
            Self::Time(buckets) => buckets.totals,
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Ring {
    samples: Vec<Sample>,
    capacity: usize,
    next: usize,
    totals: Totals,
}

impl Ring {
    fn new(capacity: usize) -> Self {
        let samples = Vec::with_capacity(capacity);
        Self { samples, capacity, next: 0, totals: Totals::default() }
    }

    fn record(&mut self, sample: Sample) {
        if self.samples.len() < self.capacity {
            self.samples.push(sample);
        } else {
            let mut evicted = Totals::default();
            evicted.add(std::mem::replace(&mut self.samples[self.next], sample));
            self.totals.remove(evicted);
        }
        self.next = if self.next + 1 == self.capacity { 0 } else { self.next + 1 };
        self.totals.add(sample);
    }

    fn clear(&mut self) {
        (self.next, self.totals) = (0, Totals::default());
        self.samples.clear();
    }
}

/// Of ten buckets, the oldest is dropped whole: the window is between nine and ten tenths of its
/// span, and a record touches at most all ten.
const BUCKETS: usize = 10;

#[derive(Clone, Debug)]
pub(super) struct Buckets {
    width: Duration,
    ring: [Totals; BUCKETS],
    current: usize,
    /// When the current bucket began; `None` before the first result.
    began_at: Option<Instant>,
    totals: Totals,
}

impl Buckets {
    fn new(span: Duration) -> Self {
        let width = span / 10;
        let ring = [Totals::default(); BUCKETS];
        Self { width, ring, current: 0, began_at: None, totals: Totals::default() }
    }

    fn record(&mut self, sample: Sample, now: Instant) {
        self.advance(now);
        self.ring[self.current].add(sample);
        self.totals.add(sample);
    }

    fn advance(&mut self, now: Instant) {
        let began_at = *self.began_at.get_or_insert(now);
        let passed = now.saturating_duration_since(began_at).as_nanos() / self.width.as_nanos();
        if passed >= BUCKETS as u128 {
            self.clear();
            self.began_at = Some(now);
            return;
        }
        for _ in 0..passed {
            self.current = (self.current + 1) % BUCKETS;
            self.totals.remove(std::mem::take(&mut self.ring[self.current]));
        }
        let steps = u32::try_from(passed).unwrap_or(u32::MAX);
        self.began_at = Some(began_at + self.width * steps);
    }

    fn clear(&mut self) {
        self.ring = [Totals::default(); BUCKETS];
        (self.totals, self.began_at) = (Totals::default(), None);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn buckets_hold_what_is_recent_and_nothing_older(
            waits in prop::collection::vec((0..400_u64, any::<bool>(), any::<bool>()), 1..300),
        ) {
            let span = Duration::from_millis(1000);
            let mut window = Window::new(Judged::Time { span }, 1);
            let (mut now, mut history) = (Instant::now(), Vec::new());
            for (wait, failed, slow) in waits {
                now += Duration::from_millis(wait);
                let sample = Sample { failed, slow };
                window.record(sample, now);
                history.push((now, sample));
                let since = |age: Duration| {
                    let mut totals = Totals::default();
                    let recent = history.iter().filter(|(at, _)| now - *at < age);
                    recent.for_each(|(_, sample)| totals.add(*sample));
                    totals
                };
                let (least, totals, most) = (since(span * 9 / 10), window.totals(), since(span));
                prop_assert!(least.all <= totals.all && totals.all <= most.all);
                prop_assert!(least.failed <= totals.failed && totals.failed <= most.failed);
                prop_assert!(least.slow <= totals.slow && totals.slow <= most.slow);
            }
        }

        #[test]
        fn the_ring_holds_the_last_results(
            samples in prop::collection::vec((any::<bool>(), any::<bool>()), 1..100),
            capacity in 1..20_usize,
        ) {
            let mut window = Window::new(Judged::Calls, capacity);
            for (index, (failed, slow)) in samples.iter().enumerate() {
                window.record(Sample { failed: *failed, slow: *slow }, Instant::now());
                let mut expected = Totals::default();
                for (failed, slow) in &samples[(index + 1).saturating_sub(capacity)..=index] {
                    expected.add(Sample { failed: *failed, slow: *slow });
                }
                prop_assert_eq!(window.totals(), expected);
            }
        }
    }
}
