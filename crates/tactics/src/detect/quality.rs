//! How good a detector was: the figures of Chen, Toueg and Aguilera ("On the quality of service of
//! failure detectors", 2002), computed from what happened and what it said.

use std::time::Duration;

/// Something that happened to the target, or that the detector said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TraceEvent {
    /// The target failed.
    Failed,
    /// The target is well again.
    Recovered,
    /// The detector took it for down.
    Suspected,
    /// The detector took it for up again.
    Trusted,
}

/// The figures of one trace.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Quality {
    /// T_D, one for each failure that was found: from the failure to the *last* suspicion of it.
    pub detection_times: Vec<Duration>,
    /// Failures that ended, or that the trace ended, before they were found.
    pub missed: usize,
    /// From each recovery to the renewed trust.
    pub return_times: Vec<Duration>,
    /// Suspicions of a target that was well.
    pub mistakes: usize,
    /// How long those lasted, together.
    pub mistaken_for: Duration,
    /// How long the target was well, altogether.
    pub well_for: Duration,
}

impl Quality {
    /// Reads a trace of a target that is well and trusted at zero. Times ascend up to `end`.
    pub fn of(trace: &[(Duration, TraceEvent)], end: Duration) -> Self {
        let mut reader = Reader::default();
        for (at, event) in trace {
            reader.take(*at, *event);
        }
        reader.end(end);
        reader.quality
    }

    /// The detection time that a share of failures did not exceed, by nearest rank.
    pub fn detection_time(&self, quantile: f64) -> Option<Duration> {
        let mut sorted = self.detection_times.clone();
        sorted.sort_unstable();
        let rank = (quantile.clamp(0.0, 1.0) * sorted.len() as f64).ceil() as usize;
        sorted.get(rank.max(1) - 1).copied()
    }

    /// λ_M, mistakes per hour of a well target; `None` if it never was.
    pub fn mistakes_per_hour(&self) -> Option<f64> {
        let hours = self.well_for.as_secs_f64() / 3600.0;
        (hours > 0.0).then(|| self.mistakes as f64 / hours)
    }

    /// T_M, how long a mistake lasted on average.
    pub fn mistake_duration(&self) -> Option<Duration> {
        let mistakes = u32::try_from(self.mistakes).ok().filter(|mistakes| *mistakes > 0)?;
        Some(self.mistaken_for / mistakes)
    }

    /// P_A, the probability that a well target was trusted when somebody asked.
    pub fn accuracy(&self) -> Option<f64> {
        let well = self.well_for.as_secs_f64();
        (well > 0.0).then(|| 1.0 - self.mistaken_for.as_secs_f64() / well)
    }
}

#[derive(Debug, Default)]
struct Reader {
    quality: Quality,
    well_since: Duration,
    failed_at: Option<Duration>,
    suspected_at: Option<Duration>,
    /// Recovered and not trusted yet, which is a return and no mistake.
    returning_since: Option<Duration>,
}

impl Reader {
    fn take(&mut self, at: Duration, event: TraceEvent) {
        match event {
            TraceEvent::Failed if self.failed_at.is_none() => {
                self.end_mistake(at);
                self.quality.well_for += at.saturating_sub(self.well_since);
                self.returning_since = None;
                self.failed_at = Some(at);
            }
            TraceEvent::Recovered => {
                if self.end_failure() {
                    self.well_since = at;
                    self.returning_since = self.suspected_at.map(|_| at);
                }
            }
            TraceEvent::Suspected if self.suspected_at.is_none() => {
                self.suspected_at = Some(at);
                self.quality.mistakes += usize::from(self.failed_at.is_none());
            }
            TraceEvent::Trusted => {
                self.end_mistake(at);
                if let Some(since) = self.returning_since.take() {
                    self.quality.return_times.push(at.saturating_sub(since));
                }
                self.suspected_at = None;
            }
            TraceEvent::Failed | TraceEvent::Suspected => {}
        }
    }

    /// A wrong suspicion ends by trust, or by coming true.
    fn end_mistake(&mut self, at: Duration) {
        let is_mistake = self.failed_at.is_none() && self.returning_since.is_none();
        if let Some(since) = self.suspected_at.filter(|_| is_mistake) {
            self.quality.mistaken_for += at.saturating_sub(since);
        }
    }

    /// Answers whether the target had failed.
    fn end_failure(&mut self) -> bool {
        let Some(failed_at) = self.failed_at.take() else { return false };
        match self.suspected_at {
            // Suspected beforehand, wrongly then, it was found at once.
            Some(suspected_at) => {
                self.quality.detection_times.push(suspected_at.saturating_sub(failed_at));
            }
            None => self.quality.missed += 1,
        }
        true
    }

    fn end(&mut self, end: Duration) {
        if !self.end_failure() {
            self.end_mistake(end);
            self.quality.well_for += end.saturating_sub(self.well_since);
        }
    }
}
