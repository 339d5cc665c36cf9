//! How lags are distributed: percentiles by nearest rank, and a histogram with bounds that double.

use std::time::Duration;

/// An hour of a marker every 10 ms; of what is more, nothing is kept.
const SAMPLES_MAX: usize = 360_000;

/// Upper bounds of the histogram, in milliseconds; what is above the last one has a bin of its own.
pub(super) const BOUNDS_MS: [f64; 14] =
    [0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1e3, 2e3, 5e3, 1e4];

#[derive(Clone, Debug, Default)]
pub(super) struct Distribution {
    micros: Vec<u32>,
}

impl Distribution {
    pub(super) fn add(&mut self, lag: Duration) {
        if self.micros.len() < SAMPLES_MAX {
            self.micros.push(u32::try_from(lag.as_micros()).unwrap_or(u32::MAX));
        }
    }

    pub(super) fn count(&self) -> usize {
        self.micros.len()
    }

    /// The lags in milliseconds that these shares of all are not above; 0 without any.
    pub(super) fn quantiles_ms<const N: usize>(&self, shares: [f64; N]) -> [f64; N] {
        let mut sorted = self.micros.clone();
        sorted.sort_unstable();
        shares.map(|share| {
            #[expect(
                clippy::cast_precision_loss,
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "far fewer than 2^52 samples, and a share is not negative"
            )]
            let rank = (share * sorted.len() as f64).ceil() as usize;
            sorted.get(rank.max(1) - 1).map_or(0.0, |micros| f64::from(*micros) / 1e3)
        })
    }

    /// How many lie in each bin: up to each bound, and above the last one.
    pub(super) fn histogram(&self) -> [usize; BOUNDS_MS.len() + 1] {
        let mut bins = [0; BOUNDS_MS.len() + 1];
        for micros in &self.micros {
            let ms = f64::from(*micros) / 1e3;
            bins[BOUNDS_MS.partition_point(|bound| *bound < ms)] += 1;
        }
        bins
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_samples_and_every_sample_has_its_bin() {
        let mut lags = Distribution::default();
        assert_eq!(lags.quantiles_ms([0.5, 1.0]), [0.0, 0.0]);
        for ms in 1..=100 {
            lags.add(Duration::from_millis(ms));
        }
        assert_eq!(lags.quantiles_ms([0.5, 0.9, 0.99, 1.0]), [50.0, 90.0, 99.0, 100.0]);
        let bins = lags.histogram();
        assert_eq!(bins[..8], [0, 1, 1, 3, 5, 10, 30, 50]);
        assert_eq!(bins.iter().sum::<usize>(), lags.count());
        lags.add(Duration::from_secs(100_000));
        assert_eq!(lags.histogram()[BOUNDS_MS.len()], 1);
    }
}
