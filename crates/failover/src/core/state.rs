//! The core's memory, and where its inputs go. What follows from them stands in the files beside
//! it.

use std::collections::BTreeMap;

use super::Moment;
use super::action::{Action, Command, Event, EventKind, Input, Order, Outcome, Ticket};
use super::backoff::Backoff;
use super::draining::Drain;
use super::guarding::Guard;
use super::node::{NodeId, NodeSet};
use super::options::{Options, Sabotage};
use super::position::Position;
use super::record::{Cause, Phase, Record};
use super::refusal::{Refusal, RefusalKind};
use super::sighting::Routing;
use super::suspicion::{Health, Watch};

/// Decides for one cluster. See the module's documentation.
#[derive(Clone, Debug)]
pub struct Core {
    pub(super) options: Options,
    /// What is on disk.
    pub(super) record: Record,
    /// What is on its way to the disk. Nothing else is begun before it is there.
    writing: Option<Writing>,
    pub(super) nodes: Vec<Node>,
    pub(super) router: Router,
    pub(super) guard: Guard,
    pub(super) drain: Option<Drain>,
    /// Since when the record's primary and phase are what they are, for this core.
    pub(super) since: Moment,
    /// Since when the primary is ill, and of what.
    pub(super) ill: Option<(Moment, Cause)>,
    /// Until then no failover is tried: the last one found nobody to promote.
    pub(super) hold_until: Moment,
    /// Why it does not do what one might expect, as long as that lasts.
    pub(super) refusal: Option<Refusal>,
    /// The epoch in which clients were last seen to be sent to its primary.
    pub(super) switched_epoch: u64,
    pub(super) command: Option<Command>,
    /// The primary is ready for a switchover that was asked for.
    pub(super) is_prepared: bool,
    last_handled: Moment,
    tickets: u64,
    out: Vec<Action>,
}

/// What is known and under way about one server.
#[derive(Clone, Debug, Default)]
pub(super) struct Node {
    pub(super) watch: Watch,
    pub(super) process: Lane,
    pub(super) sql: Lane,
    /// Beside the others: nothing has to wait for it.
    pub(super) preparation: Lane,
    /// How it was proved dead, since the phase began.
    pub(super) evidence: Option<String>,
    /// What it holds, since it receives nothing more.
    pub(super) sealed: Option<Position>,
    /// When its process was last started.
    pub(super) started: Option<Moment>,
    /// Since when it runs without following anybody for long.
    pub(super) stray_since: Option<Moment>,
    /// Since when it follows.
    pub(super) following_since: Option<Moment>,
    /// Why it was not sealed.
    pub(super) unheard: Option<String>,
    /// It was made a replica again; the journal is to say so.
    pub(super) has_rejoined: bool,
    /// An operator asked for it.
    pub(super) is_wanted_back: bool,
    /// It could not be stopped in order.
    pub(super) is_stubborn: bool,
}

/// One thing at a time.
#[derive(Clone, Debug, Default)]
pub(super) struct Lane {
    pub(super) busy: Option<(Ticket, Order)>,
    pub(super) backoff: Backoff,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Router {
    pub(super) seen: Option<Routing>,
    pub(super) busy: Option<(Ticket, Routing)>,
    pub(super) backoff: Backoff,
}

#[derive(Clone, Debug)]
struct Writing {
    ticket: Option<Ticket>,
    record: Record,
    backoff: Backoff,
}

impl Core {
    /// A core that knows what the journal says, and has seen nothing yet.
    pub fn new(options: Options, record: Record, now: Moment) -> Self {
        let nodes = vec![Node::default(); options.nodes];
        Self {
            options,
            record,
            writing: None,
            nodes,
            router: Router::default(),
            guard: Guard::default(),
            drain: None,
            since: now,
            ill: None,
            hold_until: Moment::ZERO,
            refusal: None,
            switched_epoch: 0,
            command: None,
            is_prepared: false,
            last_handled: now,
            tickets: 0,
            out: Vec::new(),
        }
    }

    /// What is on disk.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// Why it does not do what one might expect.
    pub fn refusal(&self) -> Option<&Refusal> {
        self.refusal.as_ref()
    }

    /// Is nothing under way, and nobody missing?
    pub fn is_settled(&self) -> bool {
        let others = NodeSet::first(self.options.nodes).without(self.record.primary);
        self.is_routed() && self.record.safe.members == others && self.writing.is_none()
    }

    /// Are clients sent to the primary?
    pub fn is_routed(&self) -> bool {
        let wanted = Routing { ready: NodeSet::one(self.record.primary), is_paused: false };
        self.record.phase == Phase::Serving && self.router.seen == Some(wanted)
    }

    /// Takes an input; answers what to do. `now` never runs backwards.
    pub fn handle(&mut self, now: Moment, input: Input) -> Vec<Action> {
        if now.saturating_sub(self.last_handled) > self.options.own_stall_max {
            self.nodes.iter_mut().for_each(|node| node.watch.pardon());
        }
        self.last_handled = now;
        match input {
            Input::Tick => {}
            Input::Seen { node, sighting } => {
                let began = sighting.began;
                let state = &mut self.nodes[node.index()];
                if state.watch.note(sighting) {
                    self.out.push(Action::Probe { node });
                }
                if state.watch.is_answering() {
                    // From here on it has no more excuses than others.
                    state.started = None;
                }
                if node == self.record.primary {
                    self.compare_followers(now, began);
                }
            }
            Input::Lost { node } => self.out.push(Action::Probe { node }),
            Input::Wrote { node, began, is_ok } => {
                self.nodes[node.index()].watch.note_write(began, is_ok);
            }
            Input::RouterSeen(routing) => {
                if self.router.busy.is_none() {
                    self.router.seen = Some(routing);
                }
            }
            Input::Sessions { began, count } => {
                if let Some(drain) = &mut self.drain {
                    drain.note_sessions(began, count);
                }
            }
            Input::Done { ticket, outcome } => self.finish(now, ticket, outcome),
            Input::Command(command) => self.command = Some(command),
        }
        self.decide(now);
        std::mem::take(&mut self.out)
    }

    /// What is thought of `node`. One that was just started is given time.
    pub fn health(&self, node: NodeId, now: Moment) -> Health {
        let state = &self.nodes[node.index()];
        let health = state.watch.health(&self.options);
        let Some(started) = state.started else { return health };
        let patience = match health {
            Health::Ill(Cause::Unready) => self.options.start_grace,
            Health::Ill(_) => self.options.candidate_wait,
            Health::Unknown | Health::Well => return health,
        };
        if now.saturating_sub(started) < patience { Health::Unknown } else { health }
    }

    fn decide(&mut self, now: Moment) {
        if let Some(writing) = &self.writing {
            // What is on disk is unknown until a write succeeds: only the same one may follow.
            if writing.ticket.is_none() && writing.backoff.is_over(now) {
                self.write_again();
            }
            return;
        }
        match self.record.phase {
            Phase::Serving => self.serve(now),
            Phase::Draining { to } => self.drain(now, to),
            Phase::Fencing { cause, to } => self.fence(now, cause, to),
            Phase::Promoting { candidate, cause } => self.promote(now, candidate, cause),
        }
        if self.writing.is_none() || self.options.is_sabotaged(Sabotage::JournalNotAwaited) {
            self.route(now);
        }
    }

    fn finish(&mut self, now: Moment, ticket: Ticket, outcome: Outcome) {
        let is_write = self.writing.as_ref().is_some_and(|write| write.ticket == Some(ticket));
        if is_write {
            self.finish_write(now, &outcome);
        } else if self.router.busy.is_some_and(|(busy, _)| busy == ticket) {
            self.finish_routing(now, &outcome);
        } else {
            let held = |lane: &Lane| lane.busy.filter(|(busy, _)| *busy == ticket);
            let find = |node: &Node| {
                [&node.process, &node.sql, &node.preparation].into_iter().find_map(held)
            };
            if let Some((_, order)) = self.nodes.iter().find_map(find) {
                self.finish_order(now, order, outcome);
            }
        }
    }

    fn finish_write(&mut self, now: Moment, outcome: &Outcome) {
        let Some(mut writing) = self.writing.take() else { return };
        if *outcome == Outcome::Done {
            let before = std::mem::replace(&mut self.record, writing.record);
            self.recorded(now, &before);
        } else {
            writing.ticket = None;
            writing.backoff.failed(now, &self.options);
            self.writing = Some(writing);
            self.refuse(RefusalKind::JournalUnwritable.because(""));
        }
    }

    fn write_again(&mut self) {
        let ticket = self.ticket();
        let Some(writing) = &mut self.writing else { return };
        writing.ticket = Some(ticket);
        let record = writing.record.clone();
        self.out.push(Action::Journal { ticket, record });
    }

    /// Asks for `record` to be put on disk. Nothing else is begun before it is there.
    pub(super) fn write(&mut self, now: Moment, record: Record) {
        if self.options.is_sabotaged(Sabotage::JournalNotAwaited) {
            let before = std::mem::replace(&mut self.record, record.clone());
            let ticket = self.ticket();
            self.out.push(Action::Journal { ticket, record });
            self.recorded(now, &before);
            return;
        }
        self.writing = Some(Writing { ticket: None, record, backoff: Backoff::default() });
        self.write_again();
    }

    /// The record has changed, and it is on disk.
    fn recorded(&mut self, now: Moment, before: &Record) {
        let (safe, phase) = (self.record.safe, self.record.phase);
        for node in safe.members.minus(before.safe.members).iter() {
            self.tell(EventKind::InSync, node, format!("copies={}", safe.copies));
        }
        if before.epoch == self.record.epoch {
            for node in before.safe.members.minus(safe.members).iter() {
                self.tell(EventKind::Dropped, node, "no longer safe to promote".to_owned());
            }
        }
        if before.phase == phase && before.primary == self.record.primary {
            return;
        }
        self.since = now;
        let is_opened = matches!(before.phase, Phase::Promoting { .. });
        self.guard = Guard::of(is_opened);
        self.drain = matches!(phase, Phase::Draining { .. }).then(|| Drain::new(now));
        self.is_prepared = false;
        for node in &mut self.nodes {
            (node.sealed, node.unheard, node.is_stubborn) = (None, None, false);
            if phase == Phase::Serving {
                node.evidence = None;
            }
        }
        if before.primary != self.record.primary || before.epoch != self.record.epoch {
            (self.ill, self.refusal) = (None, None);
        }
    }

    /// Gives `order`, unless something is under way on that lane, or was tried just now.
    pub(super) fn order(&mut self, now: Moment, order: Order) -> bool {
        let lane = self.lane(order);
        if lane.busy.is_some() || !lane.backoff.is_over(now) {
            return false;
        }
        let ticket = self.ticket();
        self.lane(order).busy = Some((ticket, order));
        self.out.push(Action::Order { ticket, order });
        true
    }

    pub(super) fn lane(&mut self, order: Order) -> &mut Lane {
        let node = &mut self.nodes[order.node().index()];
        match order {
            Order::Prepare(_) => &mut node.preparation,
            Order::Fence(_)
            | Order::Retire(_)
            | Order::Start { .. }
            | Order::Restart(_)
            | Order::Rejoin { .. } => &mut node.process,
            Order::Enforce { .. } | Order::Seal(_) | Order::Promote(_) => &mut node.sql,
        }
    }

    pub(super) fn push(&mut self, action: Action) {
        self.out.push(action);
    }

    pub(super) fn ticket(&mut self) -> Ticket {
        self.tickets += 1;
        Ticket(self.tickets)
    }

    pub(super) fn tell(&mut self, kind: EventKind, node: NodeId, detail: String) {
        let epoch = self.record.epoch;
        self.out.push(Action::Report(Event { kind, node, epoch, detail, refusal: None }));
    }

    /// Tells that something is refused.
    pub(super) fn tell_refusal(&mut self, node: NodeId, Refusal { kind, text }: Refusal) {
        let (epoch, refusal) = (self.record.epoch, Some(kind));
        let kind = EventKind::Refused;
        self.out.push(Action::Report(Event { kind, node, epoch, detail: text, refusal }));
    }

    /// Says once why it does not act.
    pub(super) fn refuse(&mut self, refusal: Refusal) {
        if self.refusal.as_ref() != Some(&refusal) {
            self.refusal = Some(refusal.clone());
            self.tell_refusal(self.record.primary, refusal);
        }
    }

    /// All nodes but the primary.
    pub(super) fn others(&self) -> NodeSet {
        NodeSet::first(self.options.nodes).without(self.record.primary)
    }

    /// The journaled fences with those that were proved since.
    pub(super) fn fences(&self) -> BTreeMap<NodeId, String> {
        let mut fences = self.record.fenced.clone();
        for (index, node) in self.nodes.iter().enumerate() {
            if let Some(evidence) = &node.evidence {
                fences.insert(NodeId::new(index), evidence.clone());
            }
        }
        fences
    }
}
