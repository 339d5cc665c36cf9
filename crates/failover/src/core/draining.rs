//! A switchover before its point of no return: clients wait, and the replica receives the rest.
//!
//! New connections wait from its beginning. Those that are there end by themselves where clients
//! take one for each request: then nobody is cut off. Sessions of pools never end, so they are
//! closed when no transaction runs, or when one runs for too long.
//!
//! Given up when it takes too long, when the primary fails in the middle (then it is a failover),
//! or when the watchdog is restarted: until the fence is journaled nothing has happened but
//! waiting.

use super::Moment;
use super::node::NodeId;
use super::options::Options;
use super::position::Position;
use super::record::{Cause, Phase, Record};
use super::refusal::RefusalKind;
use super::sighting::{Report, Routing};
use super::state::Core;
use super::suspicion::Health;

/// How far a switchover has come.
#[derive(Clone, Debug)]
pub(super) struct Drain {
    began: Moment,
    /// New connections wait since then.
    paused: Option<Moment>,
    /// Of clients, that were left after that.
    sessions: Option<u32>,
    /// Connections are being ended.
    pub(super) is_closing: bool,
    /// None is left since then.
    closed: Option<Moment>,
    /// What the primary had written after that.
    goal: Option<Position>,
}

impl Drain {
    pub(super) fn new(now: Moment) -> Self {
        Self {
            began: now,
            paused: None,
            sessions: None,
            is_closing: false,
            closed: None,
            goal: None,
        }
    }

    pub(super) fn note_routing(&mut self, routing: Routing, now: Moment) {
        if routing.is_paused {
            let step = if routing.ready.is_empty() { &mut self.closed } else { &mut self.paused };
            step.get_or_insert(now);
        }
    }

    pub(super) fn note_sessions(&mut self, began: Moment, count: u32) {
        if self.paused.is_some_and(|paused| began >= paused) {
            self.sessions = Some(count);
        }
    }

    /// Is it time to end the connections that are left?
    fn is_over(&self, now: Moment, options: &Options, report: Option<(Moment, &Report)>) -> bool {
        let Some(paused) = self.paused else { return false };
        let rested = paused + options.drain_rest;
        let is_idle = report.is_some_and(|(began, report)| began >= rested && report.busy == 0);
        self.sessions == Some(0) || is_idle || now >= paused + options.drain_max
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
        drain.is_closing |= drain.is_over(now, &self.options, report);
        if let Some((began, report)) = report
            && let Some(closed) = drain.closed.filter(|closed| began >= *closed)
            && drain.goal.is_none()
            // What was cut off is undone, or done, by then.
            && (report.busy == 0 || now >= closed + self.options.drain_max)
        {
            drain.goal = Some(report.position.clone());
        }
        let has_all = drain.goal.as_ref().is_some_and(|goal| {
            let follower = report.and_then(|(_, report)| report.follower(to));
            // What it has not applied yet, its promotion would wait for.
            follower.is_some_and(|follower| follower.applied.holds(goal))
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
