//! How long things took lately: the last thousand, and their quantiles.

use std::time::Duration;

/// A p99 of fewer would be one sample.
const SAMPLES_MAX: usize = 1024;

/// A ring of durations.
#[derive(Clone, Debug, Default)]
pub(super) struct Latencies {
    ring: Vec<Duration>,
    next: usize,
}

impl Latencies {
    pub(super) fn record(&mut self, took: Duration) {
        if self.ring.len() < SAMPLES_MAX {
            self.ring.push(took);
        } else {
            self.ring[self.next] = took;
        }
        self.next = (self.next + 1) % SAMPLES_MAX;
    }

    /// What shares of them did not exceed, by nearest rank; nothing where there is none.
    pub(super) fn quantiles<const N: usize>(&self, shares: [f64; N]) -> [Option<Duration>; N] {
        let mut sorted = self.ring.clone();
        sorted.sort_unstable();
        shares.map(|share| {
            let rank = (share * sorted.len() as f64).ceil() as usize;
            sorted.get(rank.max(1) - 1).copied()
        })
    }

    /// The mean of the newest `count`, in seconds.
    pub(super) fn recent_mean(&self, count: usize) -> Option<f64> {
        let count = count.min(self.ring.len());
        let newest = (1..=count).map(|back| {
            let place = (self.next + SAMPLES_MAX - back) % SAMPLES_MAX;
            self.ring[place].as_secs_f64()
        });
        (count > 0).then(|| newest.sum::<f64>() / count as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn quantiles_are_samples_and_old_ones_are_forgotten() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.quantiles([0.5]), [None]);
        (1..=100).for_each(|ms| latencies.record(ms * MS));
        let expected = [50, 95, 100].map(|ms| Some(ms * MS));
        assert_eq!(latencies.quantiles([0.5, 0.95, 1.0]), expected);
        (0..SAMPLES_MAX).for_each(|_| latencies.record(7 * MS));
        assert_eq!(latencies.quantiles([0.0, 1.0]), [Some(7 * MS); 2]);
    }

    #[test]
    fn the_recent_mean_is_of_the_newest_also_after_a_turn_of_the_ring() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.recent_mean(3), None);
        (0..SAMPLES_MAX + 1).for_each(|_| latencies.record(1000 * MS));
        (0..3).for_each(|_| latencies.record(10 * MS));
        assert!((latencies.recent_mean(3).unwrap() - 0.01).abs() < 1e-9);
    }
}
