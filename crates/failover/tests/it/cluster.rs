//! A core and what it asked for, in a cluster that does at once whatever it is told: for tests of
//! single decisions.

use std::time::Duration;

use standfast_failover::core::{
    Action, Command, Core, Cover, EventKind, Follower, Input, NodeId, NodeSet, Options, Order,
    Outcome, Phase, Position, Record, RefusalKind, Report, Routing, Seen, Sighting,
};

pub(crate) const A: usize = 0;
pub(crate) const B: usize = 1;

/// A cluster of two, of which the first is primary.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) core: Core,
    pub(crate) now: Duration,
    /// What the core asked for, and nobody has answered yet.
    pub(crate) asked: Vec<Action>,
    pub(crate) events: Vec<(EventKind, String)>,
}

pub(crate) fn node(index: usize) -> NodeId {
    NodeId::new(index)
}

/// The first node serves, and the second holds everything.
pub(crate) fn covered() -> Record {
    let safe = Cover { members: NodeSet::one(node(B)), copies: 1 };
    Record { epoch: 1, phase: Phase::Serving, safe, ..Record::beginning(node(A)) }
}

pub(crate) fn at(offset: u64) -> Position {
    Position::Log { timeline: 1, offset }
}

impl Cluster {
    pub(crate) fn of(record: Record) -> Self {
        Self::with(record, Options::of(2))
    }

    pub(crate) fn with(record: Record, options: Options) -> Self {
        let now = Duration::from_secs(100_000);
        let core = Core::new(options, record, now);
        Self { core, now, asked: Vec::new(), events: Vec::new() }
    }

    pub(crate) fn tell(&mut self, input: Input) {
        for action in self.core.handle(self.now, input) {
            if let Action::Report(event) = action {
                self.events.push((event.kind, event.detail));
            } else {
                self.asked.push(action);
            }
        }
    }

    pub(crate) fn pass(&mut self, ms: u64) {
        self.now += Duration::from_millis(ms);
        self.tell(Input::Tick);
    }

    pub(crate) fn see(&mut self, index: usize, seen: Seen) {
        let sighting = Sighting { began: self.now, seen };
        self.tell(Input::Seen { node: node(index), sighting });
    }

    /// The primary as it should be: writable, followed by the other.
    pub(crate) fn primary(&self, index: usize, offset: u64) -> Report {
        let safe = self.core.record().safe;
        let follower = Follower {
            node: node(1 - index),
            flushed: at(offset),
            applied: at(offset),
            is_counted: true,
        };
        Report {
            is_writable: true,
            position: at(offset),
            enforced: Some(safe),
            followers: vec![follower],
            follows: None,
            epoch: self.core.record().epoch,
            busy: Some(0),
        }
    }

    pub(crate) fn replica(&self, of: usize, offset: u64) -> Report {
        Report {
            is_writable: false,
            enforced: None,
            followers: Vec::new(),
            follows: Some(node(of)),
            ..self.primary(of, offset)
        }
    }

    /// Both answer as they should.
    pub(crate) fn all_well(&mut self) {
        self.now += Duration::from_millis(50);
        self.see(A, Seen::Answered(self.primary(A, 10)));
        self.see(B, Seen::Answered(self.replica(A, 10)));
    }

    pub(crate) fn refuses(&self, kind: RefusalKind) -> bool {
        self.core.refusal().is_some_and(|refusal| refusal.kind == kind)
    }

    pub(crate) fn command(&mut self, command: Command) {
        self.tell(Input::Command(command));
    }

    /// Takes the oldest thing that was asked for and has a result; looks are left out.
    pub(crate) fn next(&mut self) -> Option<Action> {
        self.asked.retain(|action| !matches!(action, Action::Probe { .. }));
        (!self.asked.is_empty()).then(|| self.asked.remove(0))
    }

    pub(crate) fn answer(&mut self, action: &Action, outcome: Outcome) {
        let ticket = match action {
            Action::Journal { ticket, .. }
            | Action::Route { ticket, .. }
            | Action::Order { ticket, .. } => *ticket,
            Action::Probe { .. } | Action::Report(_) => return,
        };
        self.now += Duration::from_millis(1);
        self.tell(Input::Done { ticket, outcome });
    }

    /// Does everything that is asked for, until nothing is; answers the orders and where clients
    /// were sent, in words.
    pub(crate) fn obey(&mut self) -> Vec<String> {
        let mut done = Vec::new();
        while let Some(action) = self.next() {
            let outcome = match &action {
                Action::Order { order, .. } => {
                    done.push(words(*order));
                    match order {
                        Order::Fence(_) | Order::Retire(_) => Outcome::Fenced("gone".to_owned()),
                        Order::Seal(_) => Outcome::Sealed(at(10)),
                        Order::Start { .. }
                        | Order::Restart(_)
                        | Order::Rejoin { .. }
                        | Order::Enforce { .. }
                        | Order::Prepare(_)
                        | Order::Promote(_) => Outcome::Done,
                    }
                }
                Action::Route { routing, .. } => {
                    done.push(sent(*routing));
                    Outcome::Done
                }
                Action::Journal { .. } | Action::Probe { .. } | Action::Report(_) => Outcome::Done,
            };
            self.answer(&action, outcome);
        }
        done
    }
}

fn words(order: Order) -> String {
    let name = |node: NodeId| ["a", "b"][node.index()];
    match order {
        Order::Fence(node) => format!("fence {}", name(node)),
        Order::Retire(node) => format!("retire {}", name(node)),
        Order::Prepare(node) => format!("prepare {}", name(node)),
        Order::Start { node, .. } => format!("start {}", name(node)),
        Order::Restart(node) => format!("restart {}", name(node)),
        Order::Rejoin { node, .. } => format!("rejoin {}", name(node)),
        Order::Enforce { cover, .. } => format!("enforce {:?}", cover.members),
        Order::Seal(node) => format!("seal {}", name(node)),
        Order::Promote(node) => format!("promote {}", name(node)),
    }
}

fn sent(routing: Routing) -> String {
    match routing.ready.iter().next() {
        None => "clients wait".to_owned(),
        Some(node) if routing.is_paused => format!("new clients wait for {}", node.index()),
        Some(node) => format!("clients go to {}", ["a", "b"][node.index()]),
    }
}
