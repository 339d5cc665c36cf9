//! Whether the faults of a timeline can be done, and do not get in each other's way.

use std::collections::{BTreeMap, BTreeSet};

use super::super::document::steps;
use super::super::system::Edge;
use super::super::units::format_duration;
use super::check::{Check, LEFT_OUT};
use super::file::TimedFaultFile;
use super::trigger::WrittenTrigger;
use super::{TimedFault, Trigger};
use crate::fault::{Fault, FaultKind, Targets};

/// A fault of the timeline, and where it stands in the file.
struct Placed {
    index: usize,
    timed: TimedFault,
    /// Those that a network fault hits; none when its target is wrong.
    edges: BTreeSet<Edge>,
}

impl Placed {
    /// Whether it does the same thing to the same place before the other one is over. Different
    /// network faults on one edge add up, and a process can be paused behind a link that is cut.
    fn conflicts(&self, later: &Self) -> bool {
        let (own, other) = (&self.timed.fault, &later.timed.fault);
        let is_in_the_way = match (own.kind.is_of_network(), other.kind.is_of_network()) {
            (true, true) => own.kind == other.kind && !self.edges.is_disjoint(&later.edges),
            // Who is started by hand was down before.
            (false, false) => own.target == other.target && other.kind != FaultKind::StartByHand,
            (true, false) | (false, true) => false,
        };
        let take_turns = self.takes_turns() && later.takes_turns();
        is_in_the_way && !take_turns && self.timed.latest() >= later.timed.at
    }

    /// Whether it waits for an event, and for another one that waits and has its process.
    fn takes_turns(&self) -> bool {
        self.timed.trigger.is_some() && self.timed.fault.kind.is_of_process()
    }
}

impl Check<'_, '_> {
    /// Reads the timeline, and answers all edges that it touches.
    pub(super) fn timeline(
        &mut self,
        environment: &BTreeMap<String, BTreeMap<String, String>>,
    ) -> BTreeSet<Edge> {
        let known = self.system.edges_given(environment);
        let targets = Targets {
            system: &self.system.name,
            processes: self.system.processes().collect(),
            edges: &known,
        };
        let faults: Vec<(usize, TimedFaultFile)> =
            self.document.read_list("timeline", self.problems);
        let mut placed = Vec::new();
        for (index, timed) in faults {
            let edges = self.fault(index, &timed.fault, &targets);
            let timed = self.timed(index, timed);
            placed.push(Placed { index, timed, edges });
        }
        placed.sort_by_key(|placed| placed.timed.at);
        self.conflicts(&placed);
        let touched = placed.iter().flat_map(|placed| placed.edges.clone()).collect();
        self.timeline = placed.into_iter().map(|placed| placed.timed).collect();
        touched
    }

    fn timed(&mut self, index: usize, file: TimedFaultFile) -> TimedFault {
        let (at, end) = self.window("timeline", index, Some(file.at), file.length);
        let TimedFaultFile { fault, within, length, .. } = file;
        let Some(pattern) = file.after else {
            if within.is_some() {
                let line = self.document.line(steps!["timeline", index, "within"]);
                self.problems.report(line, "`within` is how long `after` is waited for: add that");
            }
            let until = (length.is_some() || fault.kind.lasts()).then_some(end);
            return TimedFault { at, fault, until, trigger: None };
        };
        let trigger = self.trigger(WrittenTrigger { index, at, pattern, within, length });
        let Trigger { within, length, .. } = trigger;
        let until = match length {
            Some(length) => Some(at + within + length),
            None => fault.kind.lasts().then_some(end),
        };
        TimedFault { at, fault, until, trigger: Some(trigger) }
    }

    fn fault(&mut self, index: usize, fault: &Fault, targets: &Targets<'_>) -> BTreeSet<Edge> {
        let target = self.document.line(steps!["timeline", index, "fault", "target"]);
        if let Some(name) = self.left_out(fault.named()) {
            self.problems.report(target, format!("`{name}` is {LEFT_OUT}"));
            return BTreeSet::new();
        }
        let line = self.document.line(steps!["timeline", index, "fault"]);
        for objection in fault.parameter_objections() {
            self.problems.push(line, objection.text, objection.suggestion);
        }
        let edges = match fault.edges(targets) {
            Ok(edges) => edges,
            Err(objection) => {
                self.problems.push(target, objection.text, objection.suggestion);
                return BTreeSet::new();
            }
        };
        if let Some(why) = fault.objection(self.system) {
            let text = format!("cannot {} `{}`: {why}", fault.kind, fault.target);
            self.problems.report(line, text);
        }
        edges
    }

    fn conflicts(&mut self, placed: &[Placed]) {
        for (position, later) in placed.iter().enumerate() {
            let earlier = placed[..position].iter().find(|earlier| earlier.conflicts(later));
            if let Some(earlier) = earlier {
                let line = self.document.line(steps!["timeline", later.index]);
                let mut text = format!(
                    "{} begins while the {} of {} is not over",
                    later.timed.fault,
                    earlier.timed.fault,
                    format_duration(earlier.timed.at)
                );
                if earlier.timed.trigger.is_some() {
                    let latest = format_duration(earlier.timed.latest());
                    text = format!("{text}; it may last until {latest}");
                }
                self.problems.report(line, text);
            }
        }
    }
}
