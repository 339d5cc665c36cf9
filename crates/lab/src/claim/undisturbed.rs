//! A second look at a claim that misses its limit: does the system miss it, or the machine?
//!
//! A host that takes the processor away makes answers late, whatever the system does. So a figure
//! over operations is measured again over those that no stall explains. The rule can only turn
//! `refuted` into `unknown`: a disturbed trial proves nothing against a system, and nothing for it.
//! Figures that a stall cannot excuse, such as wrong answers, staleness or a ledger, never are.

use super::evaluate::measure;
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
    undisturbed: usize,
}

impl Sample {
    fn share_disturbed(self) -> f64 {
        1.0 - self.undisturbed as f64 / self.operations.max(1) as f64
    }

    /// Whether what is left still speaks for the whole.
    fn is_enough(self) -> bool {
        self.undisturbed >= UNDISTURBED_MIN && self.undisturbed * 2 >= self.operations
    }
}

/// Takes a refutation back that rests on disturbed operations.
pub(super) fn excuse(claim: &Claim, trial: &TrialRecord, refuted: ClaimTrial) -> ClaimTrial {
    let view = View::undisturbed(trial);
    let Some(samples) = samples(&claim.measure, claim.during, &view) else { return refuted };
    let share = samples.iter().map(|sample| sample.share_disturbed()).fold(0.0, f64::max);
    if share <= 0.0 {
        return refuted;
    }
    let is_enough = samples.iter().all(|sample| sample.is_enough());
    let again = measure(&claim.measure, claim.during, &view).ok().map(|again| again.value);
    let disturbance = Some(Disturbance { share, undisturbed: again });
    if is_enough && again.is_some_and(|again| !claim.limit.holds(again)) {
        return ClaimTrial { disturbance, ..refuted };
    }
    let reason = reason(claim, &refuted, share, again.filter(|_| is_enough));
    ClaimTrial { verdict: Verdict::Unknown, reason: Some(reason), disturbance, ..refuted }
}

fn reason(claim: &Claim, refuted: &ClaimTrial, share: f64, again: Option<f64>) -> String {
    let shown = |value| figure(value, claim.measure.unit());
    let disturbed = figure(share, crate::spec::Unit::Share);
    let first = refuted.measured.map_or_else(|| "nothing".to_owned(), shown);
    match again {
        Some(again) => format!(
            "the machine stalled, which disturbed {disturbed} of the operations: {first} over all \
             of them, {} over the others",
            shown(again)
        ),
        None => format!(
            "the machine stalled, which disturbed {disturbed} of the operations: {first} over all \
             of them, and the others are too few to judge by"
        ),
    }
}

/// The operations behind a figure that a stall can spoil; `None` for all other figures.
fn samples(measure: &Measure, during: Phase, view: &View<'_>) -> Option<Vec<Sample>> {
    match measure {
        Measure::Availability { of } | Measure::Latency { of, .. } => {
            let windows = windows(view.trial, during);
            let count = |view: &View<'_>| {
                Scope { view, windows: &windows }.inside(of).map_or(0, |inside| inside.len())
            };
            let operations = count(&View::of(view.trial));
            Some(vec![Sample { operations, undisturbed: count(view) }])
        }
        Measure::Ratio { of, over, .. } => {
            let of = samples(&of.measure, of.during, view)?;
            let over = samples(&over.measure, over.during, view)?;
            Some([of, over].concat())
        }
        Measure::Source { .. }
        | Measure::Status { .. }
        | Measure::Ttd
        | Measure::Ttr { .. }
        | Measure::Outage { .. }
        | Measure::StaleAgeMax { .. }
        | Measure::Staleness { .. }
        | Measure::WrongAnswers { .. }
        | Measure::Ledger(_)
        | Measure::TwoPrimaries
        | Measure::Metric { .. }
        | Measure::Missed { .. } => None,
    }
}
