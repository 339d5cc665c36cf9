//! Which trial comes when: one fault at each engine before the next one of its kind, so that a
//! machine that changes its mood hits all of them alike.

use std::fmt;

use super::super::record::Blow;
use super::super::target::Kind;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Turn {
    pub(crate) kind: Kind,
    pub(crate) blow: Blow,
    pub(crate) number: u32,
}

impl fmt::Display for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.kind.name(), self.blow.name(), self.number)
    }
}

/// By kind of blow, then by number; engines in the order in which they came.
pub(crate) fn in_turn(mut turns: Vec<Turn>) -> Vec<Turn> {
    turns.sort_by_key(|turn| (turn.blow, turn.number));
    turns
}
