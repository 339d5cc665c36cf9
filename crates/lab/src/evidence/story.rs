//! What happened, in the order in which it did: what the lab broke, what was noticed, and who was
//! primary then.

use std::fmt;

use serde::Serialize;
use standfast_history::Event;

use super::between_ms;
use crate::claim::{FaultRecord, TrialRecord};

/// What led to the first injection is seen from here on.
const BEFORE_US: u64 = 1_000_000;

/// The steps of a failover, in their order.
const STEPS: [&str; 9] = [
    "detected",
    "drained",
    "fenced",
    "promoted",
    "switched",
    "restarted",
    "rejoined",
    "insync",
    "refused",
];

/// Steps before or after which nothing is told: an instance that is taken down is no failover.
const IGNORED: [&str; 1] = ["stopped"];

/// The timeline of a trial, and how long each step took after each injection.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Story {
    pub faults: Vec<FaultStory>,
    pub happenings: Vec<Happening>,
}

/// What followed from one injection, until the next one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FaultStory {
    pub fault: String,
    /// After the start of the measured run; absent when it never was in effect.
    pub injected_at_ms: Option<f64>,
    pub healed_at_ms: Option<f64>,
    pub evidence: Option<String>,
    pub error: Option<String>,
    /// The first event of each kind, and how long after the injection it came.
    pub steps: Vec<Step>,
}

/// One step of a failover.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Step {
    pub step: String,
    pub of: Option<String>,
    pub after_ms: f64,
}

/// One event.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Happening {
    /// After the start of the measured run.
    pub at_ms: f64,
    /// After the injection before it; absent before the first one.
    pub after_injection_ms: Option<f64>,
    pub source: String,
    pub event: String,
    pub target: Option<String>,
    /// Whose reign it is, where a watchdog says so.
    pub epoch: Option<u64>,
    pub fields: serde_json::Map<String, serde_json::Value>,
}

impl Story {
    pub(super) fn of(record: &TrialRecord) -> Self {
        let mut injections: Vec<u64> =
            record.faults.iter().filter_map(|fault| fault.injected_us).collect();
        injections.sort_unstable();
        let first = record.faults.iter().filter_map(|fault| fault.injecting_us).min();
        let from_us = first.map_or(record.zero_us, |first| first.saturating_sub(BEFORE_US));
        let mut events: Vec<&Event> = record
            .events
            .iter()
            .filter(|event| event.at_us >= from_us && !IGNORED.contains(&event.event.as_str()))
            .collect();
        events.sort_by_key(|event| event.at_us);
        let happening = |event: &&Event| happening(event, record.zero_us, &injections);
        Self {
            faults: record.faults.iter().map(|fault| fault_story(fault, record)).collect(),
            happenings: events.iter().map(happening).collect(),
        }
    }
}

fn happening(event: &Event, zero_us: u64, injections: &[u64]) -> Happening {
    let before = injections.iter().rfind(|injected| **injected <= event.at_us);
    let mut fields = event.fields.clone();
    let epoch = fields.remove("epoch").and_then(|epoch| epoch.as_u64());
    Happening {
        at_ms: between_ms(zero_us, event.at_us),
        after_injection_ms: before.map(|injected| between_ms(*injected, event.at_us)),
        source: event.source.clone(),
        event: event.event.clone(),
        target: event.target.clone(),
        epoch,
        fields,
    }
}

fn fault_story(fault: &FaultRecord, record: &TrialRecord) -> FaultStory {
    let at_ms = |at: Option<u64>| at.map(|us| between_ms(record.zero_us, us));
    FaultStory {
        fault: fault.fault.to_string(),
        injected_at_ms: at_ms(fault.injected_us),
        healed_at_ms: at_ms(fault.healed_us),
        evidence: fault.evidence.clone(),
        error: fault.error.clone(),
        steps: fault.injected_us.map_or_else(Vec::new, |injected| steps(record, injected)),
    }
}

/// The first of each step after the injection. What another fault brings about later is the other
/// one's; of two at once nobody can tell, and both have it.
fn steps(record: &TrialRecord, injected_us: u64) -> Vec<Step> {
    let later = record.faults.iter().filter_map(|fault| fault.injecting_us);
    let until_us = later.filter(|at| *at > injected_us).min().unwrap_or(u64::MAX);
    let mut events: Vec<&Event> = record
        .events
        .iter()
        .filter(|event| (injected_us..until_us).contains(&event.at_us))
        .collect();
    events.sort_by_key(|event| event.at_us);
    let first = |step: &&str| events.iter().find(|event| event.event == **step);
    let mut steps: Vec<Step> = STEPS
        .iter()
        .filter_map(first)
        .map(|event| Step {
            step: event.event.clone(),
            of: event.target.clone(),
            after_ms: between_ms(injected_us, event.at_us),
        })
        .collect();
    steps.sort_by(|one, other| one.after_ms.total_cmp(&other.after_ms));
    steps
}

impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for fault in &self.faults {
            write!(f, "{fault}")?;
        }
        writeln!(f, "\n{:>11}  {:>14}  what happened", "run", "injection")?;
        for happening in &self.happenings {
            write!(f, "{happening}")?;
        }
        Ok(())
    }
}

impl fmt::Display for FaultStory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.fault)?;
        match (self.injected_at_ms, &self.error) {
            (Some(at), None) => write!(f, ", in effect at {:.3} s", at / 1e3)?,
            (Some(at), Some(error)) => write!(f, ", in effect at {:.3} s: {error}", at / 1e3)?,
            (None, error) => {
                write!(f, ", never in effect: {}", error.as_deref().unwrap_or("no reason"))?;
            }
        }
        if let Some(healed) = self.healed_at_ms {
            write!(f, ", healed at {:.3} s", healed / 1e3)?;
        }
        writeln!(f)?;
        if let Some(evidence) = &self.evidence {
            writeln!(f, "    {evidence}")?;
        }
        for Step { step, of, after_ms } in &self.steps {
            let of = of.as_deref().unwrap_or_default();
            writeln!(f, "    +{:>9.3} s  {step} {of}", after_ms / 1e3)?;
        }
        Ok(())
    }
}

impl fmt::Display for Happening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let after = self.after_injection_ms;
        let after = after.map_or_else(String::new, |ms| format!("+{:.3} s", ms / 1e3));
        write!(f, "{:>9.3} s  {after:>14}  ", self.at_ms / 1e3)?;
        write!(f, "{}: {}", self.source, self.event)?;
        if let Some(target) = &self.target {
            write!(f, " {target}")?;
        }
        if let Some(epoch) = self.epoch {
            write!(f, ", epoch {epoch}")?;
        }
        for (key, value) in &self.fields {
            match value.as_str() {
                Some(text) => write!(f, ", {key}: {text}")?,
                None => write!(f, ", {key}: {value}")?,
            }
        }
        writeln!(f)
    }
}
