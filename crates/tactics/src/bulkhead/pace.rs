//! How long calls hold their places: the estimate by which a queue knows that a place would come
//! too late.

use std::time::Duration;

/// A smoothed mean and deviation, as TCP keeps them for its retransmission timer (Jacobson,
/// "Congestion Avoidance and Control", SIGCOMM 1988; RFC 6298).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pace {
    /// `None` before the first call has ended.
    estimate: Option<(Duration, Duration)>,
}

impl Pace {
    /// A call held its place for `held`.
    pub(super) fn record(&mut self, held: Duration) {
        self.estimate = Some(match self.estimate {
            None => (held, held / 2),
            Some((mean, deviation)) => {
                (mean * 7 / 8 + held / 8, deviation * 3 / 4 + mean.abs_diff(held) / 4)
            }
        });
    }

    /// What a call takes on average; nothing as long as nothing is known.
    pub(super) fn mean(self) -> Duration {
        self.estimate.map_or(Duration::ZERO, |(mean, _)| mean)
    }

    /// What nearly every call gets by with: RFC 6298 takes four deviations so as never to be wrong;
    /// a queue that is wrong now and then loses one answer, one that is too careful loses many.
    pub(super) fn ample(self) -> Duration {
        self.estimate.map_or(Duration::ZERO, |(mean, deviation)| mean + 2 * deviation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn the_estimate_follows_a_change_within_a_few_calls() {
        let mut pace = Pace::default();
        assert_eq!(pace.ample(), Duration::ZERO, "nothing is known");
        for _ in 0..50 {
            pace.record(10 * MS);
        }
        assert!(pace.mean().abs_diff(10 * MS) < MS, "{pace:?}");
        assert!(pace.ample() < 11 * MS, "steady calls need no margin: {pace:?}");
        for _ in 0..50 {
            pace.record(150 * MS);
        }
        assert!(pace.mean() > 140 * MS, "{pace:?}");
        for _ in 0..20 {
            pace.record(10 * MS);
        }
        assert!(pace.mean() < 21 * MS, "{pace:?}");
    }
}
