//! Runs a core: looks at servers and at the router, performs what it asks for, keeps its journal.
//!
//! One loop owns the core. Looks and orders are tasks that send their results to it, so that
//! nothing that hangs holds up anything else; every one of them has a deadline but the actuator's,
//! whose answer is the proof.

mod clock;
mod control;
mod holding;
mod looking;
mod performing;
mod status;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::net::UnixListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

pub use self::control::{ControlError, Question, ask};
pub use self::status::{Happened, NodeStatus, RouterStatus, Status};

use self::clock::Clock;
use self::performing::Performer;
use self::status::{Chronicle, Surroundings};
use crate::actuator::Actuator;
use crate::core::{
    Action, Core, Event, Input, NodeId, Options, Phase, Record, RefusalKind, Sabotage, invariants,
};
use crate::database::{Database, Members};
use crate::journal::{Journal, JournalError};
use crate::router::Router;

/// What happens without anybody telling: waits that are over.
const TICK: Duration = Duration::from_millis(20);

/// Results that wait for the loop. It takes microseconds for each.
const INPUTS_MAX: usize = 1024;

/// Everything that a watchdog needs.
#[derive(Debug)]
pub struct Watchdog {
    /// For people and for event lines.
    pub cluster: String,
    pub members: Members,
    /// One for each member.
    pub databases: Vec<Arc<dyn Database>>,
    pub router: Arc<dyn Router>,
    pub actuator: Arc<dyn Actuator>,
    pub options: Options,
    /// Who is primary when there is no journal yet.
    pub first_primary: NodeId,
    /// Where the journal is kept.
    pub folder: PathBuf,
}

/// A fact that goes out: its name, the node, and more about it.
#[derive(Clone, Debug, PartialEq)]
pub struct EventLine {
    pub event: &'static str,
    pub node: String,
    pub fields: Map<String, Value>,
    /// What is refused, when that is what happened.
    pub refusal: Option<RefusalKind>,
}

/// Where facts go.
pub type Events = Box<dyn FnMut(EventLine) + Send>;

/// Why a watchdog did not start, or ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WatchdogError {
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// What the tasks beside the loop have to know of the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Reign {
    primary: NodeId,
    epoch: u64,
    /// Beats are written to nobody who may just be fenced.
    is_serving: bool,
    /// Clients wait for news.
    is_draining: bool,
}

impl Reign {
    fn of(record: &Record) -> Self {
        let is_draining = matches!(record.phase, Phase::Draining { .. });
        let is_serving = record.phase == Phase::Serving;
        Self { primary: record.primary, epoch: record.epoch, is_serving, is_draining }
    }
}

impl Watchdog {
    /// Watches until `shutdown` completes. Commands come by `control`.
    ///
    /// # Errors
    /// When the journal cannot be relied on, or another watchdog holds it.
    pub async fn run(
        self,
        control: UnixListener,
        mut events: Events,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<(), WatchdogError> {
        let (journal, record) = Journal::open(&self.folder, &self.members.names())?;
        // Who does not wait for it cannot go by it either.
        let is_kept = !self.options.sabotage.contains(&Sabotage::JournalNotAwaited);
        let record = record.filter(|_| is_kept);
        let record = record.unwrap_or_else(|| Record::beginning(self.first_primary));
        let clock = Clock::start();
        let (inputs, mut results) = mpsc::channel(INPUTS_MAX);
        let (reign, reigns) = watch::channel(Reign::of(&record));
        let (questions, mut asked) = mpsc::channel(8);
        let mut tasks = JoinSet::new();
        tasks.spawn(control::serve(control, questions));
        for (index, database) in self.databases.iter().enumerate() {
            let (node, database) = (NodeId::new(index), Arc::clone(database));
            let (again, inputs) = (Arc::clone(&database), inputs.clone());
            tasks.spawn(looking::look_always(node, database, clock, inputs.clone()));
            tasks.spawn(holding::hold_always(node, again, clock, inputs, reigns.clone()));
        }
        let mut performer = Performer::start(&self, journal, clock, inputs);
        let mut core = Core::new(self.options.clone(), record, clock.now());
        let mut chronicle = Chronicle::default();
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        tokio::pin!(shutdown);
        loop {
            let input = tokio::select! {
                () = &mut shutdown => return Ok(()),
                Some(input) = results.recv() => input,
                Some(question) = asked.recv() => {
                    let is_router_heard = performer.is_router_heard();
                    let seen = Surroundings { chronicle: &chronicle, is_router_heard };
                    match self.answer(&core, &seen, clock.now(), question) {
                        Some(command) => Input::Command(command),
                        None => continue,
                    }
                }
                _ = tick.tick() => Input::Tick,
            };
            for action in core.handle(clock.now(), input) {
                if let Err(breach) = invariants::check(core.record(), &action) {
                    // Better no watchdog than one that breaks its own rules.
                    panic!("the core broke a rule: {breach}");
                }
                if let Action::Report(event) = action {
                    let line = self.line(event);
                    chronicle.note(clock.now(), &line);
                    events(line);
                } else {
                    performer.perform(action);
                }
            }
            reign.send_if_modified(|reign| {
                let now = Reign::of(core.record());
                std::mem::replace(reign, now) != now
            });
        }
    }

    fn line(&self, event: Event) -> EventLine {
        let node = self.members.name(event.node).to_owned();
        tracing::info!(
            cluster = %self.cluster, node = %node, epoch = event.epoch, detail = %event.detail,
            "{}", event.kind.name()
        );
        let mut fields = Map::new();
        fields.insert("cluster".to_owned(), json!(self.cluster));
        fields.insert("epoch".to_owned(), json!(event.epoch));
        fields.insert("detail".to_owned(), json!(event.detail));
        if let Some(kind) = event.refusal {
            fields.insert("refusal".to_owned(), json!(kind));
        }
        EventLine { event: event.kind.name(), node, fields, refusal: event.refusal }
    }
}
