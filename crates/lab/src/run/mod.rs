//! Runs experiments, and keeps what they found in a folder of their own.

mod arm_result;
mod arm_trials;
mod artifacts;
mod cancellation;
mod conclude;
mod environment;
mod experiment;
mod final_page;
mod final_reader;
mod load;
mod logs;
mod machine_watch;
mod options;
mod primary_watch;
mod progress;
mod samples;
mod stored;
mod suite;
mod timeline;
mod trial;
mod trial_result;
mod trigger;
mod wake_on_event;
mod writer;

pub use arm_result::{FinishedTrial, arm_result, finish_trial};
pub use cancellation::Cancellation;
pub use conclude::{Ending, ResultHead, conclude};
pub use environment::{EngineVersion, Environment};
pub use experiment::run_experiment;
pub use options::{Arms, RunError, RunOptions};
pub use progress::{FaultState, Place, Progress, ProgressSink, Step};
pub use stored::{RunFolder, StoredArtifact, StoredRun, StoredRunError, Tagged, read_result};
pub use suite::{SuiteResult, write_suite};
pub use trial_result::{BASELINE_SHARE_MIN, FAULT_LATENESS_MS_MAX, LATENESS_MS_MAX, TrialHead};
