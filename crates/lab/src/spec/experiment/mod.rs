//! `experiment.toml`: load, faults over time, and claims.

mod accounts;
mod artifact;
mod check;
mod claim;
mod consistency;
mod file;
mod limit;
mod measure;
mod reading;
mod source;
mod statuses;
mod timeline;
mod trigger;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::system::{Edge, System};
use crate::fault::{Fault, FaultKind};

pub use accounts::Accounts;
pub use artifact::{Artifact, ArtifactContent};
pub use claim::{Claim, Limit, Measure, Operand, Percentile};
pub use consistency::{Consistency, ConsistencyModel};
pub use file::{Aggregate, Answers, Arrivals, ExperimentFile, Phase, Suite};
pub use reading::{Page, Reading, Until};
pub use source::{ExperimentSource, Given};
pub use statuses::Statuses;
pub use trigger::{EventPattern, FieldValue, Trigger};

/// An experiment that makes sense on its system.
#[derive(Clone, Debug)]
pub struct Experiment {
    /// The name of its file without `.toml`.
    pub name: String,
    /// How messages name its file.
    pub file: String,
    pub title: String,
    pub system: Arc<System>,
    /// Switched off in the control arm.
    pub tactic: Option<String>,
    pub suite: Suite,
    pub trials: u32,
    pub duration: Duration,
    pub warm_up: Duration,
    pub settle: Duration,
    /// Variables per service, in both arms.
    pub environment: BTreeMap<String, BTreeMap<String, String>>,
    pub load: Vec<Load>,
    /// In the order in which they are injected.
    pub timeline: Vec<TimedFault>,
    /// Edges that the timeline touches: those lead through the fault proxy, in both arms.
    pub edges: BTreeSet<Edge>,
    /// What is read when nothing changes any more, in this order.
    pub readings: Vec<Reading>,
    /// What is kept of every trial for people to look at.
    pub artifacts: Vec<Artifact>,
    pub claims: Vec<Claim>,
}

impl Experiment {
    /// Whether a host is cut off, so that every process needs one of its own, in both arms.
    pub fn needs_hosts(&self) -> bool {
        self.timeline.iter().any(|timed| timed.fault.kind == FaultKind::Isolate)
    }
}

/// Load of one scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct Load {
    pub scenario: String,
    pub rate_per_s: f64,
    pub arrivals: Arrivals,
    pub timeout: Duration,
    /// After the start of the run.
    pub from: Duration,
    pub length: Duration,
}

/// A fault and its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimedFault {
    /// After the start of the run; with a trigger, not before.
    pub at: Duration,
    pub fault: Fault,
    /// When it is healed, with a trigger at the latest; `None` for a fault that is done at once and
    /// not held.
    pub until: Option<Duration>,
    /// The event that it waits for.
    pub trigger: Option<Trigger>,
}

impl TimedFault {
    /// When it is over at the latest: healed, or done.
    pub(crate) fn latest(&self) -> Duration {
        let waited = self.trigger.as_ref().map_or(Duration::ZERO, |trigger| trigger.within);
        self.until.unwrap_or(self.at + waited)
    }

    /// When it is over if the event that it waits for comes at once.
    pub(crate) fn earliest(&self) -> Duration {
        let length = self.trigger.as_ref().map(|trigger| trigger.length);
        length.flatten().map_or(self.until.unwrap_or(self.at), |length| self.at + length)
    }
}
