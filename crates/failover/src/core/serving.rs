//! The usual phase: is the primary well, is everybody in his place, and what if not.

use super::Moment;
use super::action::{Command, EventKind, Order};
use super::node::NodeId;
use super::options::Sabotage;
use super::record::{Cause, Phase, Record};
use super::refusal::RefusalKind;
use super::state::Core;
use super::suspicion::Health;

impl Core {
    pub(super) fn serve(&mut self, now: Moment) {
        if self.is_journal_outdated() {
            return self.refuse(RefusalKind::JournalOutdated.because(""));
        }
        let primary = self.record.primary;
        if !self.options.is_sabotaged(Sabotage::FenceSkipped) {
            self.fence_strangers(now);
        }
        match self.health(primary, now) {
            Health::Unknown => {}
            Health::Well => {
                (self.ill, self.refusal) = (None, None);
                if !self.obey(now) {
                    self.guard(now);
                    self.tend(now);
                }
            }
            Health::Ill(cause) => self.fail(now, cause),
        }
    }

    /// The epoch is written into the data with every heartbeat: data cannot know more than us.
    pub(super) fn is_journal_outdated(&self) -> bool {
        let epochs = self.nodes.iter().filter_map(|node| node.watch.report_since(Moment::ZERO));
        epochs.map(|(_, report)| report.epoch).max().unwrap_or_default() > self.record.epoch
    }

    /// A server that takes writes and is not the primary was opened by somebody else.
    fn fence_strangers(&mut self, now: Moment) {
        for node in self.others().iter() {
            let report = self.nodes[node.index()].watch.report_since(self.since);
            if report.is_some_and(|(_, report)| report.is_writable)
                && self.nodes[node.index()].evidence.is_none()
            {
                self.order(now, Order::Fence(node));
            }
        }
    }

    /// Begins what an operator asked for. Answers whether there is something to wait for.
    fn obey(&mut self, now: Moment) -> bool {
        let Some(command) = self.command else { return false };
        if let Command::Switchover { to } = command
            && self.may_switch_to(to)
            && !self.is_prepared
        {
            self.order(now, Order::Prepare(self.record.primary));
            return false;
        }
        (self.command, self.is_prepared) = (None, false);
        let (phase, to) = match command {
            Command::Switchover { to } => (Phase::Draining { to }, to),
            Command::PromoteWithDataLoss { to } => {
                (Phase::Fencing { cause: Cause::DataLossAllowed, to: Some(to) }, to)
            }
            Command::Reintegrate { node } => {
                let state = &mut self.nodes[node.index()];
                state.is_wanted_back = true;
                state.process.backoff.reset();
                return false;
            }
        };
        let is_possible = match command {
            Command::Switchover { .. } => self.may_switch_to(to),
            Command::PromoteWithDataLoss { .. } | Command::Reintegrate { .. } => {
                to != self.record.primary && to.index() < self.options.nodes
            }
        };
        if is_possible {
            self.write(now, Record { phase, ..self.record.clone() });
        } else {
            self.tell_refusal(to, RefusalKind::SwitchoverUnsafe.because(""));
        }
        is_possible
    }

    fn may_switch_to(&self, to: NodeId) -> bool {
        self.record.safe.members.contains(to) && self.nodes[to.index()].watch.is_answering()
    }

    /// The primary is ill: replace it if that loses nothing, else help it up again.
    fn fail(&mut self, now: Moment, cause: Cause) {
        let primary = self.record.primary;
        if self.ill.is_none() {
            self.ill = Some((now, cause));
            self.tell(EventKind::Detected, primary, cause.name().to_owned());
        }
        match self.command {
            Some(Command::PromoteWithDataLoss { .. }) => {
                self.obey(now);
                return;
            }
            Some(Command::Switchover { to }) => {
                self.command = None;
                self.tell_refusal(to, RefusalKind::SwitchoverPrimaryIll.because(""));
            }
            Some(Command::Reintegrate { .. }) | None => {}
        }
        if self.nodes[primary.index()].process.busy.is_some() {
            return;
        }
        match self.objection(now) {
            None => {
                let phase = Phase::Fencing { cause, to: None };
                self.write(now, Record { phase, ..self.record.clone() });
            }
            Some((_, patience)) if now.saturating_sub(self.ill_since(now)) < patience => {}
            Some((reason, _)) => {
                self.refuse(reason.because(""));
                self.help_up(now, cause);
            }
        }
    }

    /// Why the primary may not be replaced now, and how long that may be waited out: a replica that
    /// answers soon makes good for a little patience, since starting the primary takes longer.
    fn objection(&self, now: Moment) -> Option<(RefusalKind, Moment)> {
        let Some(votes) = self.record.safe.votes() else {
            return Some((RefusalKind::NobodySafe, Moment::ZERO));
        };
        let is_heard = |node: &NodeId| self.nodes[node.index()].watch.is_answering();
        if self.record.safe.members.iter().filter(is_heard).count() < votes {
            return Some((RefusalKind::TooFewAnswer, self.options.answer_wait));
        }
        if now < self.hold_until {
            return Some((RefusalKind::NobodyFound, Moment::ZERO));
        }
        let window = self.options.failover_window;
        let is_recent = |at: &&Moment| now.saturating_sub(**at) < window;
        let recent = self.record.failovers.iter().filter(is_recent).count();
        (recent >= self.options.failovers_max)
            .then_some((RefusalKind::TooManyFailovers, Moment::ZERO))
    }

    fn ill_since(&self, now: Moment) -> Moment {
        self.ill.map_or(now, |(since, _)| since)
    }

    /// Starts the primary again. Its crash recovery keeps all that was acknowledged.
    fn help_up(&mut self, now: Moment, cause: Cause) {
        let patience = match cause {
            Cause::Gone => Moment::ZERO,
            Cause::Hung => self.options.candidate_wait,
            // It recovers by itself, and a kill would make it begin again.
            Cause::Unready => self.options.start_grace,
            // A restart makes no room on a disk.
            Cause::CannotWrite | Cause::Beginning | Cause::Switchover | Cause::DataLossAllowed => {
                return;
            }
        };
        if now.saturating_sub(self.ill_since(now)) >= patience {
            self.order(now, Order::Restart(self.record.primary));
        }
    }
}
