//! When attempts are intended, decided before any answer is known.
//!
//! The schedule is the "open" of open loop: it looks at no clock and no answer, so a server that
//! stalls cannot slow it down and thereby hide its own queue.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::draw::Stream;

/// How attempts are spread over time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Arrivals {
    /// At equal distances.
    #[default]
    Constant,
    /// As independent clients do: exponential distances with the same mean, drawn from the seed.
    Poisson,
}

/// The intended send times of one plan, as offsets from the run's origin.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    arrivals: Arrivals,
    rate_per_s: f64,
    start: Duration,
    duration: Duration,
    stream: Stream,
    index: u64,
    /// Seconds since `start` of the latest arrival, for Poisson arrivals.
    elapsed_s: f64,
}

impl Schedule {
    pub(crate) fn new(arrivals: Arrivals, rate_per_s: f64, window: Window, seed: u64) -> Self {
        let Window { start, duration } = window;
        let stream = Stream::new(seed, "arrivals");
        Self { arrivals, rate_per_s, start, duration, stream, index: 0, elapsed_s: 0.0 }
    }
}

/// The part of a run in which a plan sends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    pub(crate) start: Duration,
    pub(crate) duration: Duration,
}

impl Iterator for Schedule {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        #[expect(
            clippy::cast_precision_loss,
            reason = "a schedule has far less than 2^53 arrivals"
        )]
        let seconds = match self.arrivals {
            // Multiplied afresh for every arrival: adding up would add up the rounding too.
            Arrivals::Constant => self.index as f64 / self.rate_per_s,
            Arrivals::Poisson => {
                self.elapsed_s -= (1.0 - self.stream.unit(self.index)).ln() / self.rate_per_s;
                self.elapsed_s
            }
        };
        if seconds >= self.duration.as_secs_f64() {
            return None;
        }
        self.index += 1;
        Some(self.start + Duration::from_secs_f64(seconds))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Arrivals, Schedule, Window};

    fn times(arrivals: Arrivals, seed: u64) -> Vec<Duration> {
        let window = Window { start: Duration::from_secs(3), duration: Duration::from_secs(10) };
        Schedule::new(arrivals, 1000.0, window, seed).collect()
    }

    #[test]
    fn constant_arrivals_are_equally_spaced_and_end_with_the_window() {
        let times = times(Arrivals::Constant, 1);
        assert_eq!(times.len(), 10_000);
        assert_eq!(times[0], Duration::from_secs(3));
        assert_eq!(times[9_999], Duration::from_micros(12_999_000));
    }

    #[test]
    fn poisson_arrivals_have_the_rate_and_the_spread_of_independent_clients() {
        let times = times(Arrivals::Poisson, 7);
        // The count has a standard deviation of 100.
        assert!(times.len().abs_diff(10_000) < 500, "{}", times.len());
        let gaps: Vec<f64> =
            times.windows(2).map(|pair| (pair[1] - pair[0]).as_secs_f64() * 1e3).collect();
        #[expect(clippy::cast_precision_loss, reason = "ten thousand")]
        let count = gaps.len() as f64;
        let mean = gaps.iter().sum::<f64>() / count;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / count;
        // The standard deviation of an exponential distribution equals its mean.
        assert!((variance.sqrt() / mean - 1.0).abs() < 0.1, "{} / {mean}", variance.sqrt());
    }

    #[test]
    fn a_seed_gives_its_schedule_and_another_seed_another() {
        assert_eq!(times(Arrivals::Poisson, 7), times(Arrivals::Poisson, 7));
        assert_ne!(times(Arrivals::Poisson, 7), times(Arrivals::Poisson, 8));
    }
}
