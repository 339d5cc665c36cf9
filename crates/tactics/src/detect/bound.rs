//! How long an echo takes to find a fault: in theory, to be held beside what is measured.

use std::time::Duration;

use super::echo::EchoPolicy;

/// How a fault shows itself to an echo.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Symptom {
    /// Refused, reset, or answered by an error: a crash.
    Fails,
    /// No answer: a hang, a cut.
    Silent,
    /// A right answer after this time.
    Slow(Duration),
    /// In this share of cases an error, else a right answer.
    FailsSometimes(f64),
    /// In this share of cases no answer within the timeout, else a right answer.
    SilentSometimes(f64),
}

/// A share of failures so small that it takes more echoes than this is not found.
const ECHOES_MAX: u32 = 1_000_000;

impl EchoPolicy {
    /// The longest that a fault can go unnoticed; `None` when there is no such time.
    ///
    /// The fault begins just after an echo, so the next one is a period away, and the n-th is n
    /// periods away. Whether it failed is known after a round trip or at its timeout.
    pub fn bound(&self, symptom: Symptom, round_trip: Duration) -> Option<Duration> {
        let (share, known_after) = self.failing(symptom, round_trip);
        (share >= 1.0).then(|| self.period * self.failures + known_after)
    }

    /// The time within which a fault is noticed with probability `quantile`; `None` when it is not
    /// noticed at all.
    pub fn bound_of(
        &self,
        symptom: Symptom,
        quantile: f64,
        round_trip: Duration,
    ) -> Option<Duration> {
        let (share, known_after) = self.failing(symptom, round_trip);
        let echoes = self.echoes_until_run(share, quantile)?;
        Some(self.period * echoes + known_after)
    }

    /// The longest that a target that is well again is held down. Echoes that were lost on the way
    /// are still out when it is back, and the successes behind them wait for their timeout.
    pub fn return_bound(&self, symptom: Symptom, round_trip: Duration) -> Duration {
        let successes = self.period * self.successes + round_trip;
        match symptom {
            Symptom::Fails | Symptom::FailsSometimes(_) => successes,
            Symptom::Silent | Symptom::Slow(_) | Symptom::SilentSometimes(_) => {
                successes.max(self.timeout)
            }
        }
    }

    /// The share of echoes that fail, and when that is known.
    fn failing(&self, symptom: Symptom, round_trip: Duration) -> (f64, Duration) {
        match symptom {
            Symptom::Fails => (1.0, round_trip),
            Symptom::Silent => (1.0, self.timeout),
            Symptom::Slow(takes) if takes >= self.timeout => (1.0, self.timeout),
            Symptom::Slow(_) => (0.0, self.timeout),
            Symptom::FailsSometimes(share) => (share, round_trip),
            Symptom::SilentSometimes(share) => (share, self.timeout),
        }
    }

    /// After how many echoes a run of `failures` has occurred with probability `quantile`.
    fn echoes_until_run(&self, share: f64, quantile: f64) -> Option<u32> {
        let length = usize::try_from(self.failures).ok()?;
        // By length of the run that the last echo ends: the probability, no run having been long
        // enough so far.
        let mut runs = vec![0.0; length];
        runs[0] = 1.0;
        let mut found = 0.0;
        (1..=ECHOES_MAX).find(|_| {
            found += share * runs[length - 1];
            let well: f64 = runs.iter().sum::<f64>() * (1.0 - share);
            for run in (1..length).rev() {
                runs[run] = share * runs[run - 1];
            }
            runs[0] = well;
            found >= quantile - 1e-12
        })
    }
}
