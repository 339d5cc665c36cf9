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
use super::action::EventKind;
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
    /// Connections are being ended, since then and for this reason.
    closing: Option<(Moment, Parting)>,
    /// None is left since then.
    closed: Option<Moment>,
    /// What the primary had written after that.
    goal: Option<Position>,
}

impl Drain {
    pub(super) fn new(now: Moment) -> Self {
        Self { began: now, paused: None, sessions: None, closing: None, closed: None, goal: None }
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

    pub(super) fn is_closing(&self) -> bool {
        self.closing.is_some()
    }

    /// Is it time to end the connections that are left, and why?
    fn is_over(
        &self,
        now: Moment,
        options: &Options,
        report: Option<(Moment, &Report)>,
    ) -> Option<Parting> {
        let paused = self.paused?;
        let rested = paused + options.drain_rest;
        let is_idle =
            report.is_some_and(|(began, report)| began >= rested && report.busy == Some(0));
        if self.sessions == Some(0) {
            Some(Parting::Gone)
        } else if is_idle {
            Some(Parting::Idle)
        } else {
            (now >= paused + options.drain_max).then_some(Parting::CutOff)
        }
    }

    /// What took how long, in milliseconds since it began.
    fn story(&self, now: Moment) -> String {
        let ms = |moment: Moment| moment.saturating_sub(self.began).as_millis();
        let parting = self.closing.map(|(at, parting)| match parting {
            Parting::Gone => format!("clients went by themselves by {} ms", ms(at)),
            Parting::Idle => format!("idle sessions were closed at {} ms", ms(at)),
            Parting::CutOff => {
                let left = self.sessions.unwrap_or_default();
                format!("{left} sessions were cut off at {} ms", ms(at))
            }
        });
        let closed = self.closed.map(ms).unwrap_or_default();
        let parting = parting.unwrap_or_default();
        format!("{parting}, none was left at {closed} ms, the replica had all at {} ms", ms(now))
    }
}

/// How the last clients of an old primary go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Parting {
    /// By themselves.
    Gone,
    /// Their sessions are closed, while none does anything.
    Idle,
    /// Their sessions are closed, in the middle of something.
    CutOff,
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
        if drain.closing.is_none() {
            drain.closing = drain.is_over(now, &self.options, report).map(|parting| (now, parting));
        }
        if let Some((began, report)) = report
            && let Some(closed) = drain.closed.filter(|closed| began >= *closed)
            && drain.goal.is_none()
            // What was cut off is undone, or done, by then.
            && (report.busy == Some(0) || now >= closed + self.options.drain_max)
        {
            drain.goal = Some(report.position.clone());
        }
        let has_all = drain.goal.as_ref().is_some_and(|goal| {
            let follower = report.and_then(|(_, report)| report.follower(to));
            // What it has not applied yet, its promotion would wait for.
            follower.is_some_and(|follower| follower.applied.holds(goal))
        });
        let story = has_all.then(|| drain.story(now));
        self.drain = Some(drain);
        if let Some(story) = story {
            self.tell(EventKind::Drained, primary, story);
            let phase = Phase::Fencing { cause: Cause::Switchover, to: Some(to) };
            self.write(now, Record { phase, ..self.record.clone() });
        }
    }

    fn give_up_switchover(&mut self, now: Moment, why: RefusalKind) {
        self.tell_refusal(self.record.primary, why.because(""));
        self.write(now, Record { phase: Phase::Serving, ..self.record.clone() });
    }
}
