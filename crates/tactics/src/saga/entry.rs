//! What the journal of a saga holds.

use std::fmt;

/// Whether a step is done or taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// The action.
    Forth,
    /// The compensation.
    Back,
}

impl fmt::Display for Direction {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Forth => "forth",
            Self::Back => "back",
        })
    }
}

/// Why a saga turned back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The participant declined for good, and did nothing.
    Refused {
        /// In its words.
        reason: String,
    },
    /// Nobody knows whether the action was carried out, and it was tried often enough.
    GaveUp {
        /// How often.
        tries: u32,
    },
}

/// One entry, durable before anything that follows from it is done.
///
/// `A` is what a participant answers to an action, kept for later steps and for the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry<A> {
    /// The action of this step may be called from now on, and may have been called.
    Intended {
        /// Its place in the definition.
        step: usize,
    },
    /// The action of this step is done.
    Done {
        /// Its place in the definition.
        step: usize,
        /// What the participant said.
        answer: A,
    },
    /// The saga goes back: all that is done or may be done will be undone. There is no second
    /// thought: whoever reads this after a crash goes back too.
    TurnedBack {
        /// The step that did not come about.
        step: usize,
        /// Why.
        cause: Cause,
    },
    /// The compensation of this step is done.
    Undone {
        /// Its place in the definition.
        step: usize,
    },
    /// The call that is due has failed so often that somebody should look. It is tried on.
    Parked {
        /// The step that it belongs to.
        step: usize,
    },
    /// Somebody has looked.
    Resumed,
}

/// An entry that cannot follow those before it: the journal is not that of this saga, or damaged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("journal entry `{entry}` of step {step:?} cannot follow the ones before it")]
pub struct OutOfOrder {
    pub(super) entry: &'static str,
    pub(super) step: Option<usize>,
}

impl<A> Entry<A> {
    pub(super) fn out_of_order(&self) -> OutOfOrder {
        let (entry, step) = match self {
            Self::Intended { step } => ("intended", Some(*step)),
            Self::Done { step, .. } => ("done", Some(*step)),
            Self::TurnedBack { step, .. } => ("turned back", Some(*step)),
            Self::Undone { step } => ("undone", Some(*step)),
            Self::Parked { step } => ("parked", Some(*step)),
            Self::Resumed => ("resumed", None),
        };
        OutOfOrder { entry, step }
    }
}
