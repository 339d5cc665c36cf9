//! When a replica is left out, for how long, and what brings it back.

use std::time::Duration;

use super::history::Chart;

/// The numbers of an ejector.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Policy {
    /// Out after this many dissents with no agreement between them.
    pub dissents_in_a_row: u32,
    /// Out when the moving average of its dissents reaches this, past or no past: a replica that
    /// has lied from the first day has a spotless record of being itself.
    pub dissent_rate_max: f64,
    /// Its own history of dissents.
    pub chart: Chart,
    /// How many may be out at once; `None` for as many as leave a majority: 1 of 3, 2 of 5.
    pub ejected_max: Option<usize>,
    /// How long the first ejection lasts.
    pub rest_base: Duration,
    /// No ejection lasts longer.
    pub rest_max: Duration,
    /// Each ejection lasts longer than the last by this factor.
    pub rest_growth: f64,
    /// For each time of this length in good standing one ejection is forgotten.
    pub forgiven_after: Duration,
    /// How often in a row it must agree as a shadow before it counts again.
    pub agreements_to_return: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            dissents_in_a_row: 3,
            dissent_rate_max: 0.5,
            chart: Chart::default(),
            ejected_max: None,
            rest_base: Duration::from_secs(5),
            rest_max: Duration::from_secs(300),
            rest_growth: 2.0,
            forgiven_after: Duration::from_secs(60),
            agreements_to_return: 5,
        }
    }
}

/// Which number of a policy makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("outlier: `{field}` {problem}")]
pub struct PolicyError {
    field: &'static str,
    problem: &'static str,
}

impl Policy {
    /// How many of `replicas` may be out at once. More than these would leave no majority.
    pub fn cap(&self, replicas: usize) -> usize {
        let spare = replicas.saturating_sub(1) / 2;
        self.ejected_max.map_or(spare, |most| most.min(spare))
    }

    pub(super) fn check(&self) -> Result<(), PolicyError> {
        let fail = |field, problem| Err(PolicyError { field, problem });
        let is_share = |share: f64| share > 0.0 && share <= 1.0;
        if self.dissents_in_a_row == 0 || self.agreements_to_return == 0 {
            return fail("dissents_in_a_row, agreements_to_return", "must be at least 1");
        }
        if !is_share(self.dissent_rate_max) || !is_share(self.chart.weight) {
            return fail("dissent_rate_max, chart.weight", "must be above 0 and at most 1");
        }
        if !(0.0..1.0).contains(&self.chart.floor) {
            return fail("chart.floor", "must be from 0 up to, not including, 1");
        }
        if self.chart.samples_min < 30 {
            return fail("chart.samples_min", "must be at least 30: fewer have no deviation");
        }
        if !(self.chart.sigmas > 0.0 && self.chart.sigmas.is_finite()) {
            return fail("chart.sigmas", "must be above 0");
        }
        if self.rest_base.is_zero() || self.rest_max < self.rest_base {
            return fail("rest_base, rest_max", "must be above zero, and the maximum the larger");
        }
        if !(1.0..=100.0).contains(&self.rest_growth) {
            return fail("rest_growth", "must be from 1 to 100");
        }
        if self.forgiven_after.is_zero() {
            return fail("forgiven_after", "must be above zero");
        }
        Ok(())
    }

    /// How long a replica rests that has been out `times` before.
    pub(super) fn rest(&self, times: u32) -> Duration {
        let grown = self.rest_base.as_secs_f64() * self.rest_growth.powf(f64::from(times.min(60)));
        Duration::from_secs_f64(grown.min(self.rest_max.as_secs_f64())).min(self.rest_max)
    }
}
