//! What a watchdog tells of its cluster: the answer to a question for its status.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::{EventLine, Watchdog};
use crate::core::{
    Core, Health, Moment, NodeId, NodeSet, Order, Phase, Position, Refusal, RefusalKind, Report,
    Routing,
};

/// More events than these are in the log of whoever runs the watchdog.
const EVENTS_KEPT: usize = 50;

/// A cluster as its watchdog sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// Always true: what tells it from a refused question.
    pub ok: bool,
    pub cluster: String,
    pub epoch: u64,
    pub primary: String,
    /// Its nodes are numbers: places in `nodes`.
    pub phase: Phase,
    /// Who holds every acknowledged write.
    pub safe: Vec<String>,
    /// On how many of them each write is at least.
    pub copies: u8,
    /// Who was proved dead and is not back, and how that was seen.
    pub fenced: BTreeMap<String, String>,
    /// Clients are sent to the primary.
    pub routed: bool,
    /// Nothing is under way, and nobody is missing.
    pub settled: bool,
    /// Why it does not do what one might expect.
    pub refusal: Option<Refusal>,
    pub nodes: Vec<NodeStatus>,
    /// `None` when the router cannot be asked.
    pub router: Option<RouterStatus>,
    /// What happened last, oldest first.
    pub events: Vec<Happened>,
}

/// One server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeStatus {
    pub name: String,
    pub address: String,
    /// `well`, `unknown`, or of what it is ill.
    pub health: String,
    /// Does it take writes? As it said last.
    pub writable: Option<bool>,
    /// What it holds, in the words of its engine.
    pub position: Option<String>,
    /// How far behind the primary: bytes of log, or transactions; `None` when that has no meaning.
    pub behind: Option<u64>,
    /// Whose log it receives.
    pub follows: Option<String>,
    /// How long ago it said so.
    pub seen_ms: Option<u64>,
    /// What was ordered for it and is not done.
    pub under_way: Vec<String>,
}

/// The router.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouterStatus {
    /// Who gets new connections.
    pub ready: Vec<String>,
    /// New connections wait.
    pub paused: bool,
}

/// An event, and when it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Happened {
    /// Counts from the start of the watchdog.
    pub number: u64,
    /// Milliseconds since 1970.
    pub at_ms: u64,
    pub event: String,
    pub node: String,
    pub epoch: u64,
    pub detail: String,
    /// What is refused, when that is what happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<RefusalKind>,
}

/// The last events.
#[derive(Debug, Default)]
pub(super) struct Chronicle {
    events: VecDeque<Happened>,
    count: u64,
}

impl Chronicle {
    pub(super) fn note(&mut self, now: Moment, line: &EventLine) {
        self.count += 1;
        let text = |key: &str| line.fields.get(key).and_then(|value| value.as_str());
        self.events.push_back(Happened {
            number: self.count,
            at_ms: whole_ms(now),
            event: line.event.to_owned(),
            node: line.node.clone(),
            epoch: line.fields.get("epoch").and_then(serde_json::Value::as_u64).unwrap_or(0),
            detail: text("detail").unwrap_or_default().to_owned(),
            refusal: line.refusal,
        });
        if self.events.len() > EVENTS_KEPT {
            self.events.pop_front();
        }
    }
}

/// What a watchdog tells besides what its core knows.
#[derive(Debug)]
pub(super) struct Surroundings<'a> {
    pub(super) chronicle: &'a Chronicle,
    /// A router that gives no answer may do anything.
    pub(super) is_router_heard: bool,
}

impl Watchdog {
    pub(super) fn status(&self, core: &Core, seen: &Surroundings, now: Moment) -> Status {
        let record = core.record();
        let fenced = record.fenced.iter();
        let nodes = (0..self.databases.len()).map(NodeId::new);
        Status {
            ok: true,
            cluster: self.cluster.clone(),
            epoch: record.epoch,
            primary: self.members.name(record.primary).to_owned(),
            phase: record.phase,
            safe: self.names(record.safe.members),
            copies: record.safe.copies,
            fenced: fenced
                .map(|(node, evidence)| (self.members.name(*node).to_owned(), evidence.clone()))
                .collect(),
            routed: core.is_routed() && seen.is_router_heard,
            settled: core.is_settled() && seen.is_router_heard,
            refusal: core.refusal().cloned(),
            nodes: nodes.map(|node| self.node(core, node, now)).collect(),
            router: core
                .routing()
                .filter(|_| seen.is_router_heard)
                .map(|routing| self.router_status(routing)),
            events: seen.chronicle.events.iter().cloned().collect(),
        }
    }

    fn names(&self, nodes: NodeSet) -> Vec<String> {
        nodes.iter().map(|node| self.members.name(node).to_owned()).collect()
    }

    fn router_status(&self, routing: Routing) -> RouterStatus {
        RouterStatus { ready: self.names(routing.ready), paused: routing.is_paused }
    }

    fn node(&self, core: &Core, node: NodeId, now: Moment) -> NodeStatus {
        let view = core.view(node, now);
        let report = view.report.map(|(_, report)| report);
        let primary = core.view(core.record().primary, now).report.map(|(_, report)| report);
        let ahead = primary.filter(|_| node != core.record().primary);
        let behind = |report: &Report| report.position.behind(&ahead?.position);
        NodeStatus {
            name: self.members.name(node).to_owned(),
            address: self.members.address(node).to_string(),
            health: match view.health {
                Health::Unknown => "unknown".to_owned(),
                Health::Well => "well".to_owned(),
                Health::Ill(cause) => cause.name().to_owned(),
            },
            writable: report.map(|report| report.is_writable),
            position: report.map(|report| text(&report.position)),
            behind: report.and_then(behind),
            follows: report
                .and_then(|report| report.follows)
                .map(|whom| self.members.name(whom).to_owned()),
            seen_ms: view.report.map(|(began, _)| whole_ms(now.saturating_sub(began))),
            under_way: view.under_way.into_iter().map(|order| verb(order).to_owned()).collect(),
        }
    }
}

/// A position as people compare it with what their engine shows.
fn text(position: &Position) -> String {
    match position {
        Position::Log { timeline, offset } => {
            format!("{:X}/{:X} on timeline {timeline}", offset >> 32, offset & 0xffff_ffff)
        }
        Position::Domains(domains) => {
            let last = |(domain, last): (&u32, &u64)| format!("{domain}:{last}");
            domains.iter().map(last).collect::<Vec<_>>().join(",")
        }
        Position::Transactions(transactions) => transactions.to_string(),
    }
}

fn verb(order: Order) -> &'static str {
    match order {
        Order::Fence(_) => "fence",
        Order::Retire(_) => "retire",
        Order::Prepare(_) => "prepare",
        Order::Start { .. } => "start",
        Order::Restart(_) => "restart",
        Order::Rejoin { .. } => "rejoin",
        Order::Enforce { .. } => "enforce",
        Order::Seal(_) => "seal",
        Order::Promote(_) => "promote",
    }
}

fn whole_ms(time: Moment) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_reads_as_its_engine_writes_it() {
        let log = Position::Log { timeline: 2, offset: 0x1_0000_00ab };
        assert_eq!(text(&log), "1/AB on timeline 2");
        let domains = Position::Domains([(0, 7), (3, 9)].into());
        assert_eq!(text(&domains), "0:7,3:9");
    }

    #[test]
    fn only_the_last_events_are_kept_and_none_has_the_number_of_another() {
        let mut chronicle = Chronicle::default();
        let fields = serde_json::json!({ "epoch": 3, "detail": "gone" });
        let fields = fields.as_object().cloned().unwrap_or_default();
        let line = EventLine { event: "detected", node: "a".to_owned(), fields, refusal: None };
        for second in 0..=EVENTS_KEPT as u64 {
            chronicle.note(Moment::from_secs(second), &line);
        }
        assert_eq!(chronicle.events.len(), EVENTS_KEPT);
        let (first, last) = (&chronicle.events[0], chronicle.events.back().unwrap());
        assert_eq!((first.number, last.number), (2, EVENTS_KEPT as u64 + 1));
        assert_eq!((last.at_ms, last.epoch, last.detail.as_str()), (50_000, 3, "gone"));
    }
}
