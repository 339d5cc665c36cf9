//! One claim on one trial: a figure, or the reason why there is none.

use std::time::Duration;

use standfast_checker::{
    Answers, Availability, Interval, Latencies, Proportion, StalenessBounds, judge_staleness,
    share_of_source, share_of_status,
};
use standfast_history::{Operation, Outcome};

use super::answers::wrong_answers;
use super::budget::budget_used;
use super::consistency::consistency;
use super::ledger::ledger;
use super::metric::{Wanted, metric};
use super::phases::windows;
use super::primaries::two_primaries;
use super::record::TrialRecord;
use super::scope::{Scope, View};
use super::times::{outage, ttd, ttr};
use super::undisturbed::excuse;
use crate::spec::{self, Claim, Measure, Operand, Percentile, Unit};
use crate::verdict::{ClaimHead, ClaimTrial, Limit, Phase, Verdict};

/// A figure of one trial: shares from 0 to 1, times in milliseconds.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    pub value: f64,
    pub unit: Unit,
    /// Operations or events that the figure rests on.
    pub n: u64,
    pub interval: Option<Interval>,
    /// Why the true value may be greater than this one; absent when it is exact.
    pub open: Option<String>,
    /// What it counts, as far as somebody will read it.
    pub evidence: Vec<String>,
}

/// Why nothing could be measured. Never a pass.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Unknown {
    pub reason: String,
}

/// What a claim measured in a trial.
pub type Evaluation = Result<Measured, Unknown>;

impl Measured {
    pub(super) fn exact(value: f64, unit: Unit, n: u64) -> Self {
        Self { value, unit, n, interval: None, open: None, evidence: Vec::new() }
    }

    pub(super) fn at_least(self, reason: impl Into<String>) -> Self {
        Self { open: Some(reason.into()), ..self }
    }

    pub(super) fn shown_by(self, evidence: Vec<String>) -> Self {
        Self { evidence, ..self }
    }

    fn within(self, interval: Option<Interval>) -> Self {
        Self { interval, ..self }
    }
}

impl Unknown {
    pub(super) fn because(reason: impl Into<String>) -> Self {
        Self { reason: reason.into() }
    }

    pub(super) fn no_operation() -> Self {
        Self::because("no operation was intended in the phase")
    }
}

/// Measures what the claim is about.
///
/// # Errors
/// When the trial holds nothing to measure, with the reason.
pub fn evaluate(claim: &Claim, trial: &TrialRecord) -> Evaluation {
    measure(&claim.measure, claim.during, &View::of(trial))
}

/// The claim without any figures.
pub fn head(claim: &Claim) -> ClaimHead {
    let quantity = claim.limit.quantity();
    let limit = match claim.limit {
        spec::Limit::AtLeast(_) => Limit::AtLeast(quantity.value),
        spec::Limit::AtMost(_) => Limit::AtMost(quantity.value),
        spec::Limit::Equals(_) => Limit::Equals(quantity.value),
    };
    ClaimHead {
        id: claim.id.clone(),
        text: claim.text.clone(),
        measure: claim.measure.word(),
        during: match claim.during {
            spec::Phase::Before => Some(Phase::Before),
            spec::Phase::Fault => Some(Phase::Fault),
            spec::Phase::After => Some(Phase::After),
            spec::Phase::All => None,
        },
        limit,
        unit: quantity.unit,
        scenario: claim.measure.scenario().map(str::to_owned),
        is_objective: claim.is_objective,
        bound_ms: claim.bound_ms,
        in_trials: claim.in_trials,
    }
}

/// Measures the claim and holds the figure against its limit. What misses it only by operations
/// that the machine disturbed, by a stall or with other programs, is unknown.
pub fn judge_trial(claim: &Claim, trial: &TrialRecord) -> ClaimTrial {
    let measured = match evaluate(claim, trial) {
        Ok(measured) => measured,
        Err(unknown) => {
            return ClaimTrial {
                measured: None,
                n: 0,
                interval: None,
                verdict: Verdict::Unknown,
                reason: Some(unknown.reason),
                evidence: Vec::new(),
                disturbance: None,
                budget_used: None,
            };
        }
    };
    let holds = claim.limit.holds(measured.value);
    let verdict = match (&measured.open, claim.limit) {
        (None, _) => {
            if holds {
                Verdict::Holds
            } else {
                Verdict::Refuted
            }
        }
        // The true value is this or more: it can only prove what more would prove as well.
        (Some(_), spec::Limit::AtMost(_)) if !holds => Verdict::Refuted,
        (Some(_), spec::Limit::Equals(limit)) if measured.value > limit.value => Verdict::Refuted,
        (Some(_), spec::Limit::AtLeast(_)) if holds => Verdict::Holds,
        (Some(_), _) => Verdict::Unknown,
    };
    let judged = ClaimTrial {
        measured: Some(measured.value),
        n: measured.n,
        interval: measured.interval.map(Into::into),
        verdict,
        reason: measured.open,
        evidence: measured.evidence,
        disturbance: None,
        budget_used: budget_used(claim, trial, measured.value),
    };
    match verdict {
        Verdict::Refuted => excuse(claim, trial, judged),
        Verdict::Holds | Verdict::Unknown => judged,
    }
}

pub(super) fn measure(measure: &Measure, during: spec::Phase, view: &View<'_>) -> Evaluation {
    let trial = view.trial;
    let windows = windows(trial, during);
    let scope = Scope { view, windows: &windows };
    match measure {
        Measure::Availability { of } => share(Availability::of(scope.attempts(of)?).proportion()),
        Measure::Latency { percentile, answers, of } => {
            latency(&scope.inside(of)?, *percentile, *answers)
        }
        Measure::Source { is, of } => share(share_of_source(scope.inside(of)?, is)),
        Measure::Status { is, of } => share(share_of_status(scope.inside(of)?, is.range())),
        Measure::Ttd { by } => ttd(trial, by.as_deref()),
        Measure::Ttr { of } => ttr(trial, &scope.everywhere(of)),
        Measure::Outage { of } => outage(&windows, &scope.everywhere(of)),
        Measure::StaleAgeMax { of } => stated_age(&scope.inside(of)?),
        Measure::Staleness { fresh_within, stale_within, of } => {
            let us = |time: Duration| time.as_micros() as u64;
            let bounds = StalenessBounds {
                fresh_within_us: us(*fresh_within),
                stale_within_us: stale_within.map_or(u64::MAX, us),
            };
            staleness(trial, scope.inside(of)?, bounds)
        }
        Measure::WrongAnswers { truth, of } => {
            wrong_answers(trial, scope.inside(of)?, truth.as_deref())
        }
        Measure::Ledger(accounts) => ledger(trial, accounts),
        Measure::Consistency(wanted) => consistency(trial, wanted),
        Measure::TwoPrimaries => two_primaries(trial),
        Measure::Ratio { of, over, resolution } => ratio(of, over, *resolution, view),
        Measure::Metric { name, service, aggregate } => {
            metric(trial, &windows, Wanted { name, service, aggregate: *aggregate })
        }
        Measure::Missed { of } => missed(trial, of.as_deref()),
    }
}

fn share(proportion: Proportion) -> Evaluation {
    let share = proportion.share();
    let share = share.ok_or_else(|| Unknown::because("there was no success in the phase"))?;
    Ok(Measured::exact(share, Unit::Share, proportion.total).within(proportion.interval()))
}

fn latency(
    operations: &[&Operation],
    percentile: Percentile,
    answers: spec::Answers,
) -> Evaluation {
    let (answers, what) = match answers {
        spec::Answers::All => (Answers::All, "operation"),
        spec::Answers::Ok => (Answers::Ok, "success"),
        spec::Answers::Failed => (Answers::Failed, "failure"),
    };
    let latencies = Latencies::of(operations.iter().copied(), answers);
    let quantile = percentile.share();
    let us = latencies
        .quantile_us(quantile)
        .ok_or_else(|| Unknown::because(format!("there was no {what} in the phase")))?;
    // The greatest of a sample says nothing about how much greater the next one could be.
    let interval = latencies.interval_us(quantile).filter(|_| percentile != Percentile::Max);
    let interval = interval.map(|interval| Interval {
        low: interval.low / 1e3,
        high: interval.high / 1e3,
        confidence: interval.confidence,
    });
    let n = latencies.len() as u64;
    Ok(Measured::exact(us as f64 / 1e3, Unit::Milliseconds, n).within(interval))
}

fn stated_age(operations: &[&Operation]) -> Evaluation {
    let successes = operations.iter().filter(|operation| operation.outcome == Outcome::Ok);
    let ages: Vec<u64> = successes.filter_map(|operation| operation.age_ms).collect();
    let oldest = ages.iter().max().copied();
    oldest
        .map(|ms| Measured::exact(ms as f64, Unit::Milliseconds, ages.len() as u64))
        .ok_or_else(|| Unknown::because("no answer in the phase stated its age"))
}

fn staleness(trial: &TrialRecord, judged: Vec<&Operation>, bounds: StalenessBounds) -> Evaluation {
    let judged = judge_staleness(&trial.operations, judged, bounds);
    if judged.judged == 0 {
        return Err(Unknown::because("no read in the phase carried a key and a version"));
    }
    Ok(Measured::exact(judged.violations.len() as f64, Unit::Count, judged.judged))
}

fn ratio(
    of: &Operand,
    over: &Operand,
    resolution: Option<Duration>,
    view: &View<'_>,
) -> Evaluation {
    let of = measure(&of.measure, of.during, view)?;
    let over = measure(&over.measure, over.during, view)?;
    if let Some(reason) = of.open.or(over.open) {
        return Err(Unknown { reason });
    }
    let least = resolution.map_or(0.0, |resolution| resolution.as_secs_f64() * 1e3);
    let (value, divisor) = (of.value.max(least), over.value.max(least));
    if divisor == 0.0 {
        return Err(Unknown::because("the measure that is divided by is 0"));
    }
    Ok(Measured::exact(value / divisor, Unit::Factor, of.n.min(over.n)))
}

fn missed(trial: &TrialRecord, of: Option<&str>) -> Evaluation {
    let counted = trial
        .deliveries
        .iter()
        .filter(|(scenario, _)| of.is_none_or(|wanted| wanted == scenario.as_str()))
        .fold(Proportion::default(), |sum, (_, delivery)| Proportion {
            hits: sum.hits + delivery.missed,
            total: sum.total + delivery.intended,
        });
    counted.share().ok_or_else(Unknown::no_operation).and_then(|_| share(counted))
}
