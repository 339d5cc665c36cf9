//! The rules that no action may break, as functions: the driver checks them before it acts, the
//! simulation after each step. They are told what is on disk, not what the core believes.

use super::action::{Action, Order};
use super::node::{NodeId, NodeSet};
use super::record::{Cause, Phase, Record};

/// A rule that an action would break.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{rule}: {what}")]
pub struct Breach {
    pub rule: &'static str,
    pub what: String,
}

fn breach(rule: &'static str, what: String) -> Result<(), Breach> {
    Err(Breach { rule, what })
}

/// May `action` be performed while the journal says `on_disk`?
///
/// # Errors
/// When it may not: the rule, and what would break it.
pub fn check(on_disk: &Record, action: &Action) -> Result<(), Breach> {
    match action {
        Action::Route { routing, .. } => check_routing(on_disk, routing.ready),
        Action::Order { order, .. } => check_order(on_disk, *order),
        Action::Journal { record, .. } => check_successor(on_disk, record),
        Action::Probe { .. } | Action::Report(_) => Ok(()),
    }
}

fn check_routing(on_disk: &Record, ready: NodeSet) -> Result<(), Breach> {
    let may_serve = matches!(on_disk.phase, Phase::Serving | Phase::Draining { .. });
    let is_primary = ready == NodeSet::one(on_disk.primary) && may_serve;
    if ready.is_empty() || is_primary {
        return Ok(());
    }
    breach("only the journaled primary is given clients (I1)", format!("{ready:?}, {on_disk:?}"))
}

fn check_order(on_disk: &Record, order: Order) -> Result<(), Breach> {
    let Record { primary, phase, safe, .. } = on_disk;
    let is_allowed = match order {
        Order::Fence(node) if node == *primary => matches!(phase, Phase::Fencing { .. }),
        Order::Retire(node) => {
            node == *primary && matches!(phase, Phase::Fencing { cause: Cause::Switchover, .. })
        }
        Order::Prepare(node) => node == *primary && *phase == Phase::Serving,
        Order::Promote(node) => match phase {
            Phase::Serving => node == *primary,
            Phase::Promoting { candidate, .. } => node == *candidate,
            Phase::Draining { .. } | Phase::Fencing { .. } => false,
        },
        Order::Restart(node) => node == *primary && *phase == Phase::Serving,
        Order::Rejoin { node, from } => {
            node != *primary && from == *primary && !safe.members.contains(node)
        }
        Order::Enforce { node, cover } => {
            node == *primary && *phase == Phase::Serving && cover.implies(*safe)
        }
        Order::Seal(node) => node != *primary && matches!(phase, Phase::Fencing { .. }),
        Order::Start { node, .. } => is_startable(on_disk, node),
        Order::Fence(_) => true,
    };
    if is_allowed {
        return Ok(());
    }
    breach("an order fits to what is journaled (I1, I3, I4)", format!("{order:?}, {on_disk:?}"))
}

/// A primary is only ever started as one, and a fenced node only by rejoining.
fn is_startable(on_disk: &Record, node: NodeId) -> bool {
    match on_disk.phase {
        Phase::Promoting { candidate, .. } => node == candidate,
        Phase::Serving | Phase::Draining { .. } | Phase::Fencing { .. } => {
            node != on_disk.primary && !on_disk.fenced.contains_key(&node)
        }
    }
}

fn check_successor(before: &Record, after: &Record) -> Result<(), Breach> {
    let is_allowed = match (before.phase, after.phase) {
        (Phase::Promoting { candidate, .. }, Phase::Serving) => {
            after.epoch == before.epoch + 1
                && after.primary == candidate
                && after.safe.members.is_empty()
        }
        (Phase::Fencing { .. }, Phase::Promoting { candidate, cause }) => {
            is_same_reign(before, after)
                && candidate != before.primary
                && after.fenced.contains_key(&before.primary)
                && (before.safe.members.contains(candidate) || cause == Cause::DataLossAllowed)
        }
        (Phase::Promoting { .. }, _) | (_, Phase::Promoting { .. }) => before == after,
        _ => is_same_reign(before, after),
    };
    if is_allowed {
        return Ok(());
    }
    let what = format!("{before:?} is followed by {after:?}");
    breach("a primary changes only by promotion of a safe replica after a fence (I4)", what)
}

fn is_same_reign(before: &Record, after: &Record) -> bool {
    before.epoch == after.epoch && before.primary == after.primary
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::{Cover, Routing, Ticket};

    fn serving() -> Record {
        let members = NodeSet::one(NodeId::new(1));
        Record {
            epoch: 1,
            phase: Phase::Serving,
            safe: Cover { members, copies: 1 },
            ..Record::beginning(NodeId::new(0))
        }
    }

    fn is_refused(on_disk: &Record, order: Order) -> bool {
        check(on_disk, &Action::Order { ticket: Ticket(1), order }).is_err()
    }

    #[test]
    fn nobody_is_promoted_while_another_serves() {
        let replica = NodeId::new(1);
        assert!(is_refused(&serving(), Order::Promote(replica)));
        assert!(!is_refused(&serving(), Order::Promote(NodeId::new(0))), "opened again");
        assert!(is_refused(&serving(), Order::Fence(NodeId::new(0))), "journal it first");
    }

    #[test]
    fn a_rule_is_not_loosened_before_the_claim_is() {
        let loosened = Order::Enforce { node: NodeId::new(0), cover: Cover::NONE };
        assert!(is_refused(&serving(), loosened));
        assert!(!is_refused(&serving().with_safe(Cover::NONE), loosened));
    }

    #[test]
    fn clients_go_to_the_journaled_primary_only() {
        let route = |index| Action::Route {
            ticket: Ticket(1),
            routing: Routing { ready: NodeSet::one(NodeId::new(index)), is_paused: false },
        };
        assert!(check(&serving(), &route(0)).is_ok());
        assert!(check(&serving(), &route(1)).is_err());
    }

    #[test]
    fn a_promotion_without_a_fence_is_not_journaled() {
        let fencing =
            Record { phase: Phase::Fencing { cause: Cause::Gone, to: None }, ..serving() };
        let phase = Phase::Promoting { candidate: NodeId::new(1), cause: Cause::Gone };
        let mut promoting = Record { phase, ..serving() };
        let journal =
            |record: &Record| Action::Journal { ticket: Ticket(1), record: record.clone() };
        assert!(check(&fencing, &journal(&promoting)).is_err());
        promoting.fenced.insert(NodeId::new(0), "seen gone".to_owned());
        assert!(check(&fencing, &journal(&promoting)).is_ok());
        let outside = Record { safe: Cover::NONE, ..fencing };
        assert!(check(&outside, &journal(&promoting)).is_err(), "not a member of the claim");
    }
}
