//! What a saga does, as data: its steps, how each is taken back, and how often each is tried.

use std::time::Duration;

/// How often a call is made whose outcome is not known, and with which waits; any value is valid,
/// and zero tries count as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// The longest wait after the first try; it doubles with each further one.
    pub wait_base: Duration,
    /// No wait is longer.
    pub wait_max: Duration,
    /// After so many tries without an outcome, an action is given up and the saga turns back. What
    /// cannot be given up, such as a compensation, is parked instead, and tried on.
    pub tries_max: u32,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            wait_base: Duration::from_millis(20),
            wait_max: Duration::from_millis(500),
            tries_max: 60,
        }
    }
}

impl Retry {
    /// The wait after `tries` tries, which is at least half of what it may be. `draw` is a random
    /// number from 0 to 1.
    pub(super) fn wait(&self, tries: u32, draw: f64) -> Duration {
        // Beyond this many doublings, every base has reached every sensible maximum.
        const DOUBLINGS_MAX: u32 = 30;
        let doublings = tries.saturating_sub(1).min(DOUBLINGS_MAX);
        let longest = self.wait_base.saturating_mul(1 << doublings);
        longest.min(self.wait_max).mul_f64(0.5 + 0.5 * draw.clamp(0.0, 1.0))
    }
}

/// One step: a call to one participant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Names the step in the journal and in keys; unique in its saga.
    pub name: &'static str,
    /// What is done.
    pub action: &'static str,
    /// What takes it back. `None` for the pivot, and for all steps after it.
    pub compensation: Option<&'static str>,
    /// How action and compensation are tried.
    pub retry: Retry,
}

/// The steps of a kind of saga, in order.
///
/// The first step without compensation is the *pivot*: once it is done there is no way back, so
/// every later step has to succeed, and is tried until it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    steps: Vec<Step>,
    pivot: Option<usize>,
}

/// Why steps make no saga.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DefinitionError {
    /// There is nothing to do.
    #[error("a saga needs a step")]
    Empty,
    /// A key would name two steps.
    #[error("two steps are named `{0}`")]
    Twice(&'static str),
    /// A way back that is never taken.
    #[error(
        "step `{0}` has a compensation, but a step before it has none: nothing goes back there"
    )]
    AfterPivot(&'static str),
}

impl Definition {
    /// A saga of these steps.
    ///
    /// # Errors
    /// When there is no step, two have one name, or a way back leads nowhere.
    pub fn try_new(steps: Vec<Step>) -> Result<Self, DefinitionError> {
        if steps.is_empty() {
            return Err(DefinitionError::Empty);
        }
        for (index, step) in steps.iter().enumerate() {
            if steps[..index].iter().any(|other| other.name == step.name) {
                return Err(DefinitionError::Twice(step.name));
            }
        }
        let pivot = steps.iter().position(|step| step.compensation.is_none());
        let after = pivot.map_or(steps.len(), |pivot| pivot + 1);
        match steps[after..].iter().find(|step| step.compensation.is_some()) {
            Some(step) => Err(DefinitionError::AfterPivot(step.name)),
            None => Ok(Self { steps, pivot }),
        }
    }

    /// The steps, in the order of their actions.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Whether a refusal of step `index` can turn the saga back: not after the pivot.
    pub(super) fn can_refuse(&self, index: usize) -> bool {
        self.pivot.is_none_or(|pivot| index <= pivot)
    }

    /// Whether step `index` can be given up although it may have been carried out.
    pub(super) fn can_give_up(&self, index: usize) -> bool {
        self.pivot.is_none_or(|pivot| index < pivot)
    }
}
