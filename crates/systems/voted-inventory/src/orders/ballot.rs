//! What the replicas said about an order, and what that makes of it: more than half of all that
//! there are must say the same, not of those that have spoken.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::super::log::Outcome;

/// How an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    Pending,
    Confirmed,
    Rejected,
    Cancelled,
}

impl Status {
    /// As the column has it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Confirmed => "confirmed",
            Self::Rejected => "rejected",
            Self::Cancelled => "cancelled",
        }
    }
}

/// What one replica said to one event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Vote {
    pub(super) outcome: Outcome,
    pub(super) reason: Option<String>,
}

/// What all of them said to one event.
type Votes = BTreeMap<String, Vote>;

/// What all of them said to the events of one order; as the column has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ballot {
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) reserve: Votes,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) release: Votes,
}

/// What an order has come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Decision {
    pub(super) status: Status,
    /// In the words of one that decided.
    pub(super) reason: Option<String>,
}

impl Ballot {
    /// Takes the vote of `replica`. Its first one counts: it may reply again after a restart, and
    /// to an event that came again it says `duplicate`, which is no vote. Whether it changed
    /// anything.
    pub(super) fn take(votes: &mut Votes, replica: &str, vote: Vote) -> bool {
        if vote.outcome == Outcome::Duplicate || votes.contains_key(replica) {
            return false;
        }
        votes.insert(replica.to_owned(), vote);
        true
    }

    /// What the order is, of `replicas` that there are.
    pub(super) fn decide(&self, replicas: usize) -> Decision {
        let decided = |status, reason: Option<String>| Decision { status, reason };
        if let Some(vote) = majority(&self.release, Outcome::Released, replicas) {
            return decided(Status::Cancelled, vote.reason.clone());
        }
        if let Some(vote) = majority(&self.reserve, Outcome::Rejected, replicas) {
            return decided(Status::Rejected, vote.reason.clone());
        }
        if majority(&self.reserve, Outcome::Reserved, replicas).is_some() {
            return decided(Status::Confirmed, None);
        }
        decided(Status::Pending, None)
    }
}

/// One of those that said `outcome`, if they are more than half of `replicas`.
fn majority(votes: &Votes, outcome: Outcome, replicas: usize) -> Option<&Vote> {
    let same = || votes.values().filter(|vote| vote.outcome == outcome);
    (2 * same().count() > replicas).then(|| same().next()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ballot(reserve: &[Outcome], release: &[Outcome]) -> Ballot {
        let votes = |outcomes: &[Outcome]| {
            let vote = |(number, outcome): (i32, &Outcome)| {
                (format!("inventory-{number}"), Vote { outcome: *outcome, reason: None })
            };
            (1..).zip(outcomes).map(vote).collect()
        };
        Ballot { reserve: votes(reserve), release: votes(release) }
    }

    #[test]
    fn two_of_three_decide_and_one_does_not() {
        use Outcome::{Rejected, Released, Reserved};
        let status = |reserve, release| ballot(reserve, release).decide(3).status;
        assert_eq!(status(&[], &[]), Status::Pending);
        assert_eq!(status(&[Reserved], &[]), Status::Pending);
        assert_eq!(status(&[Reserved, Rejected], &[]), Status::Pending);
        assert_eq!(status(&[Reserved, Rejected, Reserved], &[]), Status::Confirmed);
        assert_eq!(status(&[Rejected, Rejected], &[]), Status::Rejected);
        assert_eq!(status(&[Reserved, Reserved], &[Released]), Status::Confirmed);
        assert_eq!(status(&[Reserved, Reserved], &[Released, Released]), Status::Cancelled);
        assert_eq!(status(&[], &[Released, Released]), Status::Cancelled);
    }

    #[test]
    fn a_replica_has_one_vote_and_a_duplicate_is_none() {
        let vote = |outcome| Vote { outcome, reason: None };
        let mut votes = Votes::new();
        assert!(!Ballot::take(&mut votes, "inventory-1", vote(Outcome::Duplicate)));
        assert!(Ballot::take(&mut votes, "inventory-1", vote(Outcome::Reserved)));
        assert!(!Ballot::take(&mut votes, "inventory-1", vote(Outcome::Rejected)));
        assert!(!Ballot::take(&mut votes, "inventory-1", vote(Outcome::Reserved)));
        assert_eq!(votes["inventory-1"].outcome, Outcome::Reserved);
        assert_eq!(
            Ballot { reserve: votes, ..Ballot::default() }.decide(3).status,
            Status::Pending
        );
    }
}
