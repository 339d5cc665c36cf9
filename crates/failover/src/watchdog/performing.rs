//! Does what a core asks for, and tells it how that ended.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::Watchdog;
use super::clock::Clock;
use super::looking::look;
use crate::actuator::Actuator;
use crate::actuator::wire::{Answer, Request};
use crate::core::{Action, Cover, Input, NodeId, Order, Outcome, Record, Routing, Ticket};
use crate::database::{Asking, Database, Members};
use crate::journal::Journal;
use crate::router::Router;

/// Longer than it ever took: a checkpoint of everything that a busy server has in memory.
const TIGHTEN_WITHIN: Duration = Duration::from_secs(30);
/// Commits wait while it is loosened.
const LOOSEN_WITHIN: Duration = Duration::from_secs(2);
/// A switchover goes on without it.
const PREPARE_WITHIN: Duration = Duration::from_secs(10);
/// A replica may have to apply what it has received.
const SEAL_WITHIN: Duration = Duration::from_secs(5);
const PROMOTE_WITHIN: Duration = Duration::from_secs(10);
/// A router that was restarted is noticed, and told again, within this time.
const ROUTER_LOOK_EVERY: Duration = Duration::from_millis(100);
/// While new clients wait until the others have gone.
const SESSIONS_COUNT_EVERY: Duration = Duration::from_millis(10);

/// Has everything under way, and ends it when it is dropped.
#[derive(Debug)]
pub(super) struct Performer {
    members: Members,
    databases: Vec<Arc<dyn Database>>,
    actuator: Arc<dyn Actuator>,
    journal: Arc<Journal>,
    /// At most one at a time: the core asks for the next when it has the result.
    routings: Sender<(Ticket, Routing)>,
    clock: Clock,
    inputs: Sender<Input>,
    tasks: JoinSet<()>,
    is_router_heard: Arc<AtomicBool>,
}

impl Performer {
    pub(super) fn start(
        watchdog: &Watchdog,
        journal: Journal,
        clock: Clock,
        inputs: Sender<Input>,
    ) -> Self {
        let (routings, requests) = channel(1);
        let mut tasks = JoinSet::new();
        let is_router_heard = Arc::new(AtomicBool::new(false));
        let keeper = RouterKeeper {
            router: Arc::clone(&watchdog.router),
            clock,
            inputs: inputs.clone(),
            is_heard: Arc::clone(&is_router_heard),
        };
        tasks.spawn(keeper.keep_routing(requests));
        Self {
            members: watchdog.members.clone(),
            databases: watchdog.databases.clone(),
            actuator: Arc::clone(&watchdog.actuator),
            journal: Arc::new(journal),
            routings,
            clock,
            inputs,
            tasks,
            is_router_heard,
        }
    }

    /// Did the router answer when it was looked at last?
    pub(super) fn is_router_heard(&self) -> bool {
        self.is_router_heard.load(Ordering::Relaxed)
    }

    pub(super) fn perform(&mut self, action: Action) {
        while self.tasks.try_join_next().is_some() {}
        match action {
            Action::Journal { ticket, record } => {
                let journal = Arc::clone(&self.journal);
                self.finish(ticket, write(journal, record));
            }
            Action::Probe { node } => {
                let database = Arc::clone(&self.databases[node.index()]);
                self.tasks.spawn(look(node, database, self.clock, self.inputs.clone()));
            }
            Action::Route { ticket, routing } => {
                let routings = self.routings.clone();
                self.tasks.spawn(async move {
                    if routings.send((ticket, routing)).await.is_err() {
                        tracing::debug!("nobody routes any more");
                    }
                });
            }
            Action::Order { ticket, order } => self.obey(ticket, order),
            Action::Report(_) => {}
        }
    }

    fn obey(&mut self, ticket: Ticket, order: Order) {
        let database = Arc::clone(&self.databases[order.node().index()]);
        let name = |node: NodeId| self.members.name(node).to_owned();
        let node = name(order.node());
        let request = match order {
            Order::Fence(_) => Request::Fence { node },
            Order::Retire(_) => Request::Retire { node },
            Order::Start { follow, .. } => Request::Start { node, follow: follow.map(name) },
            Order::Restart(_) => Request::Restart { node },
            Order::Rejoin { from, .. } => Request::Rejoin { node, from: name(from) },
            Order::Enforce { cover, .. } => {
                return self.finish(ticket, enforce(database, cover));
            }
            Order::Prepare(_) => return self.finish(ticket, prepare(database)),
            Order::Seal(_) => return self.finish(ticket, seal(database)),
            Order::Promote(_) => return self.finish(ticket, promote(database)),
        };
        let actuator = Arc::clone(&self.actuator);
        self.finish(ticket, actuate(actuator, request));
    }

    fn finish(&mut self, ticket: Ticket, work: impl Future<Output = Outcome> + Send + 'static) {
        let inputs = self.inputs.clone();
        self.tasks.spawn(async move {
            let outcome = work.await;
            drop(inputs.send(Input::Done { ticket, outcome }).await);
        });
    }
}

async fn write(journal: Arc<Journal>, record: Record) -> Outcome {
    match spawn_blocking(move || journal.write(&record)).await {
        Ok(Ok(())) => Outcome::Done,
        Ok(Err(error)) => {
            tracing::error!(%error, "the journal");
            Outcome::Failed(error.to_string())
        }
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}

/// Never given up: whether a process is dead is not known before the actuator says so.
async fn actuate(actuator: Arc<dyn Actuator>, request: Request) -> Outcome {
    match actuator.perform(request).await {
        Ok(Answer::Fenced { evidence }) => Outcome::Fenced(evidence),
        Ok(Answer::Rejoined { how }) => Outcome::Rejoined(how),
        Ok(Answer::Running { .. } | Answer::Stopped) => Outcome::Done,
        Ok(Answer::Failed { problem }) => Outcome::Failed(problem),
        Err(error) => {
            let mut text = error.to_string();
            if let Some(source) = std::error::Error::source(&error) {
                text = format!("{text}: {source}");
            }
            Outcome::Failed(text)
        }
    }
}

async fn enforce(database: Arc<dyn Database>, cover: Cover) -> Outcome {
    let within = if cover == Cover::NONE { LOOSEN_WITHIN } else { TIGHTEN_WITHIN };
    in_time(within, database.enforce(cover)).await.map_or_else(Outcome::Failed, |()| Outcome::Done)
}

async fn prepare(database: Arc<dyn Database>) -> Outcome {
    in_time(PREPARE_WITHIN, database.prepare())
        .await
        .map_or_else(Outcome::Failed, |()| Outcome::Done)
}

async fn seal(database: Arc<dyn Database>) -> Outcome {
    in_time(SEAL_WITHIN, database.seal()).await.map_or_else(Outcome::Failed, Outcome::Sealed)
}

async fn promote(database: Arc<dyn Database>) -> Outcome {
    in_time(PROMOTE_WITHIN, database.promote())
        .await
        .map_or_else(Outcome::Failed, |()| Outcome::Done)
}

async fn in_time<T>(within: Duration, work: Asking<'_, T>) -> Result<T, String> {
    match timeout(within, work).await {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(_elapsed) => Err(format!("not done within {within:?}")),
    }
}

struct RouterKeeper {
    router: Arc<dyn Router>,
    clock: Clock,
    inputs: Sender<Input>,
    /// For people: the core knows what it saw last, and asks again until it is answered.
    is_heard: Arc<AtomicBool>,
}

impl RouterKeeper {
    /// Looks at the router, and commands it, in one order: a look never tells of the time before.
    async fn keep_routing(self, mut requests: Receiver<(Ticket, Routing)>) {
        let mut every = interval(ROUTER_LOOK_EVERY);
        let mut count = interval(SESSIONS_COUNT_EVERY);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        count.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut is_draining = false;
        loop {
            let input = tokio::select! {
                biased;
                request = requests.recv() => {
                    let Some((ticket, routing)) = request else { return };
                    is_draining = routing.is_paused && !routing.ready.is_empty();
                    let outcome = match self.router.route(routing).await {
                        Ok(()) => Outcome::Done,
                        Err(error) => {
                            tracing::warn!(%error, "the router");
                            Outcome::Failed(error.to_string())
                        }
                    };
                    Input::Done { ticket, outcome }
                }
                _ = count.tick(), if is_draining => {
                    let began = self.clock.now();
                    let Ok(count) = self.router.sessions().await else { continue };
                    Input::Sessions { began, count }
                }
                _ = every.tick() => {
                    let routing = self.router.routing().await;
                    self.is_heard.store(routing.is_ok(), Ordering::Relaxed);
                    let Ok(routing) = routing else { continue };
                    Input::RouterSeen(routing)
                }
            };
            drop(self.inputs.send(input).await);
        }
    }
}
