//! A metric that a service exports, over the windows of a phase.

use std::collections::BTreeMap;

use standfast_checker::Windows;

use super::evaluate::{Measured, Unknown};
use super::record::{MetricSample, TrialRecord};
use crate::spec::{Aggregate, Unit};

/// Which metric, of whom, and how it becomes one figure.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted<'a> {
    pub(super) name: &'a str,
    pub(super) service: &'a str,
    pub(super) aggregate: Aggregate,
}

pub(super) fn metric(
    trial: &TrialRecord,
    windows: &Windows,
    wanted: Wanted<'_>,
) -> Result<Measured, Unknown> {
    let values = sums(&trial.samples, wanted);
    if values.is_empty() {
        let Wanted { name, service, .. } = wanted;
        return Err(Unknown::because(format!("{service} never exported the metric `{name}`")));
    }
    let inside: Vec<(u64, f64)> = windows
        .iter()
        .flat_map(|window| {
            // A scrape takes a moment: the samples of the borders are those next to them.
            let before = values.iter().rev().find(|(at_us, _)| *at_us <= window.from_us);
            let during = values.iter().filter(move |(at_us, _)| window.contains(*at_us));
            before.into_iter().chain(during).copied().collect::<Vec<_>>()
        })
        .collect();
    let n = inside.len() as u64;
    let seconds = windows.length_us() as f64 / 1e6;
    let last = inside.last().map(|(_, value)| *value);
    let growth = || (n >= 2).then(|| increase(&inside));
    let (value, unit) = match wanted.aggregate {
        Aggregate::Delta => (growth(), Unit::Count),
        Aggregate::Rate => (growth().map(|growth| growth / seconds), Unit::PerSecond),
        Aggregate::Max => (inside.iter().map(|(_, v)| *v).reduce(f64::max), Unit::Count),
        Aggregate::Last => (last, Unit::Count),
    };
    value
        .filter(|value| value.is_finite())
        .map(|value| Measured::exact(value, unit, n))
        .ok_or_else(|| Unknown::because("too few samples of the metric in the phase"))
}

/// How much a counter grew; a fall is a restart of the service, which counts from 0 again.
fn increase(samples: &[(u64, f64)]) -> f64 {
    let steps = samples.windows(2).map(|pair| (pair[0].1, pair[1].1));
    steps.map(|(from, to)| if to >= from { to - from } else { to }).sum()
}

/// The metric over time. A name without labels means the sum over all labels.
fn sums(samples: &[MetricSample], wanted: Wanted<'_>) -> Vec<(u64, f64)> {
    let mut by_time: BTreeMap<u64, f64> = BTreeMap::new();
    for sample in samples.iter().filter(|sample| sample.service == wanted.service) {
        let family = sample.name.split('{').next().unwrap_or_default();
        if sample.name == wanted.name || family == wanted.name {
            *by_time.entry(sample.at_us).or_default() += sample.value;
        }
    }
    by_time.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use standfast_checker::Window;

    use super::*;

    fn check(aggregate: Aggregate, expected: f64) {
        let sample = |at_us, labels: &str, value| MetricSample {
            at_us,
            service: "offers".to_owned(),
            name: format!("reads_total{labels}"),
            value,
        };
        let samples = vec![
            sample(900_000, "{from=\"a\"}", 10.0),
            sample(900_000, "{from=\"b\"}", 5.0),
            sample(1_500_000, "{from=\"a\"}", 20.0),
            sample(1_500_000, "{from=\"b\"}", 5.0),
            // The service was restarted and has counted 3 since.
            sample(2_500_000, "{from=\"a\"}", 3.0),
            sample(9_000_000, "{from=\"a\"}", 99.0),
        ];
        let trial = TrialRecord { samples, ..TrialRecord::default() };
        let windows = Windows::from(Window { from_us: 1_000_000, to_us: 3_000_000 });
        let wanted = Wanted { name: "reads_total", service: "offers", aggregate };
        let measured = metric(&trial, &windows, wanted).unwrap();
        assert!((measured.value - expected).abs() < 1e-9, "{aggregate:?}: {}", measured.value);
    }

    #[test]
    fn a_counter_is_summed_over_labels_and_survives_a_restart() {
        check(Aggregate::Delta, 13.0);
        check(Aggregate::Rate, 6.5);
        check(Aggregate::Max, 25.0);
        check(Aggregate::Last, 3.0);
    }
}
