//! One vote, as plain data: what the replicas told each of the two askers, what was decided, and
//! how each of them behaved.
//!
//! The first asker's answers decide. The second asks the same under another name, and its answers
//! only show who tells different askers different things: with both under a good signature, that is
//! proof. Who tells both the same lie is in the minority of the vote; who lies only to those that
//! never compare their answers with ours is not found here.

use standfast_tactics::vote::{Ballot, Decision, Exact, Panel, Reply, Seat, Terms};
use tokio::time::Instant;

use super::super::wire::{Money, SignedStatement};
use super::examine::{Flaw, Heard};

/// Under which of the cashier's names a replica is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asker {
    First,
    Second,
}

/// What a replica did in a vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Conduct {
    Agreed,
    /// It signed another amount.
    Dissented,
    /// It told one asker something else than the other.
    Equivocated,
    Forged,
    Replayed,
    Misquoted,
    /// It finds amounts by other rules: that is no lie.
    OtherRules,
    /// An error.
    Failed,
    /// No answer in time.
    Silent,
    /// It spoke, and there is nothing to hold it against; or it may speak yet.
    Unjudged,
    /// It was not asked.
    Absent,
}

impl Conduct {
    /// Whether no honest replica ever does that.
    pub(super) fn is_proof(self) -> bool {
        match self {
            Self::Dissented | Self::Equivocated | Self::Forged | Self::Replayed => true,
            Self::Misquoted => true,
            Self::Agreed | Self::OtherRules | Self::Failed | Self::Silent => false,
            Self::Unjudged | Self::Absent => false,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Agreed => "agreed",
            Self::Dissented => "dissented",
            Self::Equivocated => "equivocated",
            Self::Forged => "forged",
            Self::Replayed => "replayed",
            Self::Misquoted => "misquoted",
            Self::OtherRules => "other_rules",
            Self::Failed => "failed",
            Self::Silent => "silent",
            Self::Unjudged => "unjudged",
            Self::Absent => "absent",
        }
    }
}

/// What was heard of one replica.
#[derive(Clone, Debug, Default)]
struct Said {
    first: Option<Heard>,
    second: Option<Heard>,
}

/// A vote that is being held.
#[derive(Clone, Debug)]
pub(super) struct Round {
    ballot: Ballot<Money, Exact>,
    required: usize,
    /// Whether the second asker asks, too.
    is_cross_checked: bool,
    said: Vec<Said>,
}

impl Round {
    pub(super) fn open(panel: Panel, terms: Terms, seats: &[Seat], is_cross_checked: bool) -> Self {
        Self {
            ballot: Ballot::open(panel, Exact, terms, seats),
            required: panel.required(),
            is_cross_checked,
            said: vec![Said::default(); seats.len()],
        }
    }

    pub(super) fn seats(&self) -> &[Seat] {
        self.ballot.seats()
    }

    pub(super) fn decision(&self) -> Option<Decision> {
        self.ballot.decision()
    }

    /// Takes what `replica` told `asker`.
    pub(super) fn take(&mut self, replica: usize, asker: Asker, heard: Heard, now: Instant) {
        let said = &mut self.said[replica];
        match asker {
            Asker::Second => said.second = Some(heard),
            Asker::First => {
                let reply = match &heard {
                    Heard::Stated(signed) => {
                        let said = &signed.statement;
                        Reply::at(said.rules.into(), said.amount)
                    }
                    Heard::Flawed(_) | Heard::Failed => Reply::Failed,
                };
                said.first = Some(heard);
                self.ballot.take(replica, reply, now);
            }
        }
    }

    pub(super) fn expire(&mut self, now: Instant) {
        self.ballot.expire(now);
    }

    /// What was decided, and the statements that say so.
    pub(super) fn agreed(&self) -> Option<(Money, Vec<SignedStatement>)> {
        let (amount, rules) = self.ballot.answer()?;
        let counts = self.seats().iter().map(|seat| *seat == Seat::Counts);
        let said = self.said.iter().zip(counts).filter(|(_, counts)| *counts);
        let stated = said.filter_map(|(said, _)| stated(said.first.as_ref()));
        let is_same = |one: &&SignedStatement| {
            (one.statement.amount, u64::from(one.statement.rules)) == (*amount, rules)
        };
        Some((*amount, stated.filter(is_same).cloned().collect()))
    }

    /// How each replica has behaved so far, or in all when the vote `is_over`.
    pub(super) fn conducts(&self, is_over: bool) -> Vec<Conduct> {
        let truth = self.truth();
        let seats = self.seats().iter().zip(&self.said);
        seats
            .map(|(seat, said)| match seat {
                Seat::Absent => Conduct::Absent,
                Seat::Counts | Seat::Shadow => self.conduct(said, truth, is_over),
            })
            .collect()
    }

    fn conduct(&self, said: &Said, truth: Option<(Money, u32)>, is_over: bool) -> Conduct {
        let both = [said.first.as_ref(), said.second.as_ref()];
        let flaw = both.iter().find_map(|heard| match heard {
            Some(Heard::Flawed(flaw)) => Some(*flaw),
            Some(Heard::Stated(_) | Heard::Failed) | None => None,
        });
        match flaw {
            Some(Flaw::Forged) => return Conduct::Forged,
            Some(Flaw::Replayed) => return Conduct::Replayed,
            Some(Flaw::Misquoted) => return Conduct::Misquoted,
            None => {}
        }
        let values: Vec<(Money, u32)> = both
            .iter()
            .filter_map(|heard| stated(*heard))
            .map(|signed| (signed.statement.amount, signed.statement.rules))
            .collect();
        if let [one, other] = values.as_slice()
            && one != other
        {
            return Conduct::Equivocated;
        }
        if let (Some(value), Some(truth)) = (values.first(), truth) {
            match *value {
                (_, rules) if rules != truth.1 => return Conduct::OtherRules,
                (amount, _) if amount != truth.0 => return Conduct::Dissented,
                (_, _) => {}
            }
        }
        if both.contains(&Some(&Heard::Failed)) {
            return Conduct::Failed;
        }
        let expected = if self.is_cross_checked { 2 } else { 1 };
        match (values.len() == expected, truth) {
            (true, Some(_)) => Conduct::Agreed,
            (true, None) => Conduct::Unjudged,
            (false, _) if is_over => Conduct::Silent,
            (false, _) => Conduct::Unjudged,
        }
    }

    /// What as many replicas say as must agree. Where those that count are too few for a decision,
    /// those on their way back are heard as well: nothing is decided by it, but who has been right
    /// can return, and who has been wrong is seen to be.
    fn truth(&self) -> Option<(Money, u32)> {
        let values: Vec<(Money, u32)> = self
            .said
            .iter()
            .filter_map(|said| stated(said.first.as_ref()))
            .map(|signed| (signed.statement.amount, signed.statement.rules))
            .collect();
        let votes = |value| values.iter().filter(|other| **other == value).count();
        values.iter().copied().find(|value| votes(*value) >= self.required)
    }
}

fn stated(heard: Option<&Heard>) -> Option<&SignedStatement> {
    match heard {
        Some(Heard::Stated(signed)) => Some(signed),
        Some(Heard::Flawed(_) | Heard::Failed) | None => None,
    }
}

#[cfg(test)]
mod tests;
