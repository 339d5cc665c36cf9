//! A second look at a claim that misses its limit: does the system miss it, or the machine?
//!
//! A host that takes the processor away makes answers late, whatever the system does, and so do
//! other programs that compete for it. So a figure over operations is measured again over those
//! that neither explains. The rule can only turn `refuted` into `unknown`: a disturbed trial proves
//! nothing against a system, and nothing for it. Figures that the machine cannot excuse, such as
//! wrong answers, staleness or a ledger, never are.

use standfast_history::Operation;

use super::evaluate::{Unknown, measure};
use super::phases::windows;
use super::record::TrialRecord;
use super::scope::{Scope, View};
use crate::spec::{Claim, Measure, Phase};
use crate::verdict::{ClaimTrial, Disturbance, Verdict, figure};

/// Fewer operations than this have no percentile worth the name.
const UNDISTURBED_MIN: usize = 30;

/// What a figure is taken over.
#[derive(Clone, Copy, Debug)]
struct Sample {
    operations: usize,
    without_stalls: usize,
    without_crowding: usize,
    undisturbed: usize,
}

impl Sample {
    /// Counts the operations of each view by `select`.
    fn of(trial: &TrialRecord, during: Phase, select: impl Fn(&Scope<'_>) -> usize) -> Self {
        let windows = windows(trial, during);
        let count = |view: View<'_>| select(&Scope { view: &view, windows: &windows });
        Self {
            operations: count(View::of(trial)),
            without_stalls: count(View::without_stalls(trial)),
            without_crowding: count(View::without_crowding(trial)),
            undisturbed: count(View::undisturbed(trial)),
        }
    }

    /// The share of the operations that is not among the `left`.
    fn share_without(self, left: usize) -> f64 {
        1.0 - left as f64 / self.operations.max(1) as f64
    }

    /// Whether what is left still speaks for the whole.
    fn is_enough(self) -> bool {
        self.undisturbed >= UNDISTURBED_MIN && self.undisturbed * 2 >= self.operations
    }
}

/// One second look at a trial, without what one of the two disturbed or without both.
struct Look {
    cause: &'static str,
    /// The share of the operations that it leaves out, of the figure that lost most of them.
    share: f64,
    again: Option<f64>,
}

/// Takes a refutation back that rests on disturbed operations.
///
/// It stands only when every look misses the limit too. One look without all that was disturbed
/// would not do: a ratio may miss its limit again when more is left out, and then a machine that
/// was more disturbed would have refuted what a less disturbed one left open.
pub(super) fn excuse(claim: &Claim, trial: &TrialRecord, refuted: ClaimTrial) -> ClaimTrial {
    let Some(samples) = samples(&claim.measure, claim.during, trial) else { return refuted };
    let most = |left: fn(&Sample) -> usize| {
        samples.iter().map(|sample| sample.share_without(left(sample))).fold(0.0, f64::max)
    };
    let share = most(|sample| sample.undisturbed);
    if share <= 0.0 {
        return refuted;
    }
    let stalled = most(|sample| sample.without_stalls);
    let crowded = most(|sample| sample.without_crowding);
    let look = |view: View<'_>, cause, share| {
        let again = measure(&claim.measure, claim.during, &view).ok().map(|again| again.value);
        Look { cause, share, again }
    };
    // What most was left out of tells most, unless only less of it tells why nothing is known.
    let looks = [
        look(View::undisturbed(trial), cause(stalled, crowded), share),
        look(View::without_stalls(trial), cause(stalled, 0.0), stalled),
        look(View::without_crowding(trial), cause(0.0, crowded), crowded),
    ];
    let disturbance = Disturbance { share, crowded, undisturbed: looks[0].again };
    let is_enough = samples.iter().all(|sample| sample.is_enough());
    let is_open = |look: &Look| look.again.is_none_or(|again| claim.limit.holds(again));
    let told = looks.into_iter().find(|look| !is_enough || is_open(look));
    let Some(told) = told else {
        return ClaimTrial { disturbance: Some(disturbance), ..refuted };
    };
    let left = told.again.filter(|_| is_enough);
    ClaimTrial {
        verdict: Verdict::Unknown,
        reason: Some(reason(claim, &refuted, &Look { again: left, ..told })),
        disturbance: Some(disturbance),
        ..refuted
    }
}

fn cause(stalled: f64, crowded: f64) -> &'static str {
    match (stalled > 0.0, crowded > 0.0) {
        (true, true) => "the machine stalled and other programs took the processors",
        (_, false) => "the machine stalled",
        (false, true) => "other programs took the processors",
    }
}

fn reason(claim: &Claim, refuted: &ClaimTrial, look: &Look) -> String {
    let shown = |value| figure(value, claim.measure.unit());
    let disturbed = figure(look.share, crate::spec::Unit::Share);
    let first = refuted.measured.map_or_else(|| "nothing".to_owned(), shown);
    let rest = match look.again {
        Some(again) => format!("{} over the others", shown(again)),
        None => "and the others are too few to judge by".to_owned(),
    };
    let cause = look.cause;
    format!(
        "{cause}, which disturbed {disturbed} of the operations: {first} over all of them, {rest}"
    )
}

fn number(kept: Result<Vec<&Operation>, Unknown>) -> usize {
    kept.map_or(0, |kept| kept.len())
}

/// The operations behind a figure that the machine can spoil; `None` for all other figures.
fn samples(measure: &Measure, during: Phase, trial: &TrialRecord) -> Option<Vec<Sample>> {
    match measure {
        Measure::Availability { of } => {
            Some(vec![Sample::of(trial, during, |scope| number(scope.attempts(of)))])
        }
        Measure::Latency { of, .. } => {
            Some(vec![Sample::of(trial, during, |scope| number(scope.inside(of)))])
        }
        Measure::Ratio { of, over, .. } => {
            let of = samples(&of.measure, of.during, trial)?;
            let over = samples(&over.measure, over.during, trial)?;
            Some([of, over].concat())
        }
        Measure::Source { .. }
        | Measure::Status { .. }
        | Measure::Ttd { .. }
        | Measure::Ttr { .. }
        | Measure::Outage { .. }
        | Measure::StaleAgeMax { .. }
        | Measure::Staleness { .. }
        | Measure::WrongAnswers { .. }
        | Measure::Ledger(_)
        | Measure::Consistency(_)
        | Measure::TwoPrimaries
        | Measure::Metric { .. }
        | Measure::Missed { .. } => None,
    }
}
