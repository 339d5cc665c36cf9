//! The operations that a claim looks at: of its scenario, in its phase.

use standfast_checker::{Crowding, Stalls, Windows};
use standfast_history::{Operation, Outcome};

use super::evaluate::Unknown;
use super::record::TrialRecord;

/// A trial, as a whole or without what the machine disturbed.
#[derive(Debug)]
pub(super) struct View<'a> {
    pub(super) trial: &'a TrialRecord,
    /// Operations that these explain are left out; none by default.
    pub(super) stalls: Stalls,
    pub(super) crowding: Crowding,
}

impl<'a> View<'a> {
    pub(super) fn of(trial: &'a TrialRecord) -> Self {
        Self { trial, stalls: Stalls::default(), crowding: Crowding::default() }
    }

    /// The same trial without the operations that a stall of the machine explains.
    pub(super) fn without_stalls(trial: &'a TrialRecord) -> Self {
        Self { stalls: Stalls::of(&trial.operations), ..Self::of(trial) }
    }

    /// The same trial without the operations that other programs explain.
    pub(super) fn without_crowding(trial: &'a TrialRecord) -> Self {
        Self { crowding: Crowding::of(&trial.machine), ..Self::of(trial) }
    }

    /// The same trial without the operations that either explains.
    pub(super) fn undisturbed(trial: &'a TrialRecord) -> Self {
        let Self { stalls, .. } = Self::without_stalls(trial);
        Self { stalls, ..Self::without_crowding(trial) }
    }

    fn leaves_out(&self, operation: &Operation) -> bool {
        self.stalls.disturb(operation) || self.crowding.disturb(operation)
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
        self.kept(of, |operation| !self.view.leaves_out(operation))
    }

    /// The same for figures that only count successes: one beside busy programs is one.
    pub(super) fn attempts(&self, of: &Option<String>) -> Result<Vec<&'a Operation>, Unknown> {
        self.kept(of, |operation| {
            let is_success = operation.outcome == Outcome::Ok;
            !self.view.leaves_out(operation) || (is_success && !self.view.stalls.disturb(operation))
        })
    }

    fn kept(
        &self,
        of: &Option<String>,
        is_kept: impl Fn(&Operation) -> bool,
    ) -> Result<Vec<&'a Operation>, Unknown> {
        let mut operations = self.everywhere(of);
        operations
            .retain(|operation| self.windows.contains(operation.intended_us) && is_kept(operation));
        if self.windows.is_empty() {
            return Err(Unknown::because("the trial does not have this phase"));
        }
        if operations.is_empty() {
            return Err(Unknown::no_operation());
        }
        Ok(operations)
    }
}
