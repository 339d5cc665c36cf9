//! From measured claims to a verdict, and the document that carries both.

mod as_measured;
mod compare;
mod figure;
mod judge;
mod outcome;
mod replacement;
mod result;
mod trial;

pub use as_measured::{as_measured, outcome_if_delivered};
pub use compare::{Change, ComparedClaim, Comparison, compare};
pub use figure::{distance, figure, milliseconds};
pub use judge::{ClaimHead, Judgement, judge, judge_claim};
pub use outcome::{Outcome, Verdict};
pub(crate) use replacement::LOAD_LATE;
pub use replacement::{REPLACEMENTS_MAX, ReplacedTrial, reason_to_replace};
pub use result::{
    Arm, ArmResult, ClaimResult, ClaimTrial, Disturbance, ExperimentResult, IntervalResult, Limit,
    PlanResult, PlannedFault, PlannedLoad, RESULT_SCHEMA,
};
pub use trial::{Delivery, FaultResult, MachineUse, Phase, PhaseResult, Spread, TrialResult};
