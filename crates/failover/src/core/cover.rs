//! Who holds what was acknowledged: a claim about the past, and a rule for the future, in one
//! shape.
//!
//! The journal *claims* that every acknowledged write is on some replicas; the primary *enforces*
//! that a commit waits for some replicas. A claim may only say what the enforcement guarantees, so
//! the two change in a fixed order: a claim is weakened before the enforcement is, and strengthened
//! only after the enforcement was, and the replicas were seen to have caught up (I2, I3).

use serde::{Deserialize, Serialize};

use super::node::NodeSet;

/// "On at least `copies` of `members`."
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cover {
    pub members: NodeSet,
    /// 0 exactly when there are no members: then only the primary has it.
    pub copies: u8,
}

/// How many replicas a commit waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Copies {
    /// For all that are in sync. Any one of them may then be promoted without asking the others.
    #[default]
    All,
    /// For the fastest one. A replica's death then delays nothing, but all have to be heard before
    /// one is promoted.
    One,
}

/// What to do next to get from a claim and an enforcement to a wanted cover.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Nothing,
    /// Journal this weaker claim; it is implied by the present one.
    Weaken(Cover),
    /// Make the primary enforce this; the present claim stays true under it.
    Enforce(Cover),
    /// It is enforced: journal it as soon as the replicas have caught up.
    CatchUp(Cover),
}

impl Cover {
    /// No replica is sure to have anything.
    pub const NONE: Self = Self { members: NodeSet::EMPTY, copies: 0 };

    /// A cover by `members`, as `copies` says.
    pub fn by(members: NodeSet, copies: Copies) -> Self {
        let copies = match copies {
            Copies::All => members.len() as u8,
            Copies::One => members.len().min(1) as u8,
        };
        Self { members, copies }
    }

    /// Is `other` true of everything that `self` is true of?
    pub fn implies(self, other: Self) -> bool {
        let outside = self.members.minus(other.members).len() as u8;
        other.copies <= self.copies.saturating_sub(outside)
    }

    /// How many members have to be heard so that one of them is sure to hold everything, or `None`
    /// when no number of them is enough.
    pub fn votes(self) -> Option<usize> {
        (self.copies > 0).then(|| self.members.len() + 1 - usize::from(self.copies))
    }

    /// The next step from `claim` and `enforced` towards `wanted`.
    pub fn step(claim: Self, enforced: Option<Self>, wanted: Self) -> Step {
        // Somebody else changed the rule: what is acknowledged from now on may be nowhere.
        if !enforced.unwrap_or(Self::NONE).implies(claim) {
            return Step::Weaken(Self::NONE);
        }
        if enforced == Some(wanted) {
            return if claim == wanted { Step::Nothing } else { Step::CatchUp(wanted) };
        }
        if wanted.implies(claim) {
            return Step::Enforce(wanted);
        }
        let between = Self {
            members: claim.members.union(wanted.members),
            copies: claim.copies.min(wanted.copies),
        };
        let weaker = [wanted, between]
            .into_iter()
            .find(|weaker| claim.implies(*weaker) && wanted.implies(*weaker));
        Step::Weaken(weaker.unwrap_or(Self::NONE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::NodeId;

    fn cover(members: &[usize], copies: u8) -> Cover {
        Cover { members: members.iter().map(|index| NodeId::new(*index)).collect(), copies }
    }

    /// The steps until nothing is left to do, with enforcement that takes effect at once.
    fn path(mut claim: Cover, mut enforced: Cover, wanted: Cover) -> Vec<Step> {
        let mut steps = Vec::new();
        loop {
            let step = Cover::step(claim, Some(enforced), wanted);
            match step {
                Step::Nothing => return steps,
                Step::Weaken(weaker) => {
                    assert!(claim.implies(weaker), "{claim:?} does not imply {weaker:?}");
                    claim = weaker;
                }
                Step::Enforce(rule) => enforced = rule,
                Step::CatchUp(stronger) => claim = stronger,
            }
            assert!(enforced.implies(claim), "{enforced:?} does not guarantee {claim:?}");
            steps.push(step);
            assert!(steps.len() < 6, "{steps:?} does not end");
        }
    }

    #[test]
    fn a_replica_is_enforced_before_it_is_claimed_and_let_go_in_the_other_order() {
        let (one, none) = (cover(&[1], 1), Cover::NONE);
        assert_eq!(path(none, none, one), [Step::Enforce(one), Step::CatchUp(one)]);
        assert_eq!(path(one, one, none), [Step::Weaken(none), Step::Enforce(none)]);
    }

    #[test]
    fn any_of_two_is_a_weaker_claim_than_one_and_so_comes_before_its_rule() {
        let (one, any) = (cover(&[1], 1), cover(&[1, 2], 1));
        assert_eq!(path(one, one, any), [Step::Weaken(any), Step::Enforce(any)]);
        assert_eq!(path(any, any, one), [Step::Enforce(one), Step::CatchUp(one)]);
    }

    #[test]
    fn every_change_among_three_replicas_ends_and_never_claims_too_much() {
        let covers: Vec<Cover> = (0..8_usize)
            .flat_map(|bits| {
                let members: Vec<usize> = (0..3).filter(|bit| bits & (1 << bit) != 0).collect();
                (0..=members.len() as u8)
                    .filter(|copies| (*copies == 0) == members.is_empty())
                    .map(|copies| cover(&members, copies))
                    .collect::<Vec<_>>()
            })
            .collect();
        for claim in &covers {
            for enforced in covers.iter().filter(|enforced| enforced.implies(*claim)) {
                for wanted in &covers {
                    path(*claim, *enforced, *wanted);
                }
            }
        }
    }

    #[test]
    fn a_rule_that_somebody_loosened_ends_the_claim_at_once() {
        let one = cover(&[1], 1);
        assert_eq!(Cover::step(one, Some(Cover::NONE), one), Step::Weaken(Cover::NONE));
    }

    #[test]
    fn as_many_are_heard_as_make_sure_that_one_has_it() {
        assert_eq!(cover(&[1, 2], 2).votes(), Some(1));
        assert_eq!(cover(&[1, 2], 1).votes(), Some(2), "either may be the one that has it");
        assert_eq!(Cover::NONE.votes(), None);
    }
}
