//! Whom a fault hits: a process, an edge, every edge that leads to a process, or those between two
//! sides.

use std::collections::BTreeSet;

use super::kind::{Fault, FaultKind};
use super::parameters::Objection;
use crate::spec::Edge;

/// Stands between the sides of a partition.
const BETWEEN_SIDES: char = '|';

/// What there is to be hit.
#[derive(Clone, Debug)]
pub struct Targets<'a> {
    /// The name of the system, for messages.
    pub system: &'a str,
    pub processes: Vec<&'a str>,
    pub edges: &'a BTreeSet<Edge>,
}

impl Fault {
    /// The edges that a network fault hits; none for a fault that is done to a process.
    ///
    /// # Errors
    /// When its target is not there, or is nothing for a fault of this kind.
    pub fn edges(&self, targets: &Targets<'_>) -> Result<BTreeSet<Edge>, Objection> {
        let target = self.target.as_str();
        if !self.kind.is_of_network() {
            return targets.process(self.kind, target).map(|()| BTreeSet::new());
        }
        if self.kind == FaultKind::Partition {
            return targets.between(target);
        }
        if target.contains(BETWEEN_SIDES) {
            let text = format!("`{target}` has two sides, which is for a partition");
            return Err(Objection::new(text));
        }
        if target.contains(':') {
            return targets.edge(target).map(|edge| [edge].into());
        }
        targets.edges_to(target)
    }

    /// Every process that its target names.
    pub(crate) fn named(&self) -> impl Iterator<Item = &str> {
        self.target.split([BETWEEN_SIDES, ' ', ':']).filter(|name| !name.is_empty())
    }

    /// The processes whose trouble a system would report while the fault is in effect.
    pub(crate) fn suspects(&self) -> Vec<&str> {
        let target = self.target.as_str();
        match (self.kind, target.split_once(':')) {
            (FaultKind::Partition, _) => {
                target.split([BETWEEN_SIDES, ' ']).filter(|name| !name.is_empty()).collect()
            }
            (_, Some((_, to))) => vec![to],
            (_, None) => vec![target],
        }
    }
}

impl Targets<'_> {
    fn known(&self, name: &str) -> Result<(), Objection> {
        if self.processes.contains(&name) {
            return Ok(());
        }
        let text = format!("`{name}` is no engine or service of {}", self.system);
        Err(Objection::unknown(text, name, self.processes.iter().copied()))
    }

    fn process(&self, kind: FaultKind, target: &str) -> Result<(), Objection> {
        if target.contains([':', BETWEEN_SIDES]) {
            let text = format!("{kind} is done to a process, and `{target}` is none");
            return Err(Objection::new(text));
        }
        self.known(target)
    }

    fn edge(&self, target: &str) -> Result<Edge, Objection> {
        let edge: Edge = target.parse().map_err(|error| Objection::new(format!("{error}")))?;
        self.known(&edge.from)?;
        self.known(&edge.to)?;
        if self.edges.contains(&edge) {
            return Ok(edge);
        }
        let text = format!("`{}` does not connect to `{}`", edge.from, edge.to);
        let from_there: Vec<String> = self
            .edges
            .iter()
            .filter(|known| known.from == edge.from || known.to == edge.to)
            .map(Edge::to_string)
            .collect();
        Err(Objection::unknown(text, target, from_there.iter().map(String::as_str)))
    }

    fn edges_to(&self, process: &str) -> Result<BTreeSet<Edge>, Objection> {
        self.known(process)?;
        let edges: BTreeSet<Edge> =
            self.edges.iter().filter(|edge| edge.to == process).cloned().collect();
        if edges.is_empty() {
            let text = format!("no edge leads to `{process}`: nobody in the system connects to it");
            return Err(Objection::new(text));
        }
        Ok(edges)
    }

    fn between(&self, target: &str) -> Result<BTreeSet<Edge>, Objection> {
        let sides: Vec<Vec<&str>> =
            target.split(BETWEEN_SIDES).map(|side| side.split_whitespace().collect()).collect();
        let [left, right] = sides.as_slice() else {
            let text = format!(
                "partition needs two sides, as in `primary cache | offers`, not `{target}`"
            );
            return Err(Objection::new(text));
        };
        for name in left.iter().chain(right) {
            self.known(name)?;
        }
        if let Some(name) = left.iter().find(|name| right.contains(name)) {
            return Err(Objection::new(format!("`{name}` is on both sides of the partition")));
        }
        let is_between = |edge: &&Edge| {
            let (from, to) = (edge.from.as_str(), edge.to.as_str());
            left.contains(&from) && right.contains(&to)
                || right.contains(&from) && left.contains(&to)
        };
        let edges: BTreeSet<Edge> = self.edges.iter().filter(is_between).cloned().collect();
        if edges.is_empty() {
            let text = format!("the partition `{target}` separates nothing: no edge crosses it");
            return Err(Objection::new(text));
        }
        Ok(edges)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROCESSES: [&str; 5] = ["cache", "offers", "offers-2", "primary", "replica"];

    fn edges_of(kind: FaultKind, target: &str) -> Result<String, String> {
        let edges = [
            "offers:primary",
            "offers:replica",
            "offers-2:replica",
            "offers:cache",
            "replica:primary",
        ];
        let edges = edges.iter().map(|edge| edge.parse().unwrap()).collect();
        let targets = Targets { system: "shop", processes: PROCESSES.to_vec(), edges: &edges };
        let found = Fault::new(kind, target).edges(&targets).map_err(|error| error.to_string())?;
        Ok(found.iter().map(Edge::to_string).collect::<Vec<_>>().join(" "))
    }

    fn check(kind: FaultKind, target: &str, expected: &str) {
        assert_eq!(edges_of(kind, target).as_deref(), Ok(expected), "{kind} of {target}");
    }

    fn check_refused(kind: FaultKind, target: &str, expected: &str) {
        assert_eq!(edges_of(kind, target), Err(expected.to_owned()), "{kind} of {target}");
    }

    #[test]
    fn a_target_is_an_edge_or_every_edge_that_leads_to_a_process() {
        check(FaultKind::Cut, "offers:replica", "offers:replica");
        check(FaultKind::Latency, "replica", "offers:replica offers-2:replica");
        check(FaultKind::Stop, "replica", "");
        check(FaultKind::Isolate, "replica", "");
    }

    #[test]
    fn a_partition_cuts_what_crosses_it_whichever_way() {
        check(FaultKind::Partition, "primary | replica", "replica:primary");
        check(
            FaultKind::Partition,
            "primary cache|offers replica",
            "offers:cache offers:primary replica:primary",
        );
    }

    #[test]
    fn a_target_that_is_not_there_is_refused_with_what_was_meant() {
        let cut = |target, expected| check_refused(FaultKind::Cut, target, expected);
        cut("relpica", "`relpica` is no engine or service of shop; did you mean `replica`?");
        cut("offer:cache", "`offer` is no engine or service of shop; did you mean `offers`?");
        cut(
            "offers-2:cache",
            "`offers-2` does not connect to `cache`; did you mean `offers:cache`?",
        );
        cut("offers:", "`offers:` is no edge; write it like offers:replica");
        cut("offers", "no edge leads to `offers`: nobody in the system connects to it");
        cut("primary | cache", "`primary | cache` has two sides, which is for a partition");
        let stop = |target, expected| check_refused(FaultKind::Stop, target, expected);
        stop("offers:cache", "stop is done to a process, and `offers:cache` is none");
        let isolate = |target, expected| check_refused(FaultKind::Isolate, target, expected);
        isolate("offers:cache", "isolate is done to a process, and `offers:cache` is none");
        isolate("primary | cache", "isolate is done to a process, and `primary | cache` is none");
    }

    #[test]
    fn a_partition_that_separates_nothing_is_refused() {
        let partition = |target, expected| check_refused(FaultKind::Partition, target, expected);
        partition(
            "primary",
            "partition needs two sides, as in `primary cache | offers`, not `primary`",
        );
        partition(
            "primary | cache",
            "the partition `primary | cache` separates nothing: no edge crosses it",
        );
        partition("primary |", "the partition `primary |` separates nothing: no edge crosses it");
        partition("primary | offers primary", "`primary` is on both sides of the partition");
        partition(
            "primary | ofers",
            "`ofers` is no engine or service of shop; did you mean `offers`?",
        );
    }

    #[test]
    fn suspects_are_those_who_are_hard_to_reach() {
        let suspects = |kind, target: &str| {
            Fault::new(kind, target).suspects().iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(suspects(FaultKind::Cut, "offers:replica"), ["replica"]);
        assert_eq!(suspects(FaultKind::Stop, "primary"), ["primary"]);
        assert_eq!(
            suspects(FaultKind::Partition, "primary cache|offers"),
            ["primary", "cache", "offers"]
        );
    }
}
