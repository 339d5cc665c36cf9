//! What the charts of a report need to know, as JSON for the script of the page.

use serde::Serialize;

use super::series::{Placed, Series, Span, series};
use crate::run::StoredRun;
use crate::verdict::{Arm, ArmResult, ClaimResult, Limit, Phase, figure};

/// Time after the end of the load in which late answers are still shown.
const TAIL_MS: i64 = 200;

/// Both arms with common axes, so that they can be compared by eye.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Charts {
    from_s: f64,
    to_s: f64,
    latency_max_ms: f64,
    latency_min_ms: f64,
    per_s_max: f64,
    arms: Vec<ArmCharts>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct ArmCharts {
    name: &'static str,
    series: Series,
    bands: Vec<Band>,
    limits: Vec<LimitLine>,
}

/// A span in which a fault was in effect.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Band {
    label: String,
    from_s: f64,
    to_s: f64,
}

/// The limit of a claim over the phase that it is about.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct LimitLine {
    chart: &'static str,
    label: String,
    value: f64,
    from_s: f64,
    to_s: f64,
}

pub(crate) fn charts(run: &StoredRun) -> Charts {
    let plan = &run.result.plan;
    let span = Span {
        from_ms: -i64::try_from(plan.warm_up_ms).unwrap_or_default(),
        to_ms: i64::try_from(plan.duration_ms).unwrap_or_default() + TAIL_MS,
    };
    let arms: Vec<ArmCharts> =
        run.result.arms.iter().map(|arm| arm_charts(run, arm, span)).collect();
    let latencies = || arms.iter().flat_map(|arm| arm.series.max.iter().flatten()).copied();
    let fastest = arms.iter().flat_map(|arm| arm.series.p50.iter().flatten()).copied();
    Charts {
        from_s: span.from_ms as f64 / 1000.0,
        to_s: span.to_ms as f64 / 1000.0,
        latency_max_ms: latencies().fold(1.0, f64::max),
        latency_min_ms: fastest.fold(f64::INFINITY, f64::min).clamp(0.01, 1.0),
        per_s_max: arms.iter().map(|arm| highest_stack(&arm.series)).fold(1.0, f64::max),
        arms,
    }
}

fn arm_charts(run: &StoredRun, arm: &ArmResult, span: Span) -> ArmCharts {
    let zero_ms = |trial: u32| {
        let run = arm.runs.iter().find(|run| run.trial == trial);
        run.map(|run| run.zero_us as f64 / 1000.0)
    };
    let placed: Vec<Placed<'_>> = run
        .operations
        .iter()
        .filter(|tagged| tagged.arm == arm.arm)
        .filter_map(|tagged| {
            let at_ms = tagged.record.intended_us as f64 / 1000.0 - zero_ms(tagged.trial)?;
            Some(Placed { at_ms, operation: &tagged.record })
        })
        .collect();
    ArmCharts {
        name: arm.arm.name(),
        series: series(&placed, span, arm.trials),
        bands: bands(arm, span),
        limits: arm.claims.iter().filter_map(|claim| limit_line(claim, arm, span)).collect(),
    }
}

/// One band per fault of the plan, from its median injection to its median heal.
fn bands(arm: &ArmResult, span: Span) -> Vec<Band> {
    let count = arm.runs.iter().map(|run| run.faults.len()).max().unwrap_or(0);
    (0..count)
        .filter_map(|index| {
            let faults: Vec<_> = arm.runs.iter().filter_map(|run| run.faults.get(index)).collect();
            let first = faults.first()?;
            let from_ms = median(faults.iter().filter_map(|fault| fault.injected_ms))?;
            let end = |fault: &&crate::verdict::FaultResult| fault.healing_ms.or(fault.healed_ms);
            let over_at_once = matches!(first.kind.as_str(), "flush" | "reset");
            let to_ms = match median(faults.iter().filter_map(end)) {
                Some(to_ms) => to_ms,
                None if over_at_once => from_ms,
                None => span.to_ms as f64,
            };
            Some(Band {
                label: format!("{} {}", first.kind, first.target),
                from_s: from_ms / 1000.0,
                to_s: to_ms / 1000.0,
            })
        })
        .collect()
}

fn limit_line(claim: &ClaimResult, arm: &ArmResult, span: Span) -> Option<LimitLine> {
    let (chart, value) = match claim.measure.as_str() {
        "availability" => ("success", claim.limit.value() * 100.0),
        measure if measure.starts_with("latency_") || measure == "error_latency_max" => {
            ("latency", claim.limit.value())
        }
        _ => return None,
    };
    let sign = match claim.limit {
        Limit::AtLeast(_) => "≥",
        Limit::AtMost(_) => "≤",
        Limit::Equals(_) => "=",
    };
    let (from_s, to_s) = phase_span(claim.during, arm, span)?;
    let what = claim.measure.replace("latency_", "").replace('_', " ");
    let label = format!("{what} {sign} {}", figure(claim.limit.value(), claim.unit));
    Some(LimitLine { chart, label, value, from_s, to_s })
}

fn phase_span(during: Option<Phase>, arm: &ArmResult, span: Span) -> Option<(f64, f64)> {
    let (start, end) = (0.0, (span.to_ms - TAIL_MS) as f64 / 1000.0);
    let faults = || arm.runs.iter().flat_map(|run| &run.faults);
    let seconds = |ms: f64| ms / 1000.0;
    let first = || faults().filter_map(|f| f.injecting_ms).reduce(f64::min).map(seconds);
    let last = || faults().filter_map(|f| f.healed_ms).reduce(f64::max).map(seconds);
    match during {
        None => Some((start, end)),
        Some(Phase::Before) => Some((start, first()?)),
        Some(Phase::Fault) => {
            let to_s = bands(arm, span).iter().map(|band| band.to_s).fold(0.0, f64::max);
            Some((first()?, to_s.min(end)))
        }
        Some(Phase::After) => Some((last()?, end)),
        Some(Phase::WarmUp | Phase::Changing) => None,
    }
}

fn highest_stack(series: &Series) -> f64 {
    let stack = |index: usize| -> f64 {
        series.answers.iter().filter_map(|answer| answer.per_s.get(index)).sum()
    };
    (0..series.time_s.len()).map(stack).fold(0.0, f64::max)
}

fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    standfast_checker::Summary::of(values).map(|summary| summary.median)
}

/// Names of the arms in the order of the page.
pub(crate) fn arm_title(arm: &ArmResult) -> String {
    match (arm.arm, arm.without.as_slice()) {
        (Arm::Treatment, []) => "Treatment".to_owned(),
        (Arm::Treatment, without) => format!("Treatment, without {}", without.join(", ")),
        (Arm::Control, without) => format!("Control, without {}", without.join(", ")),
    }
}
