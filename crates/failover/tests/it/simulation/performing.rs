//! What a watchdog's actions do to the cluster, and when they are answered: late, out of order,
//! sometimes not at all.

use standfast_failover::actuator::wire::Rejoining;
use standfast_failover::core::Follower;
use standfast_failover::core::{
    Action, Input, NodeId, Order, Outcome, Position, Report, Routing, Seen, Sighting, invariants,
};
use std::time::Duration;

use super::world::{Happening, MS, World};

impl World {
    /// Schedules what the core asked for.
    pub(super) fn ask(&mut self, action: Action) {
        // A core that is sabotaged is to be caught by what happens, not by what it says.
        if self.options.sabotage.is_empty()
            && let Some(core) = &self.core
            && let Err(breach) = invariants::check(core.record(), &action)
        {
            self.breach(|| breach.to_string());
        }
        let after = match &action {
            Action::Report(_) => return,
            Action::Probe { node } => return self.look(*node),
            Action::Journal { .. } => self.dice.between(MS, 15 * MS),
            Action::Route { .. } => self.dice.between(MS / 2, 10 * MS),
            Action::Order { order, .. } => {
                let work = match order {
                    Order::Fence(_) | Order::Retire(_) => self.dice.between(2 * MS, 80 * MS),
                    Order::Prepare(_) => self.dice.between(MS, 200 * MS),
                    Order::Start { .. } | Order::Restart(_) => self.dice.between(5 * MS, 60 * MS),
                    Order::Rejoin { .. } => self.dice.between(20 * MS, 500 * MS),
                    Order::Enforce { .. } => self.dice.between(MS, 90 * MS),
                    Order::Seal(_) => self.dice.between(MS, 20 * MS),
                    Order::Promote(_) => self.dice.between(5 * MS, 200 * MS),
                };
                if order.is_of_process() {
                    // An actuator does one thing at a time with a node, whoever asked.
                    let node = order.node().index();
                    let begin = self.servers[node].actuator_busy_until.max(self.now);
                    self.servers[node].actuator_busy_until = begin + work;
                    begin + work - self.now
                } else {
                    work
                }
            }
        };
        let watchdog = self.watchdog;
        self.schedule(after, Happening::Perform { action: Box::new(action), watchdog });
    }

    pub(super) fn perform(&mut self, action: Action, watchdog: u32) {
        let fails = self.dice.percent(self.failure_chance);
        let (ticket, outcome) = match action {
            Action::Journal { ticket, record } => {
                // A dead watchdog's write has happened or not: a torn file is never renamed.
                let is_lost = !self.is_current(watchdog);
                if (is_lost || fails) && self.dice.percent(50) {
                    (ticket, Outcome::Failed("no room".to_owned()))
                } else {
                    if is_lost && self.core.is_some() {
                        return;
                    }
                    self.disk = record;
                    self.judge_disk();
                    let failed = Outcome::Failed("fsync".to_owned());
                    (ticket, if fails { failed } else { Outcome::Done })
                }
            }
            Action::Route { ticket, routing } => {
                if !self.is_router_up || fails {
                    (ticket, Outcome::Failed("no router".to_owned()))
                } else if self.is_current(watchdog) {
                    self.routing = routing;
                    (ticket, Outcome::Done)
                } else {
                    return;
                }
            }
            Action::Order { ticket, order } => {
                let is_stale = !self.is_current(watchdog) && self.core.is_some();
                // A successor ends its predecessor's sessions before it opens its own.
                if is_stale && !order.is_of_process() {
                    return;
                }
                if fails && self.dice.percent(50) {
                    (ticket, Outcome::Failed("it did not work".to_owned()))
                } else {
                    let outcome = self.carry_out(order);
                    self.note(|| format!("   {order:?}: {outcome:?}"));
                    let is_unheard = fails && !matches!(order, Order::Rejoin { .. });
                    let unheard = Outcome::Failed("no answer".to_owned());
                    (ticket, if is_unheard { unheard } else { outcome })
                }
            }
            Action::Probe { .. } | Action::Report(_) => return,
        };
        let after = if self.dice.percent(10) {
            self.dice.between(MS, 100 * MS)
        } else {
            self.dice.between(0, MS)
        };
        self.schedule(after, Happening::Answer { ticket, outcome, watchdog });
    }

    fn carry_out(&mut self, order: Order) -> Outcome {
        let (node, now) = (order.node(), self.now);
        let server = &mut self.servers[node.index()];
        if !order.is_of_process() && !server.is_ready(now) {
            return Outcome::Failed("it does not answer".to_owned());
        }
        match order {
            Order::Prepare(_) => Outcome::Done,
            Order::Fence(_) | Order::Retire(_) => {
                server.kill();
                server.is_standby = true;
                server.follows = None;
                Outcome::Fenced("gone".to_owned())
            }
            Order::Start { follow, .. } => {
                if follow.is_some() && server.is_standby {
                    server.follows = follow;
                }
                self.start(node);
                Outcome::Done
            }
            Order::Restart(_) => {
                server.kill();
                server.is_standby = false;
                self.start(node);
                Outcome::Done
            }
            Order::Rejoin { from, .. } => self.rejoin(node, from),
            Order::Enforce { cover, .. } => {
                server.enforced = cover;
                self.release(node);
                Outcome::Done
            }
            Order::Seal(_) => {
                server.follows = None;
                Outcome::Sealed(server.position())
            }
            Order::Promote(_) => {
                if server.is_standby {
                    server.timeline += 1;
                    server.waiting.clear();
                }
                (server.is_standby, server.is_closed, server.follows) = (false, false, None);
                self.judge_writers();
                Outcome::Done
            }
        }
    }

    /// Starts a process on what is in the folder.
    pub(super) fn start(&mut self, node: NodeId) {
        let recovery = self.dice.between(MS, 150 * MS);
        let (now, opens_closed) = (self.now, self.opens_closed);
        let server = &mut self.servers[node.index()];
        if !server.is_up {
            server.is_up = true;
            server.incarnation += 1;
            server.ready_at = now + recovery;
            server.is_closed = opens_closed && !server.is_standby;
            server.confirmed.fill(0);
        }
        self.judge_writers();
    }

    fn rejoin(&mut self, node: NodeId, from: NodeId) -> Outcome {
        let now = self.now;
        let source = self.servers[from.index()].clone();
        let server = &mut self.servers[node.index()];
        if server.is_up {
            return Outcome::Failed("it runs".to_owned());
        }
        if !source.is_ready(now) || server.is_cut || source.is_cut {
            // Died half-way: what was in the folder is of no use any more.
            server.log.clear();
            return Outcome::Failed("its source went away".to_owned());
        }
        (server.log, server.timeline) = (source.log, source.timeline);
        (server.is_standby, server.follows) = (true, Some(from));
        self.start(node);
        for other in &mut self.servers {
            other.confirmed[node.index()] = 0;
        }
        self.judge_copies("a node was set up anew");
        Outcome::Rejoined(Rejoining::Rewound)
    }

    pub(super) fn end_look(&mut self, node: NodeId, began: u64, watchdog: u32) {
        let server = &self.servers[node.index()];
        let (mut after, seen) = if !server.is_up {
            (0, Seen::Refused)
        } else if server.is_frozen {
            (750 * MS, Seen::TimedOut)
        } else if self.now < server.ready_at {
            (0, Seen::Unready)
        } else {
            (0, Seen::Answered(self.report(node)))
        };
        if self.dice.percent(10) {
            after += self.dice.between(0, 120 * MS);
        }
        let sighting = Sighting { began: Duration::from_micros(began), seen };
        let input = Box::new(Input::Seen { node, sighting });
        self.schedule(after, Happening::Tell { input, watchdog });
    }

    fn report(&self, node: NodeId) -> Report {
        let server = &self.servers[node.index()];
        let others = (0..self.servers.len()).map(NodeId::new).filter(|other| *other != node);
        let followers = others
            .filter(|other| self.is_streaming(*other) == Some(node))
            .map(|other| {
                let flushed = Position::Log {
                    timeline: server.timeline,
                    offset: server.confirmed[other.index()] as u64,
                };
                let applied = flushed.clone();
                Follower { node: other, flushed, applied, is_counted: true }
            })
            .collect();
        Report {
            is_writable: server.is_open(),
            position: server.position(),
            enforced: Some(server.enforced),
            followers,
            follows: self.is_streaming(node),
            epoch: 0,
            busy: Some(server.waiting.len() as u32),
        }
    }

    /// Whose log a replica receives: connected, and on the same history.
    pub(super) fn is_streaming(&self, replica: NodeId) -> Option<NodeId> {
        let server = &self.servers[replica.index()];
        let primary = server.follows?;
        let source = &self.servers[primary.index()];
        let is_linked = server.is_up && server.is_standby && !server.is_cut && !source.is_cut;
        let is_served = source.is_up && self.now >= source.ready_at.max(server.ready_at);
        (is_linked && is_served && source.extends(server) && source.timeline >= server.timeline)
            .then_some(primary)
    }

    pub(super) fn deliver(&mut self, replica: NodeId) {
        let Some(primary) = self.is_streaming(replica) else { return };
        if self.servers[replica.index()].is_frozen || self.servers[primary.index()].is_frozen {
            return;
        }
        let source = &self.servers[primary.index()];
        let (timeline, incarnation) = (source.timeline, source.incarnation);
        let have = self.servers[replica.index()].log.len();
        let missing = self.servers[primary.index()].log[have..].to_vec();
        let take = if missing.is_empty() { 0 } else { self.dice.index(missing.len()) + 1 };
        let server = &mut self.servers[replica.index()];
        server.log.extend(&missing[..take]);
        server.timeline = timeline;
        let length = server.log.len();
        let confirm = Happening::Confirm { primary, replica, length, incarnation };
        self.schedule_between(100, 2 * MS, confirm);
        if take < missing.len() {
            self.schedule_between(100, 3 * MS, Happening::Deliver { to: replica });
        }
    }

    pub(super) fn confirm(
        &mut self,
        primary: NodeId,
        replica: NodeId,
        length: usize,
        incarnation: u32,
    ) {
        let server = &mut self.servers[primary.index()];
        if server.incarnation != incarnation || !server.is_up {
            return;
        }
        if server.is_frozen {
            // It lies in a buffer until the primary thaws.
            let confirm = Happening::Confirm { primary, replica, length, incarnation };
            return self.schedule(20 * MS, confirm);
        }
        let confirmed = &mut server.confirmed[replica.index()];
        *confirmed = (*confirmed).max(length);
        self.release(primary);
    }

    pub(super) fn release(&mut self, primary: NodeId) {
        for write in self.servers[primary.index()].released() {
            self.acked.push(write);
            self.judge_ack(write);
        }
    }

    /// A client writes to whomever the router names.
    pub(super) fn write(&mut self) {
        let Some(node) = self.routing.ready.iter().next().filter(|_| self.is_router_up) else {
            return;
        };
        self.write_to(node);
    }

    pub(super) fn write_to(&mut self, node: NodeId) {
        let now = self.now;
        let server = &mut self.servers[node.index()];
        if server.is_frozen {
            server.unread += 1;
            return;
        }
        if !server.is_ready(now) || !server.is_open() {
            return;
        }
        self.writes += 1;
        server.append(self.writes);
        self.judge_write(node);
        self.release(node);
        for index in 0..self.servers.len() {
            let to = NodeId::new(index);
            if to != node {
                self.schedule_between(100, 3 * MS, Happening::Deliver { to });
            }
        }
    }

    pub(super) fn restart_router(&mut self) {
        self.is_router_up = true;
        self.routing = Routing::default();
    }
}
