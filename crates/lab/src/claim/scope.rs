//! The operations that a claim looks at: of its scenario, in its phase.

use standfast_checker::{Stalls, Windows};
use standfast_history::Operation;

use super::evaluate::Unknown;
use super::record::TrialRecord;

/// A trial, as a whole or without what the machine disturbed.
#[derive(Debug)]
pub(super) struct View<'a> {
    pub(super) trial: &'a TrialRecord,
    /// Operations that these explain are left out; none by default.
    pub(super) stalls: Stalls,
}

impl<'a> View<'a> {
    pub(super) fn of(trial: &'a TrialRecord) -> Self {
        Self { trial, stalls: Stalls::default() }
    }

    /// The same trial without the operations that a stall of the machine explains.
    pub(super) fn undisturbed(trial: &'a TrialRecord) -> Self {
        Self { trial, stalls: Stalls::of(&trial.operations) }
    }
}

/// Which operations of a trial are meant.
pub(super) struct Scope<'a> {
    pub(super) view: &'a View<'a>,
    pub(super) windows: &'a Windows,
}

impl<'a> Scope<'a> {
    pub(super) fn everywhere(&self, of: &Option<String>) -> Vec<&'a Operation> {
        let wanted = |operation: &&Operation| match of {
            Some(scenario) => operation.scenario == *scenario,
            None => true,
        };
        self.view.trial.operations.iter().filter(wanted).collect()
    }

    /// The operations of the phase. None at all is an error: an empty window proves nothing.
    pub(super) fn inside(&self, of: &Option<String>) -> Result<Vec<&'a Operation>, Unknown> {
        let mut operations = self.everywhere(of);
        operations.retain(|operation| {
            self.windows.contains(operation.intended_us) && !self.view.stalls.disturb(operation)
        });
        if self.windows.is_empty() {
            return Err(Unknown::because("the trial does not have this phase"));
        }
        if operations.is_empty() {
            return Err(Unknown::no_operation());
        }
        Ok(operations)
    }
}
