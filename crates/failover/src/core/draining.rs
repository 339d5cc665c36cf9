//! A switchover before its point of no return: clients wait, and the replica receives the rest.
//!
//! Given up when it takes too long, when the primary fails in the middle (then it is a failover),
//! or when the watchdog is restarted: until the fence is journaled nothing has happened but
//! waiting.

use super::Moment;
use super::node::NodeId;
use super::position::Position;
use super::record::{Cause, Phase, Record};
use super::refusal::RefusalKind;
use super::sighting::Routing;
use super::state::Core;
use super::suspicion::Health;

/// How far a switchover has come.
#[derive(Clone, Debug)]
pub(super) struct Drain {
    began: Moment,
    /// New connections wait since then.
    paused: Option<Moment>,
    /// Connections are being ended.
    pub(super) is_closing: bool,
    /// None is left since then.
    closed: Option<Moment>,
    /// What the primary had written after that.
    goal: Option<Position>,
}

impl Drain {
    pub(super) fn new(now: Moment) -> Self {
        Self { began: now, paused: None, is_closing: false, closed: None, goal: None }
    }

    pub(super) fn note_routing(&mut self, routing: Routing, now: Moment) {
        if routing.is_paused {
            let step = if routing.ready.is_empty() { &mut self.closed } else { &mut self.paused };
            step.get_or_insert(now);
        }
    }
}

impl Core {
    pub(super) fn drain(&mut self, now: Moment, to: NodeId) {
        let primary = self.record.primary;
        if let Health::Ill(cause) = self.health(primary, now) {
            let phase = Phase::Fencing { cause, to: None };
            return self.write(now, Record { phase, ..self.record.clone() });
        }
        // A core that finds this phase in the journal did not begin it.
        let Some(mut drain) = self.drain.take() else {
            return self.give_up_switchover(now, RefusalKind::SwitchoverInterrupted);
        };
        if now.saturating_sub(drain.began) > self.options.switchover_max {
            return self.give_up_switchover(now, RefusalKind::SwitchoverTooSlow);
        }
        let report = self.nodes[primary.index()].watch.report_since(self.since);
        if let Some((began, report)) = report {
            if let Some(paused) = drain.paused {
                let is_idle = began >= paused && report.busy == 0;
                drain.is_closing |= is_idle || now >= paused + self.options.drain_max;
            }
            if drain.closed.is_some_and(|closed| began >= closed) && drain.goal.is_none() {
                drain.goal = Some(report.position.clone());
            }
        }
        let has_all = drain.goal.as_ref().is_some_and(|goal| {
            let follower = report.and_then(|(_, report)| report.follower(to));
            follower.is_some_and(|follower| follower.flushed.holds(goal))
        });
        self.drain = Some(drain);
        if has_all {
            let phase = Phase::Fencing { cause: Cause::Switchover, to: Some(to) };
            self.write(now, Record { phase, ..self.record.clone() });
        }
    }

    fn give_up_switchover(&mut self, now: Moment, why: RefusalKind) {
        self.tell_refusal(self.record.primary, why.because(""));
        self.write(now, Record { phase: Phase::Serving, ..self.record.clone() });
    }
}
