//! A cluster, its router, its disk and its watchdog, in simulated time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use standfast_failover::core::{
    Action, Copies, Core, Cover, Input, NodeId, NodeSet, Options, Outcome, Phase, Record, Routing,
    Sabotage, Ticket,
};

use super::dice::Dice;
use super::server::{Server, Write};

/// Microseconds of a millisecond: simulated time counts in microseconds.
pub(super) const MS: u64 = 1000;

/// What happens at some time.
#[derive(Clone, Debug)]
pub(super) enum Happening {
    Client,
    Deliver { to: NodeId },
    Confirm { primary: NodeId, replica: NodeId, length: usize, incarnation: u32 },
    Pump,
    Look { node: NodeId },
    LookEnds { node: NodeId, began: u64, watchdog: u32 },
    Tell { input: Box<Input>, watchdog: u32 },
    Tick { watchdog: u32 },
    Perform { action: Box<Action>, watchdog: u32 },
    Answer { ticket: Ticket, outcome: Outcome, watchdog: u32 },
    WatchdogStarts,
    Fault(super::faults::Fault),
    Heal,
}

#[derive(Debug)]
pub(super) struct World {
    pub(super) dice: Dice,
    pub(super) now: u64,
    queue: BinaryHeap<Reverse<(u64, usize)>>,
    happenings: Vec<Option<Happening>>,
    pub(super) servers: Vec<Server>,
    pub(super) routing: Routing,
    pub(super) is_router_up: bool,
    pub(super) disk: Record,
    pub(super) core: Option<Core>,
    pub(super) options: Options,
    /// Which watchdog it is: answers to another are not heard.
    pub(super) watchdog: u32,
    pub(super) watchdog_frozen_until: u64,
    /// The watchdog dies right after asking for this many things.
    pub(super) actions_left: Option<u32>,
    pub(super) opens_closed: bool,
    /// Chances, in percent, that the next thing goes wrong.
    pub(super) failure_chance: u64,
    pub(super) acked: Vec<Write>,
    pub(super) writes: u32,
    pub(super) breach: Option<String>,
    pub(super) trace: Option<Vec<String>>,
}

impl World {
    pub(super) fn new(seed: u64, sabotage: Option<Sabotage>, is_traced: bool) -> Self {
        let mut dice = Dice::of(seed);
        let nodes = if dice.percent(60) { 2 } else { 3 };
        let mut options = Options::of(nodes);
        options.sabotage = sabotage.into_iter().collect();
        options.copies = if dice.percent(50) { Copies::All } else { Copies::One };
        options.failovers_max = 8;
        options.rebuild_after = Duration::from_secs(5);
        let mut servers = vec![Server::of(nodes); nodes];
        for server in &mut servers[1..] {
            (server.is_standby, server.follows) = (true, Some(NodeId::new(0)));
        }
        let opens_closed = dice.percent(30);
        let mut disk = Record::beginning(NodeId::new(0));
        if dice.percent(80) {
            let members = NodeSet::first(nodes).without(NodeId::new(0));
            let safe = Cover::by(members, options.copies);
            (disk.epoch, disk.phase, disk.safe) = (1, Phase::Serving, safe);
            servers[0].enforced = safe;
        } else {
            servers[0].is_closed = opens_closed;
        }
        Self {
            dice,
            now: 0,
            queue: BinaryHeap::new(),
            happenings: Vec::with_capacity(1024),
            servers,
            routing: Routing::default(),
            is_router_up: true,
            disk,
            core: None,
            options,
            watchdog: 0,
            watchdog_frozen_until: 0,
            actions_left: None,
            opens_closed,
            failure_chance: 0,
            acked: Vec::new(),
            writes: 0,
            breach: None,
            trace: is_traced.then(Vec::new),
        }
    }

    pub(super) fn schedule(&mut self, after: u64, happening: Happening) {
        self.queue.push(Reverse((self.now + after, self.happenings.len())));
        self.happenings.push(Some(happening));
    }

    pub(super) fn schedule_between(&mut self, low: u64, high: u64, happening: Happening) {
        let after = self.dice.between(low, high);
        self.schedule(after, happening);
    }

    /// The next thing that happens, and the time is then.
    pub(super) fn next(&mut self) -> Option<Happening> {
        let Reverse((at, index)) = self.queue.pop()?;
        self.now = at;
        self.happenings[index].take()
    }

    pub(super) fn moment(&self) -> Duration {
        Duration::from_micros(self.now)
    }

    pub(super) fn is_current(&self, watchdog: u32) -> bool {
        self.watchdog == watchdog && self.core.is_some()
    }

    /// Tells the core, and schedules what it asks for.
    pub(super) fn tell(&mut self, input: Input) {
        let now = self.moment();
        let Some(core) = &mut self.core else { return };
        if self.trace.is_some() && !matches!(input, Input::Tick) {
            let line = format!("{:>9} <- {input:?}", self.now);
            self.trace.get_or_insert_default().push(line);
        }
        let actions = core.handle(now, input);
        for action in actions {
            self.note(|| format!("-> {action:?}"));
            self.ask(action);
            if let Some(left) = &mut self.actions_left {
                *left -= 1;
                if *left == 0 {
                    self.actions_left = None;
                    self.stop_watchdog();
                    return;
                }
            }
        }
    }

    pub(super) fn stop_watchdog(&mut self) {
        if self.core.take().is_some() {
            self.note(|| "watchdog dies".to_owned());
            self.watchdog += 1;
            self.schedule_between(5 * MS, 300 * MS, Happening::WatchdogStarts);
        }
    }

    pub(super) fn start_watchdog(&mut self) {
        let disk = self.disk.clone();
        self.note(|| format!("watchdog starts, {disk:?}"));
        self.core = Some(Core::new(self.options.clone(), disk, self.moment()));
        let watchdog = self.watchdog;
        self.schedule(0, Happening::Tick { watchdog });
        self.tell(Input::RouterSeen(self.routing));
        for index in 0..self.servers.len() {
            self.look(NodeId::new(index));
        }
    }

    pub(super) fn look(&mut self, node: NodeId) {
        let (began, watchdog) = (self.now, self.watchdog);
        self.schedule_between(100, 2 * MS, Happening::LookEnds { node, began, watchdog });
    }

    pub(super) fn note(&mut self, line: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{:>9} {}", self.now, line()));
        }
    }

    /// Remembers the first thing that must not be.
    pub(super) fn breach(&mut self, what: impl FnOnce() -> String) {
        if self.breach.is_none() {
            let what = what();
            self.note(|| format!("BREACH {what}"));
            self.breach = Some(what);
        }
    }
}
