//! The gateway as a whole: its upstreams, what it remembers, and what it counts.

use std::sync::Arc;
use std::time::Duration;

use standfast_tactics::shed::Gate;
use standfast_tactics::stack::{Layer, Mistakes, Stack};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use super::delivery::deliver;
use super::fallback::LastGood;
use super::figures::Figures;
use super::headers::Ids;
use super::journal::{Courier, Folder, JournalError, Shelf};
use super::routes::Target;
use super::settings::{Settings, Tactics};
use super::upstream::{Limits, Upstream, UpstreamError};
use crate::serve::ServeError;

/// What stands around a call, from the outside in. The order is checked at the start.
const LAYERS: [Layer; 9] = [
    Layer::Shed,
    Layer::Fallback,
    Layer::Deadline,
    Layer::Retry,
    Layer::Hedge,
    Layer::Bulkhead,
    Layer::Breaker,
    Layer::Selection,
    Layer::Timeout,
];

/// Sooner than any attempt ends, and seldom enough to cost nothing.
const TICK: Duration = Duration::from_millis(50);

#[derive(Debug)]
pub(super) struct Gateway {
    upstreams: [Option<Arc<Upstream>>; 5],
    gate: Option<Gate>,
    last_good: Option<LastGood>,
    shelf: Option<Shelf>,
    pub(super) figures: Figures,
    pub(super) ids: Ids,
    pub(super) tactics: Tactics,
    pub(super) stale_max: Duration,
    token: Option<String>,
}

/// Why there is no gateway.
#[derive(Debug, thiserror::Error)]
pub(super) enum GatewayError {
    #[error("{0}")]
    Upstream(#[from] UpstreamError),
    #[error("{0}")]
    Shedding(#[from] standfast_tactics::shed::PolicyError),
    #[error("{0}")]
    Journal(#[from] JournalError),
    #[error("{0}")]
    Order(#[from] Mistakes),
}

impl GatewayError {
    /// As what it is told to whoever started the service.
    pub(super) fn of_settings(self) -> ServeError {
        let variable = match &self {
            Self::Journal(_) => "JOURNAL_DIR",
            Self::Upstream(_) => "BREAK_BASE, BREAK_MAX",
            Self::Shedding(_) => "CONCURRENCY_MIN, CONCURRENCY_FIRST, CONCURRENCY_MAX",
            Self::Order(_) => "(none)",
        };
        ServeError::unusable(variable, self)
    }
}

impl Gateway {
    /// The gateway, and the tasks that write its journal and deliver what is in it. They end with
    /// the set.
    pub(super) fn try_new(
        settings: &Settings,
        seed: u64,
    ) -> Result<(Arc<Self>, JoinSet<()>), GatewayError> {
        Stack::try_new("gateway", &LAYERS)?;
        let upstreams = Target::ALL.map(|target| upstream(settings, target, seed));
        let [search, reservations, inventory, monitor, web] = upstreams;
        let upstreams = [search?, reservations?, inventory?, monitor?, web?];
        let mut tasks = JoinSet::new();
        tasks.spawn(tick());
        let mut shelf = None;
        if let (Some(path), Some(upstream)) =
            (&settings.journal, &upstreams[Target::Reservations as usize])
        {
            let (opened, writer) = Shelf::new(Folder::open(path)?, settings.waiting_max);
            let upstream = Arc::clone(upstream);
            let waiting_time_max = settings.waiting_time_max;
            let deliver = move |stored| deliver(Arc::clone(&upstream), stored, waiting_time_max);
            tasks.spawn(Courier { shelf: opened.clone(), deliver }.run());
            // It ends by itself, when nobody can give it anything to write any more.
            drop(writer);
            shelf = Some(opened);
        }
        let last_good = settings.tactics.cache.then(|| LastGood::new(settings.cache_bytes));
        let gateway = Self {
            upstreams,
            gate: settings.shedding.map(Gate::try_new).transpose()?,
            last_good,
            shelf,
            figures: Figures::default(),
            ids: Ids::new(seed),
            tactics: settings.tactics,
            stale_max: settings.stale_max,
            token: settings.token.clone(),
        };
        Ok((Arc::new(gateway), tasks))
    }

    /// The service behind a route; nothing if this system has none.
    pub(super) fn upstream(&self, target: Target) -> Option<&Upstream> {
        self.upstreams[target as usize].as_deref()
    }

    pub(super) fn gate(&self) -> Option<&Gate> {
        self.gate.as_ref()
    }

    pub(super) fn last_good(&self) -> Option<&LastGood> {
        self.last_good.as_ref()
    }

    pub(super) fn shelf(&self) -> Option<&Shelf> {
        self.shelf.as_ref()
    }

    pub(super) fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }
}

/// Keeps a timer that is due before that of any request. tokio wakes its own thread by a system
/// call for each timer that becomes the next one to be due: with a request's timeout among seconds
/// of nothing, that is one more for each request.
async fn tick() {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
    }
}

fn upstream(
    settings: &Settings,
    target: Target,
    seed: u64,
) -> Result<Option<Arc<Upstream>>, UpstreamError> {
    let instances = settings.instances(target).to_vec();
    if instances.is_empty() {
        return Ok(None);
    }
    let mut breaker = settings.breaker;
    if let Some(breaker) = &mut breaker {
        breaker.slow_after = target.slow_after();
    }
    let seed = seed.wrapping_add(target as u64);
    let limits = Limits { places: settings.places, breaker, seed };
    Upstream::try_new(target.name(), instances, limits).map(|upstream| Some(Arc::new(upstream)))
}
