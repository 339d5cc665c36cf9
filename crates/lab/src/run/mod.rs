//! Runs experiments, and keeps what they found in a folder of their own.

mod arm_result;
mod conclude;
mod environment;
mod stored;
mod trial_result;

pub use arm_result::{FinishedTrial, arm_result, finish_trial};
pub use conclude::{Ending, ResultHead, conclude};
pub use environment::{EngineVersion, Environment};
pub use stored::{RunFolder, StoredRun, StoredRunError, Tagged, read_result};
pub use trial_result::{BASELINE_SHARE_MIN, FAULT_LATENESS_MS_MAX, MISSED_SHARE_MAX, TrialHead};
