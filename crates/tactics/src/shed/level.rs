//! What calls of one class take at present, and what they usually take.

use std::time::Duration;

/// So many of the last calls of a window make its level.
const CALLS: usize = 64;
/// With fewer calls, a level would be that of chance.
const CALLS_MIN: usize = 10;
/// The slowest tenth is left out: one call that hangs is not a queue.
const SLOWEST_SHARE: usize = 10;

/// The calls of one class in one window.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    micros: [u32; CALLS],
    /// How many there were; only the last ones are kept.
    calls: u32,
}

impl Sample {
    pub(super) fn new() -> Self {
        Self { micros: [0; CALLS], calls: 0 }
    }

    pub(super) fn record(&mut self, took: Duration) {
        let micros = u32::try_from(took.as_micros()).unwrap_or(u32::MAX).max(1);
        self.micros[self.calls as usize % CALLS] = micros;
        self.calls = self.calls.saturating_add(1);
    }

    pub(super) fn calls(&self) -> u32 {
        self.calls
    }

    pub(super) fn clear(&mut self) {
        self.calls = 0;
    }

    /// Their mean without the slowest tenth, in microseconds; `None` for too few.
    pub(super) fn level(&self) -> Option<f64> {
        let kept = (self.calls as usize).min(CALLS);
        if kept < CALLS_MIN {
            return None;
        }
        let mut micros = self.micros;
        let micros = &mut micros[..kept];
        micros.sort_unstable();
        let counted = kept - kept.div_ceil(SLOWEST_SHARE);
        let sum: u64 = micros[..counted].iter().map(|micros| u64::from(*micros)).sum();
        Some(sum as f64 / counted as f64)
    }
}

/// Levels are smoothed over about so many calls before the lowest is looked for: the lowest of many
/// noisy ones would be far below what is usual.
const SMOOTHED_OVER: f64 = 60.0;

/// What calls of one class usually take: the lowest smoothed level of the last intervals, the
/// present one and three before.
#[derive(Clone, Debug, Default)]
pub(super) struct Usual {
    lowest: [Option<f64>; Self::INTERVALS],
    smoothed: f64,
    /// How many calls are behind it, up to the point where that no longer matters.
    calls: f64,
}

impl Usual {
    /// How many intervals are remembered.
    pub(super) const INTERVALS: usize = 4;

    /// The lowest level that is remembered; `None` before enough is known.
    pub(super) fn level(&self) -> Option<f64> {
        self.lowest.iter().flatten().copied().reduce(f64::min)
    }

    /// So many calls had this level.
    pub(super) fn record(&mut self, level: f64, calls: u32) {
        let calls = f64::from(calls);
        self.calls = (self.calls + calls).min(SMOOTHED_OVER.max(calls));
        self.smoothed += (level - self.smoothed) * calls / self.calls;
        if self.calls >= SMOOTHED_OVER {
            let smoothed = self.smoothed;
            let lowest = &mut self.lowest[0];
            *lowest = Some(lowest.map_or(smoothed, |lowest| lowest.min(smoothed)));
        }
    }

    /// An interval is over. Without a call in it, nothing is known to have changed.
    pub(super) fn roll(&mut self) {
        if self.lowest[0].is_some() {
            self.lowest.rotate_right(1);
            self.lowest[0] = None;
        }
    }

    /// It was measured without a queue to be `factor` times what was remembered.
    pub(super) fn correct(&mut self, factor: f64) {
        let Some(level) = self.level() else { return };
        let corrected = level * factor;
        self.lowest = [None; Self::INTERVALS];
        self.lowest[0] = Some(corrected);
        (self.smoothed, self.calls) = (corrected, SMOOTHED_OVER);
    }

    /// It was measured without a queue to be what was remembered.
    pub(super) fn confirm(&mut self) {
        let level = self.level();
        self.lowest[0] = level;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn sample(millis: impl IntoIterator<Item = u32>) -> Sample {
        let mut sample = Sample::new();
        millis.into_iter().for_each(|millis| sample.record(millis * MS));
        sample
    }

    #[test]
    fn a_call_that_hangs_does_not_move_the_level() {
        assert_eq!(sample([10; 9]).level(), None, "too few to say");
        let level = sample([10; 19].into_iter().chain([60_000])).level();
        assert_eq!(level, Some(10_000.0));
        assert_eq!(sample([10; 500]).level(), Some(10_000.0));
        assert!(sample([0; 10]).level() > Some(0.0), "or a ratio would be infinite");
    }

    #[test]
    fn what_is_usual_is_forgotten_after_four_intervals() {
        let mut usual = Usual::default();
        usual.record(1.0, 59);
        assert_eq!(usual.level(), None, "not enough calls");
        usual.record(1.0, 60);
        for _ in 0..Usual::INTERVALS - 1 {
            usual.roll();
            usual.record(5.0, 60);
            assert_eq!(usual.level(), Some(1.0));
        }
        usual.roll();
        assert_eq!(usual.level(), Some(5.0));
        (0..10).for_each(|_| usual.roll());
        assert_eq!(usual.level(), Some(5.0), "no call, no news");
        usual.correct(3.0);
        assert_eq!(usual.level(), Some(15.0));
    }

    #[test]
    fn one_quick_window_is_not_what_is_usual() {
        let mut usual = Usual::default();
        (0..20).for_each(|_| usual.record(10.0, 20));
        usual.record(5.0, 10);
        assert!(usual.level() > Some(9.0), "{usual:?}");
        (0..20).for_each(|_| usual.record(5.0, 10));
        assert!(usual.level() < Some(5.5), "but many are: {usual:?}");
    }
}
