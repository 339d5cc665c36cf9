//! What calls took lately, as a histogram that forgets.

use std::time::Duration;

/// Eight steps for each doubling: a quantile is at most 12.5 % too large, and never too small.
const STEPS: u64 = 8;
const STEP_BITS: u32 = STEPS.trailing_zeros();
/// From a microsecond to more than an hour.
const BUCKETS: usize = 256;
/// At so many calls all counts are halved: the last few hundred weigh most, and a record costs a
/// two-hundredth of a pass over the buckets.
const CALLS_MAX: u32 = 2_000;

/// A quantile sketch of latencies.
#[derive(Clone, Debug)]
pub struct Latencies {
    counts: Vec<u32>,
    calls: u32,
}

impl Default for Latencies {
    fn default() -> Self {
        Self { counts: vec![0; BUCKETS], calls: 0 }
    }
}

impl Latencies {
    /// A call took so long.
    pub fn record(&mut self, took: Duration) {
        if self.calls >= CALLS_MAX {
            self.calls = 0;
            for count in &mut self.counts {
                *count /= 2;
                self.calls += *count;
            }
        }
        self.counts[bucket(took)] += 1;
        self.calls += 1;
    }

    /// How many calls it is made of, those forgotten by half counting half.
    pub fn calls(&self) -> u32 {
        self.calls
    }

    /// What a share of calls did not exceed; `None` before the first.
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        let rank = (share.clamp(0.0, 1.0) * f64::from(self.calls)).ceil().max(1.0) as u32;
        let mut seen = 0;
        let is_there = |count: &u32| {
            seen += *count;
            seen >= rank
        };
        let index = self.counts.iter().position(is_there)?;
        Some(Duration::from_micros(upper_edge(index)))
    }
}

/// Below eight microseconds one bucket for each; above, by the three digits after the first.
fn bucket(took: Duration) -> usize {
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    if micros < STEPS {
        return micros as usize;
    }
    let octave = micros.ilog2() - STEP_BITS;
    let step = (micros >> octave) - STEPS;
    let index = u64::from(octave + 1) * STEPS + step;
    (index as usize).min(BUCKETS - 1)
}

/// The largest whole number of microseconds in a bucket.
fn upper_edge(index: usize) -> u64 {
    let index = index as u64;
    if index < STEPS {
        return index;
    }
    let (octave, step) = (index / STEPS - 1, index % STEPS);
    ((STEPS + step + 1) << octave) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_latency_lies_within_its_bucket_and_an_eighth_of_its_edge() {
        for micros in (0..100_000).chain((100_000..4_000_000_000).step_by(7_654_321)) {
            let edge = upper_edge(bucket(Duration::from_micros(micros)));
            assert!(edge >= micros, "{micros} is above its edge {edge}");
            assert!(edge - micros <= micros / STEPS, "{micros} is far from its edge {edge}");
        }
        assert_eq!(bucket(Duration::MAX), BUCKETS - 1);
    }

    #[test]
    fn buckets_ascend_with_their_edges() {
        for index in 1..BUCKETS {
            assert!(upper_edge(index) > upper_edge(index - 1), "{index}");
            assert_eq!(bucket(Duration::from_micros(upper_edge(index))), index);
        }
    }
}
