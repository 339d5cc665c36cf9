//! What a run tells while it goes on; a terminal and a log read the same stream.

use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::mpsc;

use crate::fault::Fault;
use crate::verdict::{Arm, Outcome, ReplacedTrial, Verdict};

/// A reader that is further behind than this gets gaps: progress is not evidence.
const PROGRESS_MAX: usize = 1024;

/// One step of a run.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "progress", rename_all = "snake_case")]
pub enum Progress {
    Started {
        experiment: String,
        title: String,
        arms: Vec<Arm>,
        trials: u32,
        /// What one trial takes at least: warm-up and measured run.
        trial_length: Duration,
        folder: PathBuf,
    },
    Trial {
        place: Place,
        step: Step,
    },
    /// How the load goes, several times a second.
    Load {
        place: Place,
        /// After the start of the measured run; negative during the warm-up.
        at_s: f64,
        /// Attempts that have ended since the load began.
        done: u64,
        ok: u64,
        failed: u64,
        info: u64,
        missed: u64,
        recent_p50_us: Option<u64>,
        recent_p99_us: Option<u64>,
    },
    Fault {
        place: Place,
        fault: Fault,
        state: FaultState,
    },
    TrialEnded {
        place: Place,
        claims: Vec<(String, Verdict)>,
        problems: Vec<String>,
        /// When it does not count, because it is run again.
        replaced: Option<ReplacedTrial>,
    },
    Finished {
        outcome: Outcome,
        reasons: Vec<String>,
        folder: PathBuf,
    },
}

/// Which trial of which arm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    pub arm: Arm,
    /// From 1.
    pub trial: u32,
}

/// What a trial is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    Provisioning,
    WarmUp,
    Measuring,
    Draining,
    Stopping,
    Checking,
}

/// How far a fault is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultState {
    Injecting,
    Injected,
    Healing,
    Healed,
    Failed(String),
}

/// Takes progress without ever waiting for its reader.
#[derive(Clone, Debug, Default)]
pub struct ProgressSink {
    sender: Option<mpsc::Sender<Progress>>,
}

impl ProgressSink {
    /// A sink and the stream that comes out of it.
    pub fn channel() -> (Self, mpsc::Receiver<Progress>) {
        let (sender, receiver) = mpsc::channel(PROGRESS_MAX);
        (Self { sender: Some(sender) }, receiver)
    }

    /// A sink that nobody reads.
    pub fn ignored() -> Self {
        Self::default()
    }

    pub(crate) fn tell(&self, progress: Progress) {
        if let Some(sender) = &self.sender {
            // A full channel or a reader that left loses a picture, never a fact.
            drop(sender.try_send(progress));
        }
    }
}
