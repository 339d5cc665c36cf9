//! From a primary that has to go to one that serves: prove the old one dead, hear who has
//! everything, promote that one, journal it (I4).

use super::Moment;
use super::action::{Action, Command, Event, EventKind, Order};
use super::cover::Cover;
use super::node::NodeId;
use super::options::Sabotage;
use super::position::Position;
use super::record::{Cause, Phase, Record};
use super::refusal::RefusalKind;
use super::state::Core;
use super::suspicion::Health;

/// So many failovers are remembered.
const FAILOVERS_KEPT: usize = 16;

impl Core {
    /// Proves the primary dead; then seals replicas until enough are heard.
    pub(super) fn fence(&mut self, now: Moment, cause: Cause, to: Option<NodeId>) {
        let primary = self.record.primary;
        if self.nodes[primary.index()].evidence.is_none() {
            if self.options.is_sabotaged(Sabotage::FenceSkipped) {
                self.note_fence(now, primary, "none".to_owned());
            } else if cause == Cause::Switchover && !self.nodes[primary.index()].is_stubborn {
                self.order(now, Order::Retire(primary));
            } else {
                self.order(now, Order::Fence(primary));
            }
            // From here the time of the successors counts.
            self.since = now;
            return;
        }
        if matches!(self.nodes[primary.index()].sql.busy, Some((_, Order::Promote(_)))) {
            // It was being opened when it died. Whoever starts it by hand before that has ended
            // would have it opened: it is fenced once more afterwards.
            return;
        }
        if let Some(Command::PromoteWithDataLoss { to }) = self.command.take() {
            let phase = Phase::Fencing { cause: Cause::DataLossAllowed, to: Some(to) };
            return self.write(now, Record { phase, ..self.record.clone() });
        }
        let is_forced = cause == Cause::DataLossAllowed;
        let asked = if is_forced {
            to.into_iter().collect()
        } else if self.options.is_sabotaged(Sabotage::PromotedFromOutside) {
            self.others()
        } else {
            self.record.safe.members
        };
        for node in asked.iter() {
            if self.nodes[node.index()].sealed.is_none() {
                self.order(now, Order::Seal(node));
            }
        }
        let heard: Vec<(NodeId, &Position)> = asked
            .iter()
            .filter_map(|node| Some((node, self.nodes[node.index()].sealed.as_ref()?)))
            .collect();
        let votes = if is_forced || self.options.is_sabotaged(Sabotage::PromotedFromOutside) {
            1
        } else {
            self.record.safe.votes().unwrap_or(usize::MAX)
        };
        if heard.len() >= votes {
            let is_any = self.options.is_sabotaged(Sabotage::PromotedFirstHeard);
            match if is_any { Some(heard[0].0) } else { ahead_of_all(&heard, to) } {
                Some(candidate) => {
                    let phase = Phase::Promoting { candidate, cause };
                    let fenced = self.fences();
                    return self.write(now, Record { phase, fenced, ..self.record.clone() });
                }
                None => self.refuse(RefusalKind::ReplicasDiverged.because("")),
            }
        }
        if now.saturating_sub(self.since) >= self.options.candidate_wait {
            self.roll_back(now);
        }
    }

    /// Nobody was promoted, and the old primary holds everything: it may serve again.
    fn roll_back(&mut self, now: Moment) {
        self.hold_until = now + self.options.hold_after_rollback;
        let reasons = self.nodes.iter().filter_map(|node| node.unheard.as_deref());
        let reasons = reasons.collect::<Vec<_>>().join("; ");
        self.tell_refusal(self.record.primary, RefusalKind::TooFewHeard.because(&reasons));
        self.nodes[self.record.primary.index()].evidence = None;
        self.write(now, Record { phase: Phase::Serving, ..self.record.clone() });
    }

    /// Promotes the candidate, however often it takes. It may have been promoted already.
    pub(super) fn promote(&mut self, now: Moment, candidate: NodeId, cause: Cause) {
        let health = self.health(candidate, now);
        let is_gone = health == Health::Ill(Cause::Gone);
        if cause == Cause::Beginning && !is_gone && !self.may_begin(now) {
            return;
        }
        match health {
            Health::Unknown | Health::Well => {
                self.order(now, Order::Promote(candidate));
            }
            Health::Ill(Cause::Gone) => {
                self.order(now, Order::Start { node: candidate, follow: None });
            }
            // Frozen in the middle: killed and started again it holds what it held.
            Health::Ill(Cause::Hung) if cause != Cause::Beginning => {
                self.order(now, Order::Fence(candidate));
            }
            Health::Ill(_) => {
                self.order(now, Order::Promote(candidate));
            }
        }
    }

    /// A cluster without a journal is begun only when nothing speaks against it.
    fn may_begin(&mut self, now: Moment) -> bool {
        if self.is_journal_outdated() {
            self.refuse(RefusalKind::JournalMissing.because(""));
            return false;
        }
        let is_open = |node: NodeId| {
            let report = self.nodes[node.index()].watch.current();
            report.is_some_and(|report| report.is_writable)
        };
        if self.others().iter().any(is_open) {
            self.refuse(RefusalKind::OtherPrimary.because(""));
            return false;
        }
        let is_seen = |node| self.health(node, now) != Health::Unknown;
        self.nodes[self.record.primary.index()].watch.is_answering()
            && self.others().iter().all(is_seen)
    }

    /// A node says that it takes writes, because we asked it to.
    pub(super) fn note_promotion(&mut self, now: Moment, node: NodeId) {
        match self.record.phase {
            Phase::Promoting { candidate, cause } if candidate == node => {
                let mut record = self.record.clone();
                record.epoch += 1;
                record.primary = node;
                record.phase = Phase::Serving;
                record.fenced.remove(&node);
                if cause.is_automatic() {
                    record.failovers.push(now);
                    let excess = record.failovers.len().saturating_sub(FAILOVERS_KEPT);
                    record.failovers.drain(..excess);
                }
                let (kind, epoch) = (EventKind::Promoted, record.epoch);
                let detail = cause.name().to_owned();
                self.push(Action::Report(Event { kind, node, epoch, detail, refusal: None }));
                // From here on commits wait for nobody, until somebody has caught up.
                self.nodes[node.index()].watch.forget(now);
                self.write(now, record.with_safe(Cover::NONE));
            }
            Phase::Promoting { .. } | Phase::Serving => {}
            Phase::Draining { .. } | Phase::Fencing { .. } => {}
        }
    }
}

/// Who holds all that the others hold; `preferred` if it is among them.
fn ahead_of_all(heard: &[(NodeId, &Position)], preferred: Option<NodeId>) -> Option<NodeId> {
    let is_ahead = |own: &Position| heard.iter().all(|(_, theirs)| own.holds(theirs));
    let ahead = || heard.iter().filter(|(_, position)| is_ahead(position)).map(|(node, _)| *node);
    ahead().find(|node| Some(*node) == preferred).or_else(|| ahead().next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_who_holds_everything_is_chosen_and_the_preferred_only_if_it_does() {
        let (near, far) =
            (Position::Log { timeline: 1, offset: 5 }, Position::Log { timeline: 1, offset: 9 });
        let (one, two) = (NodeId::new(1), NodeId::new(2));
        let heard = [(one, &near), (two, &far)];
        assert_eq!(ahead_of_all(&heard, None), Some(two));
        assert_eq!(ahead_of_all(&heard, Some(one)), Some(two), "one lacks something");
        assert_eq!(ahead_of_all(&[(one, &far), (two, &far)], Some(two)), Some(two));
    }

    #[test]
    fn nobody_is_chosen_of_two_that_each_lack_something() {
        let left = Position::Domains([(0, 7), (1, 3)].into());
        let right = Position::Domains([(0, 8), (1, 2)].into());
        let heard = [(NodeId::new(1), &left), (NodeId::new(2), &right)];
        assert_eq!(ahead_of_all(&heard, None), None);
    }
}
