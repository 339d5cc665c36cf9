//! Half-open: which calls are let through, and when they have proved enough. It counts by itself:
//! a window that is shorter than the number of probes, or forgets by time, would never decide.

use tokio::time::Instant;

use super::options::{Ramp, Recovery};
use super::window::{Sample, Totals};

/// What becomes of a call in half-open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    Probe,
    /// The ramp lets another call through.
    NotItsTurn,
    /// As many are out as may be, the last of them since then.
    Full {
        last: Instant,
    },
}

/// What the results so far prove.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Proof {
    None,
    /// Enough to judge by.
    Decides(Totals),
}

#[derive(Clone, Debug)]
pub(super) struct Trial {
    probes: usize,
    recovery: Recovery,
    stage: usize,
    results: Totals,
    in_flight: usize,
    last_at: Option<Instant>,
    /// How many calls the ramp owes; it admits at one.
    credit: f64,
}

impl Trial {
    pub(super) fn new(probes: usize, recovery: Recovery) -> Self {
        Self {
            probes,
            recovery,
            stage: 0,
            results: Totals::default(),
            in_flight: 0,
            last_at: None,
            // The first call after the break is let through, or rare calls would wait for long.
            credit: 1.0,
        }
    }

    pub(super) fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// The share of calls that is let through; `None` if that is a number of probes.
    pub(super) fn share(&self) -> Option<f64> {
        match self.recovery {
            Recovery::Probes => None,
            Recovery::Ramp(ramp) => Some(ramp.shares[self.stage]),
        }
    }

    pub(super) fn admit(&mut self, now: Instant) -> Entry {
        let is_full = match self.recovery {
            Recovery::Probes => self.results.all + self.in_flight >= self.probes,
            Recovery::Ramp(Ramp { in_flight_max, .. }) => self.in_flight >= in_flight_max,
        };
        if is_full {
            return Entry::Full { last: self.last_at.unwrap_or(now) };
        }
        if let Some(share) = self.share() {
            // By turns and not by lot: the share is exact however few the calls.
            self.credit += share;
            if self.credit < 1.0 {
                return Entry::NotItsTurn;
            }
            self.credit -= 1.0;
        }
        self.in_flight += 1;
        self.last_at = Some(now);
        Entry::Probe
    }

    /// A call that was let through is back, with or without a result.
    pub(super) fn give_back(&mut self) {
        self.in_flight -= 1;
    }

    pub(super) fn record(&mut self, sample: Sample) -> Proof {
        self.results.add(sample);
        let needed = match self.recovery {
            Recovery::Probes => self.probes,
            Recovery::Ramp(ramp) => ramp.results,
        };
        if self.results.all < needed { Proof::None } else { Proof::Decides(self.results) }
    }

    /// Goes on to the next stage; answers whether there is one.
    pub(super) fn rise(&mut self) -> bool {
        let Recovery::Ramp(ramp) = self.recovery else { return false };
        let has_next = self.stage + 1 < ramp.shares.len();
        self.stage += usize::from(has_next);
        self.results = Totals::default();
        has_next
    }
}
