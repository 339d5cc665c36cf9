//! Everything that a claim may look at: the record of one trial.

use std::collections::BTreeMap;
use std::time::Duration;

use standfast_history::{Event, FinalRead, MachineSample, Operation};

use crate::fault::{Fault, Hit};
use crate::verdict::Delivery;

/// One trial, as it was. Times are microseconds on the clock of the trial, which starts before the
/// system does; `zero_us` is where the measured run begins.
#[derive(Clone, Debug, Default)]
pub struct TrialRecord {
    pub zero_us: u64,
    /// End of the measured run.
    pub end_us: u64,
    /// How long the steady state must hold until the system counts as recovered.
    pub settle_us: u64,
    pub operations: Vec<Operation>,
    pub events: Vec<Event>,
    pub faults: Vec<FaultRecord>,
    /// Whether a tactic was switched off: the system may not get as far as with it.
    pub lacks_tactic: bool,
    /// Per scenario.
    pub deliveries: BTreeMap<String, Delivery>,
    /// Of the services that a metric claim names, in the order of time.
    pub samples: Vec<MetricSample>,
    /// How busy the machine was with other programs; empty when nobody watched it.
    pub machine: Vec<MachineSample>,
    /// What was read before the load, and when everything was healed.
    pub finals: Vec<FinalRead>,
}

/// One fault: when it was planned, and what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct FaultRecord {
    pub fault: Fault,
    /// After the start of the measured run; of one that waits, from when on until the event comes.
    pub at: Duration,
    /// When it is to be healed; `None` for one that the system heals itself.
    pub until: Option<Duration>,
    pub injecting_us: Option<u64>,
    /// When it was verified to be in effect.
    pub injected_us: Option<u64>,
    pub healing_us: Option<u64>,
    /// When its target was verified to be back, whoever brought it back.
    pub healed_us: Option<u64>,
    /// What showed that it was in effect.
    pub evidence: Option<String>,
    /// What came to a network fault while it lasted.
    pub hit: Option<Hit>,
    pub error: Option<String>,
    /// The event that it waits for, if it does; `at` is when that came.
    pub trigger: Option<TriggerRecord>,
}

/// What a fault waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TriggerRecord {
    /// The event in words.
    pub event: String,
    /// Whether it came.
    pub came: bool,
}

impl FaultRecord {
    /// Whether what it waited for never came, so that nothing was done.
    pub fn never_came(&self) -> bool {
        self.trigger.as_ref().is_some_and(|trigger| !trigger.came)
    }

    /// Whether there was nothing to heal: it was over when it was in effect.
    pub fn is_momentary(&self) -> bool {
        self.until.is_none() && self.fault.kind.is_momentary()
    }
}

/// One value of one metric of one service.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricSample {
    pub at_us: u64,
    pub service: String,
    /// With its labels, as the service writes it.
    pub name: String,
    pub value: f64,
}
