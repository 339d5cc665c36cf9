//! Whom the cashier trusts: who is asked, who is only listened to, who rests, and what each is
//! accused of.
//!
//! One proof is enough: a replica that signs a wrong amount does not do so by chance, as one may be
//! silent by chance. Whoever is out comes back by agreeing several times in a row while its voice
//! does not count. The number of those that must agree never shrinks: it is a majority of all five.

use std::collections::BTreeMap;
use std::time::Duration;

use standfast_tactics::outlier::{self, Ejector, Heard, Place, Policy, PolicyError};
use standfast_tactics::vote::Seat;
use tokio::time::Instant;

use super::round::Conduct;

/// Silent so often in a row, a replica is left out: before, it may have been bad luck.
const MISSES_TO_EJECT: u32 = 3;

/// Agreeing so often in a row, a replica counts again, and is accused of nothing.
const AGREEMENTS_TO_RETURN: u32 = 5;

/// The longest that a replica is not asked at all.
const REST_MAX: Duration = Duration::from_secs(60);

/// What a vote changed for a replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// It is accused of that, and was not before.
    Detected(Conduct),
    /// Its voice does not count any more.
    VotedOut,
    /// It should be out, but as many are as may be.
    Withheld,
    /// It counts, and is accused of nothing.
    Recovered,
}

/// What is known of a replica.
#[derive(Clone, Debug, Default)]
pub(super) struct Member {
    pub(super) accused: Option<Conduct>,
    agreed_in_a_row: u32,
    missed_in_a_row: u32,
    /// How often it did what.
    pub(super) conducts: BTreeMap<Conduct, u64>,
}

/// All replicas.
#[derive(Debug)]
pub(super) struct Roster {
    ejector: Ejector,
    pub(super) members: Vec<Member>,
}

impl Roster {
    /// A roster of `replicas` that all count; one that is voted out rests for `rest` at first.
    pub(super) fn try_new(replicas: usize, rest: Duration) -> Result<Self, PolicyError> {
        let policy = Policy {
            dissents_in_a_row: 1,
            rest_base: rest,
            rest_max: REST_MAX.max(rest),
            agreements_to_return: AGREEMENTS_TO_RETURN,
            ..Policy::default()
        };
        let ejector = Ejector::try_new(replicas, policy)?;
        Ok(Self { ejector, members: vec![Member::default(); replicas] })
    }

    pub(super) fn seats(&mut self, now: Instant) -> Vec<Seat> {
        self.ejector.seats(now)
    }

    pub(super) fn place(&self, replica: usize) -> Place {
        self.ejector.place(replica)
    }

    /// How many are known to have lied, and have not agreed often enough since.
    pub(super) fn proven(&self) -> usize {
        let accused = self.members.iter().filter_map(|member| member.accused);
        accused.filter(|conduct| conduct.is_proof()).count()
    }

    /// Whether anybody has something to make good.
    pub(super) fn is_anybody_accused(&self) -> bool {
        self.members.iter().any(|member| member.accused.is_some()) || self.ejector.out() > 0
    }

    /// Takes what `replica` did in a vote.
    pub(super) fn record(&mut self, replica: usize, conduct: Conduct, now: Instant) -> Vec<Change> {
        let member = &mut self.members[replica];
        *member.conducts.entry(conduct).or_insert(0) += 1;
        let mut changes = Vec::new();
        let heard = match conduct {
            Conduct::Absent | Conduct::Unjudged => return changes,
            Conduct::OtherRules => Heard::Abstained,
            Conduct::Agreed => {
                (member.missed_in_a_row, member.agreed_in_a_row) =
                    (0, member.agreed_in_a_row.saturating_add(1));
                Heard::Agreed
            }
            Conduct::Failed | Conduct::Silent => {
                member.agreed_in_a_row = 0;
                member.missed_in_a_row = member.missed_in_a_row.saturating_add(1);
                if member.accused.is_none() {
                    member.accused = Some(conduct);
                    changes.push(Change::Detected(conduct));
                }
                match member.missed_in_a_row {
                    misses if misses >= MISSES_TO_EJECT => Heard::Dissented,
                    _ => Heard::Abstained,
                }
            }
            Conduct::Dissented
            | Conduct::Equivocated
            | Conduct::Forged
            | Conduct::Replayed
            | Conduct::Misquoted => {
                member.agreed_in_a_row = 0;
                let was_known = member.accused.is_some_and(Conduct::is_proof);
                member.accused = Some(conduct);
                if !was_known {
                    changes.push(Change::Detected(conduct));
                }
                Heard::Dissented
            }
        };
        match self.ejector.record(replica, heard, now) {
            // From shadow to rest is no news.
            Some(outlier::Change::Ejected { why: outlier::Why::Relapse, .. }) => {}
            Some(outlier::Change::Ejected { .. }) => changes.push(Change::VotedOut),
            Some(outlier::Change::Withheld { .. }) => changes.push(Change::Withheld),
            Some(outlier::Change::Returned) | None => {}
        }
        let member = &mut self.members[replica];
        let is_in = self.ejector.place(replica) == Place::In;
        if member.agreed_in_a_row >= AGREEMENTS_TO_RETURN && is_in && member.accused.is_some() {
            member.accused = None;
            changes.push(Change::Recovered);
        }
        changes
    }
}

#[cfg(test)]
mod tests;
