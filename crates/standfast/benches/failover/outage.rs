//! How long writes were gone, as clients saw it: from the last acknowledgement before to the first
//! one after.

use std::ops::Range;

/// A time without an acknowledgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gap {
    pub(crate) from_us: u64,
    pub(crate) to_us: u64,
}

impl Gap {
    pub(crate) fn length_us(self) -> u64 {
        self.to_us - self.from_us
    }
}

/// The longest gap that touches `window`; `None` when nothing was acknowledged before or after.
pub(crate) fn longest(times: &[u64], window: &Range<u64>) -> Option<Gap> {
    let gaps = times.windows(2).map(|pair| Gap { from_us: pair[0], to_us: pair[1] });
    gaps.filter(|gap| gap.to_us > window.start && gap.from_us < window.end)
        .max_by_key(|gap| gap.length_us())
}

/// Writes are gone for as long as nobody gets one through.
pub(crate) fn of_all(clients: &[Vec<u64>], window: &Range<u64>) -> Option<Gap> {
    let mut times: Vec<u64> = clients.iter().flatten().copied().collect();
    times.sort_unstable();
    longest(&times, window)
}

/// The outage of the client that had the longest; `None` when one has no end.
pub(crate) fn of_worst_client(clients: &[Vec<u64>], window: &Range<u64>) -> Option<Gap> {
    let gaps: Option<Vec<Gap>> = clients.iter().map(|times| longest(times, window)).collect();
    gaps?.into_iter().max_by_key(|gap| gap.length_us())
}
