//! Where clients are sent: to the journaled primary and nowhere else (I1).

use super::Moment;
use super::action::{Action, EventKind, Outcome};
use super::draining::Drain;
use super::node::NodeSet;
use super::options::Sabotage;
use super::record::{Cause, Phase};
use super::sighting::Routing;
use super::state::Core;

impl Core {
    /// Asks the router for what it should do, if that is not what it was seen to do.
    pub(super) fn route(&mut self, now: Moment) {
        let Some(wanted) = self.wanted_routing() else { return };
        let is_so = self.router.seen == Some(wanted);
        if is_so {
            self.note_switch();
        }
        if is_so || self.router.busy.is_some() || !self.router.backoff.is_over(now) {
            return;
        }
        let ticket = self.ticket();
        self.router.busy = Some((ticket, wanted));
        self.push(Action::Route { ticket, routing: wanted });
    }

    fn wanted_routing(&self) -> Option<Routing> {
        let primary = NodeSet::one(self.record.primary);
        let away = Routing { ready: NodeSet::EMPTY, is_paused: true };
        match self.record.phase {
            // It is being started again: whoever comes waits for it, where the router can do that.
            Phase::Serving if self.is_down() => Some(away),
            Phase::Serving => {
                // Before it was seen to take writes, it is given nobody who is not there already.
                let report = self.nodes[self.record.primary.index()].watch.report_since(self.since);
                let is_open = report.is_some_and(|(_, report)| report.is_writable)
                    || self.guard.is_opened
                    || self.router.seen.is_some_and(|seen| seen.ready == primary);
                is_open.then_some(Routing { ready: primary, is_paused: false })
            }
            Phase::Draining { .. } => {
                let is_closing = self.drain.as_ref().is_some_and(Drain::is_closing);
                Some(if is_closing { away } else { Routing { ready: primary, is_paused: true } })
            }
            Phase::Promoting { candidate, .. }
                if self.options.is_sabotaged(Sabotage::RoutedBeforeJournaled) =>
            {
                Some(Routing { ready: NodeSet::one(candidate), is_paused: false })
            }
            Phase::Fencing { .. } | Phase::Promoting { .. } => Some(away),
        }
    }

    fn is_down(&self) -> bool {
        self.ill.is_some_and(|(_, cause)| matches!(cause, Cause::Gone | Cause::Unready))
    }

    pub(super) fn finish_routing(&mut self, now: Moment, outcome: &Outcome) {
        let Some((_, routing)) = self.router.busy.take() else { return };
        if *outcome == Outcome::Done {
            self.router.seen = Some(routing);
            self.router.backoff.reset();
            if let Some(drain) = &mut self.drain {
                drain.note_routing(routing, now);
            }
        } else {
            self.router.seen = None;
            self.router.backoff.failed(now, &self.options);
        }
    }

    fn note_switch(&mut self) {
        let (epoch, primary) = (self.record.epoch, self.record.primary);
        if self.record.phase == Phase::Serving && self.switched_epoch != epoch {
            self.switched_epoch = epoch;
            self.tell(EventKind::Switched, primary, "clients are sent to it".to_owned());
        }
    }
}
