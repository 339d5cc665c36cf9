//! Replicas that are not in their place: started, told whom to follow, or made replicas again.

use super::Moment;
use super::action::{EventKind, Order, Outcome};
use super::node::NodeId;
use super::options::{Reintegration, Sabotage};
use super::record::{Cause, Phase, Record};
use super::refusal::RefusalKind;
use super::state::Core;
use super::suspicion::Health;

impl Core {
    /// Looks after everybody but the primary, which is well.
    pub(super) fn tend(&mut self, now: Moment) {
        for node in self.others().iter() {
            if self.nodes[node.index()].process.busy.is_some() {
                continue;
            }
            if self.is_fence_to_change(node) {
                return self.write_fence(now, node);
            }
            if self.record.fenced.contains_key(&node) {
                self.reintegrate(now, node);
            } else if self.nodes[node.index()].evidence.is_none() {
                self.keep_following(now, node);
            }
        }
    }

    /// Does the journal not say yet that this node was fenced, or that it is back?
    fn is_fence_to_change(&self, node: NodeId) -> bool {
        let state = &self.nodes[node.index()];
        let is_fenced = self.record.fenced.contains_key(&node);
        if state.evidence.is_some() && !is_fenced {
            // Somebody whose copy counts is not written off here: it leaves the claim first.
            return !self.record.safe.members.contains(node);
        }
        is_fenced && (state.has_rejoined || self.is_following(node))
    }

    fn write_fence(&mut self, now: Moment, node: NodeId) {
        let mut record = self.record.clone();
        let state = &mut self.nodes[node.index()];
        match state.evidence.take() {
            Some(evidence) if !record.fenced.contains_key(&node) => {
                record.fenced.insert(node, evidence);
            }
            Some(_) | None => {
                record.fenced.remove(&node);
                (state.has_rejoined, state.is_wanted_back) = (false, false);
            }
        }
        self.write(now, Record { ..record });
    }

    /// A fenced node comes back by its actuator. If it runs already, somebody started it by hand.
    fn reintegrate(&mut self, now: Moment, node: NodeId) {
        let state = &self.nodes[node.index()];
        let is_asked = state.is_wanted_back;
        if self.options.reintegration == Reintegration::Manual && !is_asked {
            return;
        }
        let is_dead = state.evidence.is_some();
        match state.watch.health(&self.options) {
            Health::Unknown if !is_dead => {}
            Health::Well | Health::Ill(Cause::Hung | Cause::Unready | Cause::CannotWrite)
                if self.options.is_sabotaged(Sabotage::FenceSkipped) => {}
            Health::Unknown | Health::Ill(Cause::Gone) => {
                let from = self.record.primary;
                self.order(now, Order::Rejoin { node, from });
            }
            Health::Well if self.may_be_returning(now, node) => {}
            Health::Well | Health::Ill(_) => {
                self.nodes[node.index()].evidence = None;
                self.order(now, Order::Fence(node));
            }
        }
    }

    /// Is it a replica that has just come up? A predecessor may have ordered it back.
    fn may_be_returning(&mut self, now: Moment, node: NodeId) -> bool {
        let state = &mut self.nodes[node.index()];
        let is_replica = state.watch.current().is_some_and(|report| !report.is_writable);
        let since = *state.stray_since.get_or_insert(now);
        is_replica && now.saturating_sub(since) < self.options.return_grace
    }

    fn keep_following(&mut self, now: Moment, node: NodeId) {
        let health = self.health(node, now);
        let is_following = self.is_following(node);
        let state = &mut self.nodes[node.index()];
        let follow = Some(self.record.primary);
        if is_following {
            // Some begin to follow, and stop at what they cannot apply.
            let since = *state.following_since.get_or_insert(now);
            if now.saturating_sub(since) >= self.options.stray_after {
                state.stray_since = None;
            }
            return;
        }
        state.following_since = None;
        match health {
            Health::Ill(Cause::Gone) => {
                self.order(now, Order::Start { node, follow });
            }
            Health::Well => {
                let stray = now.saturating_sub(*state.stray_since.get_or_insert(now));
                let counts = self.record.safe.members.contains(node);
                if stray >= self.options.rebuild_after && !counts {
                    self.order(now, Order::Fence(node));
                } else if stray >= self.options.stray_after && state.process.backoff.is_over(now) {
                    self.order(now, Order::Start { node, follow });
                }
            }
            Health::Unknown | Health::Ill(_) => {}
        }
    }

    /// Does the node say that it receives the primary's log?
    fn is_following(&self, node: NodeId) -> bool {
        let report = self.nodes[node.index()].watch.current();
        report.is_some_and(|report| report.follows == Some(self.record.primary))
    }

    /// Takes the result of an order.
    pub(super) fn finish_order(&mut self, now: Moment, order: Order, outcome: Outcome) {
        self.lane(order).busy = None;
        let node = order.node();
        let is_promotion = matches!(order, Order::Promote(_));
        if is_promotion && node == self.record.primary && self.is_fencing() {
            // It may have taken effect after the fence.
            self.nodes[node.index()].evidence = None;
        }
        match (order, outcome) {
            (Order::Prepare(_), _) => self.is_prepared = true,
            (_, Outcome::Failed(reason)) => self.note_failure(now, order, &reason),
            (Order::Enforce { cover, .. }, _) => {
                self.lane(order).backoff.reset();
                self.guard.note_enforced(now, cover, true);
            }
            (Order::Fence(_) | Order::Retire(_), outcome) => {
                let evidence = match outcome {
                    Outcome::Fenced(evidence) => evidence,
                    Outcome::Done
                    | Outcome::Sealed(_)
                    | Outcome::Rejoined(_)
                    | Outcome::Failed(_) => "its actuator gave no evidence".to_owned(),
                };
                self.note_fence(now, node, evidence);
            }
            (Order::Start { .. } | Order::Restart(_) | Order::Rejoin { .. }, outcome) => {
                self.note_start(now, order, &outcome);
            }
            (Order::Seal(_), Outcome::Sealed(position)) => {
                self.lane(order).backoff.reset();
                self.nodes[node.index()].sealed = Some(position);
            }
            (Order::Seal(_) | Order::Promote(_), _) => {
                self.lane(order).backoff.reset();
                if is_promotion {
                    self.note_promotion(now, node);
                }
            }
        }
    }

    fn is_fencing(&self) -> bool {
        matches!(self.record.phase, Phase::Fencing { .. })
    }

    fn note_failure(&mut self, now: Moment, order: Order, reason: &str) {
        let options = self.options.clone();
        self.lane(order).backoff.failed(now, &options);
        let node = order.node();
        match order {
            Order::Enforce { cover, .. } => self.guard.note_enforced(now, cover, false),
            Order::Fence(_) if options.is_sabotaged(Sabotage::FenceUnproved) => {
                self.note_fence(now, node, "none".to_owned());
            }
            Order::Fence(_) => self.refuse(RefusalKind::FenceUnproved.because(reason)),
            Order::Retire(_) => {
                // Not every actuator knows how.
                self.nodes[node.index()].is_stubborn = true;
                self.lane(order).backoff.reset();
            }
            Order::Rejoin { .. } if self.lane(order).backoff.failures() == 1 => {
                self.tell_refusal(node, RefusalKind::RejoinFailed.because(reason));
            }
            Order::Rejoin { .. }
            | Order::Start { .. }
            | Order::Restart(_)
            | Order::Prepare(_)
            | Order::Promote(_) => {}
            Order::Seal(_) => self.nodes[node.index()].unheard = Some(reason.to_owned()),
        }
    }

    pub(super) fn note_fence(&mut self, now: Moment, node: NodeId, evidence: String) {
        self.tell(EventKind::Fenced, node, evidence.clone());
        let state = &mut self.nodes[node.index()];
        state.process.backoff.reset();
        // What was asked of it by SQL died with it, and what was seen of it is of no use. But a
        // promotion that had not connected yet may meet whoever is started there by hand.
        state.sql.busy = state.sql.busy.filter(|(_, order)| matches!(order, Order::Promote(_)));
        state.started = None;
        state.watch.forget(now);
        state.evidence = Some(evidence);
    }

    fn note_start(&mut self, now: Moment, order: Order, outcome: &Outcome) {
        let node = order.node();
        let options = self.options.clone();
        // Not to be given again before it could have helped.
        self.lane(order).backoff.failed(now, &options);
        let state = &mut self.nodes[node.index()];
        if !matches!(order, Order::Start { .. }) || !state.watch.is_answering() {
            state.watch.forget(now);
            state.started = Some(now);
        }
        if !matches!(order, Order::Start { .. }) {
            state.stray_since = None;
        }
        state.evidence = None;
        match (order, outcome) {
            (Order::Rejoin { .. }, Outcome::Rejoined(how)) => {
                state.has_rejoined = true;
                self.tell(EventKind::Rejoined, node, format!("{how:?}").to_lowercase());
            }
            (Order::Restart(_), _) if self.record.phase == Phase::Serving => {
                self.tell(EventKind::Restarted, node, "as primary, after a crash".to_owned());
            }
            _ => {}
        }
    }
}
