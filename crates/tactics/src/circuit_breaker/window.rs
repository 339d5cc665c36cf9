//! The last N results, in a ring, with running counts: each record costs the same.

/// What is remembered of one call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sample {
    pub(super) failed: bool,
    pub(super) slow: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Window {
    ring: Vec<Sample>,
    capacity: usize,
    next: usize,
    failed: usize,
    slow: usize,
}

impl Window {
    pub(super) fn new(capacity: usize) -> Self {
        Self { ring: Vec::with_capacity(capacity), capacity, next: 0, failed: 0, slow: 0 }
    }

    pub(super) fn record(&mut self, sample: Sample) {
        if self.ring.len() < self.capacity {
            self.ring.push(sample);
        } else {
            let evicted = std::mem::replace(&mut self.ring[self.next], sample);
            self.failed -= usize::from(evicted.failed);
            self.slow -= usize::from(evicted.slow);
        }
        self.next = (self.next + 1) % self.capacity;
        self.failed += usize::from(sample.failed);
        self.slow += usize::from(sample.slow);
    }

    pub(super) fn clear(&mut self) {
        (self.next, self.failed, self.slow) = (0, 0, 0);
        self.ring.clear();
    }

    pub(super) fn len(&self) -> usize {
        self.ring.len()
    }

    pub(super) fn failure_rate(&self) -> f64 {
        share(self.failed, self.ring.len())
    }

    pub(super) fn slow_rate(&self) -> f64 {
        share(self.slow, self.ring.len())
    }
}

fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
