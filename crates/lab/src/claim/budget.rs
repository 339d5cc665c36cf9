//! The error budget of an objective: how much of what it allows to go wrong did go wrong.
//!
//! An availability of 99.9 % allows one failure in a thousand, a p95 of 50 ms allows one operation
//! in twenty to be slower. That 40 % of this is used up says more than the figure itself, and is
//! the same for all objectives. One that allows nothing has no budget.

use standfast_checker::{Answers, Latencies};

use super::phases::windows;
use super::record::TrialRecord;
use super::scope::{Scope, View};
use crate::spec::{self, Claim, Limit, Measure};

/// The used share of the budget, 1 being all of it; `None` for what has none, or is no objective.
pub(super) fn budget_used(claim: &Claim, trial: &TrialRecord, measured: f64) -> Option<f64> {
    if !claim.is_objective {
        return None;
    }
    let limit = claim.limit.quantity().value;
    let (allowed, used) = match claim.limit {
        Limit::AtLeast(_) if matches!(claim.measure, Measure::Availability { .. }) => {
            (1.0 - limit, 1.0 - measured)
        }
        Limit::AtMost(_) => slower(claim, trial, limit)?,
        Limit::AtLeast(_) | Limit::Equals(_) => return None,
    };
    // What is left of one by rounding is no budget.
    (allowed > 1e-9).then(|| used / allowed)
}

/// Of a percentile: the share of operations that may be slower, and of those that were.
fn slower(claim: &Claim, trial: &TrialRecord, limit_ms: f64) -> Option<(f64, f64)> {
    let Measure::Latency { percentile, answers, of } = &claim.measure else { return None };
    let windows = windows(trial, claim.during);
    let view = View::of(trial);
    let inside = Scope { view: &view, windows: &windows }.inside(of).ok()?;
    let answers = match answers {
        spec::Answers::All => Answers::All,
        spec::Answers::Ok => Answers::Ok,
        spec::Answers::Failed => Answers::Failed,
    };
    let slower = Latencies::of(inside, answers).share_above_us(limit_ms * 1e3)?;
    Some((1.0 - percentile.share(), slower))
}
