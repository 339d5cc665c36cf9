//! What the claims of an experiment measure on the record of one trial.

mod answers;
mod budget;
mod consistency;
mod evaluate;
mod evidence;
mod ledger;
mod metric;
mod phases;
mod primaries;
mod record;
mod scope;
mod times;
mod undisturbed;

pub use evaluate::{Evaluation, Measured, Unknown, evaluate, head, judge_trial};
pub(crate) use ledger::books;
pub use phases::windows;
pub(crate) use primaries::REIGNED;
pub use record::{FaultRecord, MetricSample, TrialRecord, TriggerRecord};
pub use times::GOOD_SHARE_MIN;
pub(crate) use times::{detected_after_ms, recovered_after_ms};
