//! Looks after one process: one task owns its state, and everybody else sends it orders.
//!
//! A process that ends without having been asked to is started again, with a growing pause. One
//! that a fault holds is left as it is until the fault is healed.

use std::sync::Arc;
use std::time::Duration;

use standfast_engines::process::{Child, Exit};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::backoff::{Backoff, CRASHES_MAX, Decision};
use super::events::EventSink;
use super::order::{KeeperHandle, ORDERS_MAX, Order, Outcome, Reply};
use super::registry::Registry;
use super::status::{ProcessState, Status};
use super::unit::{Unit, UnitError};
use crate::fault::{self, Evidence, FaultError, FaultKind};
use crate::spec::{EngineDeclaration, Restart};

/// What a keeper is made of.
#[derive(Debug)]
pub(crate) struct KeeperParts {
    pub(crate) name: String,
    pub(crate) unit: Unit,
    pub(crate) revival: Revival,
    pub(crate) events: EventSink,
    pub(crate) registry: Arc<Registry>,
}

/// Who starts a process again that ended without having been asked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Revival {
    /// Its keeper, with a growing pause.
    Keeper,
    Nobody,
    /// The service that decides on its role: two primaries would be worse than none.
    Manager,
}

impl Revival {
    pub(crate) fn of(engine: &EngineDeclaration) -> Self {
        if engine.managed_by.is_some() { Self::Manager } else { Self::Keeper }
    }
}

impl From<Restart> for Revival {
    fn from(restart: Restart) -> Self {
        match restart {
            Restart::Always => Self::Keeper,
            Restart::Never => Self::Nobody,
        }
    }
}

pub(crate) struct Keeper {
    pub(super) parts: KeeperParts,
    orders: mpsc::Receiver<Order>,
    status: watch::Sender<Status>,
    backoff: Backoff,
    pub(super) hold: Option<FaultKind>,
    /// The process whose end is to be noticed.
    watched: Option<Child>,
    pub(super) restart_at: Option<Instant>,
    pub(super) ended_at: Option<Instant>,
    pub(super) launched_at: Option<Instant>,
    ready: Option<ReadyWait>,
    pub(super) waiting: Vec<Reply<Outcome>>,
}

/// A service that is asked whether it is ready, until it is.
struct ReadyWait {
    answer: std::pin::Pin<Box<dyn Future<Output = Result<(), String>> + Send>>,
}

impl Keeper {
    /// A keeper whose task is [`Keeper::run`]; the process does not run yet.
    pub(crate) fn new(parts: KeeperParts) -> (Self, KeeperHandle) {
        let (orders, received) = mpsc::channel(ORDERS_MAX);
        let (status, seen) = watch::channel(Status::new(ProcessState::Stopped));
        let keeper = Self {
            parts,
            orders: received,
            status,
            backoff: Backoff::default(),
            hold: None,
            watched: None,
            restart_at: None,
            ended_at: None,
            launched_at: None,
            ready: None,
            waiting: Vec::new(),
        };
        (keeper, KeeperHandle { orders, status: seen })
    }

    /// Runs until nobody can give orders any more; the process ends with it.
    pub(crate) async fn run(mut self) {
        loop {
            let watched = self.watched.clone();
            let restart_at = self.restart_at;
            // Every branch only waits; what follows from it happens outside, uncancelled.
            let happened = tokio::select! {
                biased;
                order = self.orders.recv() => match order {
                    Some(order) => Happened::Order(order),
                    None => break,
                },
                exit = ended(watched) => Happened::Exit(exit),
                () = until(restart_at) => Happened::RestartDue,
                ready = answered(self.ready.as_mut()) => Happened::Ready(ready),
            };
            match happened {
                Happened::Order(order) => self.obey(order).await,
                Happened::Exit(exit) => self.exited(exit),
                Happened::RestartDue => self.restart().await,
                Happened::Ready(Ok(())) => self.became_ready(),
                Happened::Ready(Err(reason)) => self.not_ready(reason),
            }
        }
    }

    async fn obey(&mut self, order: Order) {
        match order {
            Order::Start(reply) => self.start(reply).await,
            Order::Stop(reply) => {
                let ended = self.parts.unit.stop().await;
                self.ended_on_purpose(ended, reply);
            }
            Order::Kill(reply) => {
                let ended = self.parts.unit.kill().await;
                self.ended_on_purpose(ended, reply);
            }
            Order::Inject { kind, is_held, reply } => {
                let injected = self.inject(kind, is_held).await;
                // Somebody who no longer waits can still heal all.
                drop(reply.send(injected));
            }
            Order::Heal(reply) => self.heal(reply).await,
            Order::Perform { request, reply } => {
                let answer = self.perform(request).await;
                // It is done all the same, and the next one will find it so.
                drop(reply.send(answer));
            }
        }
    }

    async fn start(&mut self, reply: Reply<Outcome>) {
        if let Some(fault) = self.hold {
            let name = self.parts.name.clone();
            drop(reply.send(Err(Arc::new(UnitError::Held { name, fault }))));
            return;
        }
        if self.state() == ProcessState::Ready {
            drop(reply.send(Ok(())));
            return;
        }
        self.waiting.push(reply);
        if !self.parts.unit.is_running() {
            self.backoff = Backoff::default();
            self.launch().await;
        }
    }

    /// Starts the process, and reports when that fails.
    pub(super) async fn launch(&mut self) {
        self.restart_at = None;
        self.launched_at = Some(Instant::now());
        self.set(ProcessState::Starting);
        match self.parts.unit.launch().await {
            Ok(()) => self.launched(),
            Err(error) => {
                let reason = first_line(&error.to_string());
                self.send(self.event("exited").with("status", reason));
                self.answer(&Err(Arc::new(error)));
                self.crashed();
            }
        }
    }

    pub(super) fn launched(&mut self) {
        self.watched = self.parts.unit.child();
        if let Some(child) = &self.watched {
            self.parts.registry.started(child);
        }
        let (child, started) = (self.watched.clone(), self.launched_at);
        self.status.send_modify(|status| (status.child, status.started) = (child, started));
        if let Some(ended) = self.ended_at.take() {
            let after_ms = milliseconds(ended.elapsed());
            self.send(self.event("restarted").with("after_ms", after_ms));
        }
        self.await_ready();
    }

    /// An engine that is launched is ready; a service is asked.
    fn await_ready(&mut self) {
        let Unit::Service(service) = &self.parts.unit else { return self.became_ready() };
        let readiness = service.plan.readiness.clone();
        let deadline = Instant::now() + service.plan.ready_within;
        self.ready =
            Some(ReadyWait { answer: Box::pin(async move { readiness.wait(deadline).await }) });
    }

    fn became_ready(&mut self) {
        self.ready = None;
        self.backoff.record_ready(Instant::now());
        let took = self.launched_at.map(|launched| launched.elapsed());
        self.status.send_modify(|status| status.ready_in = took);
        self.set(ProcessState::Ready);
        self.send(self.event("ready").with("ready_ms", took.map_or(0, milliseconds)));
        self.answer(&Ok(()));
    }

    /// Tells those who wait, and goes on asking: what it lacks may come back.
    fn not_ready(&mut self, reason: String) {
        self.await_ready();
        if let Unit::Service(service) = &self.parts.unit {
            let error = UnitError::NotReady {
                name: self.parts.name.clone(),
                within: service.plan.ready_within,
                reason,
                log: service.plan.log.clone(),
                lines: service.last_lines(),
            };
            self.answer(&Err(Arc::new(error)));
        }
    }

    /// The process ended, and nobody asked it to.
    fn exited(&mut self, exit: Exit) {
        self.gone();
        self.send(self.event("exited").with("status", exit.to_string()));
        // Whoever decides on its role may bring it back yet.
        if !self.waiting.is_empty() && self.parts.revival != Revival::Manager {
            let log = self.parts.unit.log().to_owned();
            let error = UnitError::Ended {
                name: self.parts.name.clone(),
                exit,
                lines: standfast_engines::process::last_lines(&log, super::unit::LOG_LINES_SHOWN),
                log,
            };
            self.answer(&Err(Arc::new(error)));
        }
        match self.hold {
            None => self.crashed(),
            Some(_) => self.set(self.resting_state()),
        }
    }

    fn crashed(&mut self) {
        let now = Instant::now();
        self.ended_at.get_or_insert(now);
        match self.parts.revival {
            Revival::Keeper => {}
            Revival::Nobody => return self.set(ProcessState::Failed),
            Revival::Manager => return self.set(self.resting_state()),
        }
        match self.backoff.record_end(now) {
            Decision::RestartAfter(pause) => {
                self.restart_at = Some(now + pause);
                self.set(ProcessState::Restarting);
            }
            Decision::GiveUp => {
                self.set(ProcessState::Failed);
                self.send(self.event("crash_loop").with("crashes", CRASHES_MAX));
            }
        }
    }

    async fn restart(&mut self) {
        self.status.send_modify(|status| status.restarts += 1);
        self.launch().await;
    }

    fn ended_on_purpose(&mut self, ended: Result<(), UnitError>, reply: Reply<Outcome>) {
        let was_running = self.watched.is_some();
        (self.restart_at, self.ended_at, self.hold) = (None, None, None);
        if ended.is_ok() {
            self.gone();
            self.set(ProcessState::Stopped);
            if was_running {
                self.send(self.event("stopped"));
            }
        }
        drop(reply.send(ended.map_err(Arc::new)));
    }

    async fn inject(&mut self, kind: FaultKind, is_held: bool) -> Result<Evidence, FaultError> {
        let name = self.parts.name.clone();
        if kind == FaultKind::StartByHand {
            return self.start_by_hand().await;
        }
        if let Some(held) = self.hold {
            return Err(FaultError::AlreadyHeld { target: name, held });
        }
        if !self.parts.unit.is_running() {
            return Err(FaultError::no_effect(kind, &name, "it is not running"));
        }
        // Before the process ends, or its end would look like a crash.
        self.hold = (is_held || kind.lasts()).then_some(kind);
        let injected = fault::inject(kind, &name, &mut self.parts.unit).await;
        if injected.is_err() {
            self.hold = None;
            return injected;
        }
        match kind {
            FaultKind::Stop => self.held_down(),
            FaultKind::Kill | FaultKind::Wipe if is_held => self.held_down(),
            FaultKind::Kill => {
                self.gone();
                self.send(self.event("exited").with("status", "was killed by the lab"));
                self.crashed();
            }
            FaultKind::Pause => {
                self.ready = None;
                self.set(ProcessState::Paused);
            }
            FaultKind::Flush => self.hold = None,
            // It runs on, as well as it can; should it end, it stays away.
            FaultKind::DiskFull => self.set(self.state()),
            FaultKind::Latency
            | FaultKind::Cut
            | FaultKind::Partition
            | FaultKind::Bandwidth
            | FaultKind::Reset
            | FaultKind::Slow
            | FaultKind::Intermittent
            | FaultKind::Incorrect
            | FaultKind::Forge
            | FaultKind::Equivocate
            | FaultKind::Replay
            | FaultKind::Silent
            | FaultKind::StartByHand
            | FaultKind::Isolate => unreachable!("a keeper refuses what is not of its process"),
            FaultKind::Restart | FaultKind::Wipe => {
                self.hold = None;
                self.gone();
                self.launch().await;
            }
        }
        injected
    }

    fn held_down(&mut self) {
        self.gone();
        self.set(ProcessState::Stopped);
    }

    async fn heal(&mut self, reply: Reply<Outcome>) {
        let hold = self.hold.take();
        self.waiting.push(reply);
        if hold == Some(FaultKind::Pause) && self.parts.unit.is_running() {
            self.launched_at = Some(Instant::now());
            match self.resume().await {
                Ok(()) => self.await_ready(),
                Err(error) => self.answer(&Err(Arc::new(error))),
            }
        } else if hold == Some(FaultKind::DiskFull) && self.parts.unit.is_running() {
            // One that has no room may end meanwhile, which its end tells.
            match self.parts.unit.free_disk().await {
                Ok(_) => {
                    self.set(self.state());
                    self.answer(&Ok(()));
                }
                Err(_) if !self.parts.unit.is_running() => {
                    self.backoff = Backoff::default();
                    self.launch().await;
                }
                Err(error) => self.answer(&Err(Arc::new(error))),
            }
        } else if hold.is_some() && self.parts.revival == Revival::Manager {
            // Nothing keeps its manager from bringing it back any more.
            self.set(self.state());
        } else if hold.is_some() && !self.parts.unit.is_running() {
            self.backoff = Backoff::default();
            self.launch().await;
        } else if self.state() == ProcessState::Ready {
            self.answer(&Ok(()));
        }
    }

    async fn resume(&mut self) -> Result<(), UnitError> {
        self.set(ProcessState::Starting);
        self.parts.unit.resume().await?;
        self.parts.unit.answers().await
    }

    /// Forgets the process that has ended.
    pub(super) fn gone(&mut self) {
        (self.watched, self.ready) = (None, None);
        self.parts.registry.ended(&self.parts.name);
        self.status.send_modify(|status| (status.child, status.started) = (None, None));
    }

    pub(super) fn answer(&mut self, outcome: &Outcome) {
        for reply in self.waiting.drain(..) {
            drop(reply.send(outcome.clone()));
        }
    }

    fn state(&self) -> ProcessState {
        self.status.borrow().state
    }

    pub(super) fn set(&self, state: ProcessState) {
        let hold = self.hold;
        self.status.send_modify(|status| (status.state, status.fault) = (state, hold));
    }

    pub(super) fn event(&self, event: &str) -> standfast_history::Event {
        self.parts.events.supervisor(event, &self.parts.name)
    }

    pub(super) fn send(&self, event: standfast_history::Event) {
        self.parts.events.send(event);
    }
}

enum Happened {
    Order(Order),
    Exit(Exit),
    RestartDue,
    Ready(Result<(), String>),
}

async fn ended(child: Option<Child>) -> Exit {
    match child {
        Some(child) => child.wait().await,
        None => std::future::pending().await,
    }
}

async fn until(instant: Option<Instant>) {
    match instant {
        Some(instant) => tokio::time::sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

async fn answered(ready: Option<&mut ReadyWait>) -> Result<(), String> {
    match ready {
        Some(ready) => ready.answer.as_mut().await,
        None => std::future::pending().await,
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}
