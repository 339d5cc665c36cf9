//! Which replicas the monitor has marked, as far as is known.

use std::time::Duration;

use tokio::time::Instant;

/// What the monitor said last.
#[derive(Clone, Debug)]
pub(super) struct Marks {
    off: Vec<bool>,
    heard_at: Option<Instant>,
    valid_for: Duration,
}

impl Marks {
    pub(super) fn new(replicas: usize, valid_for: Duration) -> Self {
        Self { off: vec![false; replicas], heard_at: None, valid_for }
    }

    /// Takes what the monitor says.
    pub(super) fn hear(&mut self, off: Vec<bool>, now: Instant) {
        debug_assert_eq!(off.len(), self.off.len(), "one mark for each replica");
        (self.off, self.heard_at) = (off, Some(now));
    }

    /// The replicas that are marked OFF at `now`: nobody is when the monitor is silent, since what
    /// it said may have changed, and the vote stands a bad replica by itself.
    pub(super) fn off(&self, now: Instant) -> Vec<bool> {
        if self.is_heard(now) { self.off.clone() } else { vec![false; self.off.len()] }
    }

    /// Whether the monitor has spoken lately.
    pub(super) fn is_heard(&self, now: Instant) -> bool {
        self.heard_at.is_some_and(|at| now.saturating_duration_since(at) < self.valid_for)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_hold_for_a_while() {
        let (mut marks, start) = (Marks::new(3, Duration::from_secs(2)), Instant::now());
        assert_eq!(marks.off(start), [false; 3]);
        marks.hear(vec![false, true, false], start);
        assert_eq!(marks.off(start + Duration::from_millis(1999)), [false, true, false]);
        assert_eq!(marks.off(start + Duration::from_secs(2)), [false; 3]);
    }
}
