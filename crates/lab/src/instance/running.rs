//! The handle of a running instance: what its owner can ask of it and do to it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use standfast_engines::process::reap;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::address::Address;
use super::events::EventSink;
use super::folder::{FolderError, InstanceFolder, InstanceLock};
use super::keeper::{KeeperHandle, Order, Outcome};
use super::metrics::{Metrics, ScrapeError};
use super::options::Stage;
use super::ports::PortPlan;
use super::registry::Registry;
use super::status::{ProcessSnapshot, ProcessState, Role, memory_bytes};
use super::unit::UnitError;
use crate::fault::{Fault, FaultError, Hold, Injected};
use crate::spec::{EngineKind, System, nearest};

/// A system that runs. When it is dropped, every process of it ends at once.
#[derive(Debug)]
pub struct Instance {
    parts: InstanceParts,
    stages: Vec<Stage>,
    /// Targets of faults that are in effect.
    faults: Mutex<BTreeMap<String, Fault>>,
    is_down: bool,
}

#[derive(Debug)]
pub(super) struct InstanceParts {
    pub(super) system: Arc<System>,
    pub(super) folder: InstanceFolder,
    #[expect(dead_code, reason = "held until the instance ends")]
    pub(super) lock: InstanceLock,
    #[expect(dead_code, reason = "held, so that no other instance is given the same ports")]
    pub(super) ports: PortPlan,
    pub(super) registry: Arc<Registry>,
    pub(super) addresses: BTreeMap<String, Address>,
    pub(super) keepers: BTreeMap<String, KeeperHandle>,
    pub(super) roles: BTreeMap<String, Role>,
    pub(super) tasks: JoinSet<()>,
    pub(super) events: EventSink,
    pub(super) without: Vec<String>,
}

/// Something that a fault can hit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub name: String,
    /// `None` for a service.
    pub engine: Option<EngineKind>,
}

/// What becomes of the data of an instance that is taken down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Data {
    /// The instance is there, stopped; `start` brings it up again.
    KeepStopped,
    /// The instance is gone and its data is kept for the next `up`.
    Keep,
    /// Nothing is left.
    Delete,
}

/// Why an instance did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InstanceError {
    #[error("`{name}` is no process of {system}{}", suggest(suggestion.as_deref()))]
    UnknownProcess { name: String, system: String, suggestion: Option<String> },
    #[error("`{name}` runs elsewhere; the lab neither starts nor stops it")]
    External { name: String },
    #[error("`{name}` is no service with a port")]
    NoEndpoint { name: String },
    #[error("{0}")]
    Unit(Arc<UnitError>),
    #[error("metrics of `{name}`: {source}")]
    Scrape { name: String, source: ScrapeError },
    #[error(transparent)]
    Folder(#[from] FolderError),
}

fn suggest(suggestion: Option<&str>) -> String {
    suggestion.map_or_else(String::new, |word| format!("; did you mean `{word}`?"))
}

impl Instance {
    pub(super) fn new(parts: InstanceParts) -> Self {
        Self { parts, stages: Vec::new(), faults: Mutex::default(), is_down: false }
    }

    pub(super) fn with_stages(mut self, stages: Vec<Stage>) -> Self {
        self.stages = stages;
        self
    }

    pub fn name(&self) -> &str {
        self.parts.folder.name()
    }

    pub fn system(&self) -> &Arc<System> {
        &self.parts.system
    }

    /// Tactics that are switched off.
    pub fn without(&self) -> &[String] {
        &self.parts.without
    }

    pub fn folder(&self) -> &InstanceFolder {
        &self.parts.folder
    }

    /// How long each part of the provisioning took.
    pub fn stages(&self) -> &[Stage] {
        &self.stages
    }

    pub fn events(&self) -> &EventSink {
        &self.parts.events
    }

    /// Everything that a fault can hit.
    pub fn targets(&self) -> Vec<Target> {
        let target = |name: &String| Target {
            name: name.clone(),
            engine: self.parts.system.engine_kind(name),
        };
        self.parts.keepers.keys().map(target).collect()
    }

    /// Where a service takes requests.
    pub fn endpoint(&self, service: &str) -> Option<SocketAddr> {
        self.parts.system.services.get(service)?;
        let port = self.parts.addresses.get(service)?.port;
        Some((Ipv4Addr::LOCALHOST, port).into())
    }

    /// The URL of an engine or a service, as `{name.url}` has it.
    pub fn url(&self, name: &str) -> Option<&str> {
        self.parts.addresses.get(name).map(|address| address.url.as_str())
    }

    /// The URL of an engine with every right.
    pub fn admin_url(&self, engine: &str) -> Option<&str> {
        self.parts.addresses.get(engine)?.admin_url.as_deref()
    }

    /// The pid of a process, while it runs.
    pub fn pid(&self, name: &str) -> Option<u32> {
        self.parts.keepers.get(name)?.status.borrow().pid()
    }

    pub fn log(&self, name: &str) -> PathBuf {
        self.parts.folder.log(name)
    }

    /// Every process as it is now, in the order in which they start.
    pub fn processes(&self) -> Vec<ProcessSnapshot> {
        let names = &self.parts.system.start_order;
        names.iter().filter_map(|name| self.snapshot(name)).collect()
    }

    fn snapshot(&self, name: &str) -> Option<ProcessSnapshot> {
        let parts = &self.parts;
        let role = parts.roles.get(name)?.clone();
        let engine = parts.system.engine_kind(name);
        let kind = engine.map_or_else(|| "service".to_owned(), |kind| kind.to_string());
        let port = parts.addresses.get(name).map(|address| address.port);
        let status = parts.keepers.get(name).map(|keeper| keeper.status.borrow().clone());
        let Some(status) = status else {
            return Some(ProcessSnapshot {
                name: name.to_owned(),
                kind,
                role,
                state: ProcessState::External,
                fault: None,
                pid: None,
                port,
                uptime: None,
                restarts: 0,
                rss_bytes: None,
                ready_in: None,
            });
        };
        Some(ProcessSnapshot {
            name: name.to_owned(),
            kind,
            role,
            state: status.state,
            fault: status.fault,
            pid: status.pid(),
            port,
            uptime: status.started.map(|started| started.elapsed()),
            restarts: status.restarts,
            rss_bytes: status.child.as_ref().and_then(memory_bytes),
            ready_in: status.ready_in,
        })
    }

    /// Reads `GET /metrics` of a service.
    ///
    /// # Errors
    /// When it has no port, does not answer, or answers something else than 200.
    pub async fn scrape(&self, service: &str) -> Result<Metrics, InstanceError> {
        let name = service.to_owned();
        let Some(address) = self.endpoint(service) else {
            return Err(InstanceError::NoEndpoint { name });
        };
        Metrics::scrape(address).await.map_err(|source| InstanceError::Scrape { name, source })
    }

    /// Injects a fault; returns when it is verified to be in effect.
    ///
    /// # Errors
    /// When it cannot be done to this target, or had no effect.
    pub async fn inject(&self, fault: &Fault, hold: Hold) -> Result<Injected, FaultError> {
        let (kind, target) = (fault.kind, &fault.target);
        let keeper = self.fault_target(target)?;
        if let Some(why) = kind.objection(self.parts.system.engine_kind(target)) {
            return Err(FaultError::Impossible { kind, target: target.clone(), why });
        }
        let events = &self.parts.events;
        events.send(events.lab("injecting", target).with("fault", kind.to_string()));
        let (reply, answer) = oneshot::channel();
        let order = Order::Inject { kind, is_held: hold == Hold::UntilHealed, reply };
        let gone = || FaultError::InstanceGone { target: target.clone() };
        keeper.orders.send(order).await.map_err(|_closed| gone())?;
        let evidence = match answer.await.map_err(|_closed| gone())? {
            Ok(evidence) => evidence,
            Err(error) => {
                events.send(events.lab("not_injected", target).with("why", error.to_string()));
                return Err(error);
            }
        };
        let at_us = events.clock().at_us(evidence.at);
        let mut event = events.lab("injected", target).with("fault", kind.to_string());
        event.at_us = at_us;
        events.send(event.with("evidence", evidence.text.clone()));
        self.faults().insert(target.clone(), fault.clone());
        Ok(Injected::new(fault.clone(), at_us, evidence, keeper.orders.clone()))
    }

    fn fault_target(&self, target: &str) -> Result<&KeeperHandle, FaultError> {
        self.parts.keepers.get(target).ok_or_else(|| FaultError::UnknownTarget {
            target: target.to_owned(),
            suggestion: nearest(target, self.parts.keepers.keys().map(String::as_str)),
        })
    }

    /// Takes a fault back; returns when its target is verified to be ready again. Of a fault that
    /// the system heals itself, this waits until it has.
    ///
    /// # Errors
    /// When the target is not ready again in time.
    pub async fn heal(&self, injected: Injected) -> Result<(), FaultError> {
        let fault = injected.fault.clone();
        let healed = self.heal_target(&fault).await;
        injected.disarm();
        healed
    }

    /// Heals every fault that is in effect, whoever injected it.
    ///
    /// # Errors
    /// Those that were not restored; the others are.
    pub async fn heal_all(&self) -> Result<(), Vec<FaultError>> {
        let mut failed = Vec::new();
        for fault in self.active_faults() {
            failed.extend(self.heal_target(&fault).await.err());
        }
        if failed.is_empty() { Ok(()) } else { Err(failed) }
    }

    /// Heals one fault that was left in effect.
    ///
    /// # Errors
    /// When the target is not ready again in time.
    pub async fn heal_fault(&self, fault: &Fault) -> Result<(), FaultError> {
        self.heal_target(fault).await
    }

    async fn heal_target(&self, fault: &Fault) -> Result<(), FaultError> {
        let (kind, target) = (fault.kind, &fault.target);
        let keeper = self.fault_target(target)?;
        let events = &self.parts.events;
        events.send(events.lab("healing", target).with("fault", kind.to_string()));
        let healed = keeper.heal().await;
        self.faults().remove(target);
        healed.map_err(|why| FaultError::NotRestored { kind, target: target.clone(), why })?;
        events.send(events.lab("healed", target).with("fault", kind.to_string()));
        Ok(())
    }

    /// Faults that were injected and not healed yet. One that the system heals itself counts until
    /// its target is ready.
    pub fn active_faults(&self) -> Vec<Fault> {
        let mut faults = self.faults();
        let is_over = |target: &String| {
            let keeper = self.parts.keepers.get(target);
            keeper.is_none_or(|keeper| keeper.status.borrow().state == ProcessState::Ready)
        };
        faults.retain(|target, _| !is_over(target));
        faults.values().cloned().collect()
    }

    fn faults(&self) -> MutexGuard<'_, BTreeMap<String, Fault>> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts a process that was stopped; returns when it is ready.
    ///
    /// # Errors
    /// When there is none of that name, or it does not become ready.
    pub async fn start(&self, name: &str) -> Result<(), InstanceError> {
        self.keeper(name)?.order(Order::Start).await.map_err(InstanceError::Unit)
    }

    /// Stops a process in an orderly way; it stays stopped.
    ///
    /// # Errors
    /// When there is none of that name, or something of it survives.
    pub async fn stop(&self, name: &str) -> Result<(), InstanceError> {
        self.keeper(name)?.order(Order::Stop).await.map_err(InstanceError::Unit)?;
        self.faults().remove(name);
        Ok(())
    }

    /// # Errors
    /// As [`Instance::stop`] and [`Instance::start`].
    pub async fn restart(&self, name: &str) -> Result<(), InstanceError> {
        self.stop(name).await?;
        self.start(name).await
    }

    /// Starts every process that is stopped.
    ///
    /// # Errors
    /// When one of them does not become ready.
    pub async fn start_all(&self) -> Result<(), InstanceError> {
        self.start_engines().await.map_err(InstanceError::Unit)?;
        self.start_services().await.map_err(InstanceError::Unit)
    }

    /// Stops every process, each before those that it needs, and starts all again.
    ///
    /// # Errors
    /// When something survives or does not become ready.
    pub async fn restart_all(&self) -> Result<(), InstanceError> {
        self.end_all(Order::Stop).await.map_err(InstanceError::Unit)?;
        self.faults().clear();
        self.start_all().await
    }

    fn keeper(&self, name: &str) -> Result<&KeeperHandle, InstanceError> {
        if let Some(keeper) = self.parts.keepers.get(name) {
            return Ok(keeper);
        }
        let name = name.to_owned();
        if self.parts.roles.contains_key(&name) {
            return Err(InstanceError::External { name });
        }
        let suggestion = nearest(&name, self.parts.keepers.keys().map(String::as_str));
        Err(InstanceError::UnknownProcess {
            name,
            system: self.parts.system.name.clone(),
            suggestion,
        })
    }

    /// Engines start all at once: their data is there already, so none waits for another.
    pub(super) async fn start_engines(&self) -> Outcome {
        let engines: Vec<&str> = self.parts.system.engines.keys().map(String::as_str).collect();
        self.order_all(&engines, Order::Start).await
    }

    /// Each service starts when all that it needs is ready.
    pub(super) async fn start_services(&self) -> Outcome {
        let services = &self.parts.system.services;
        let mut left: BTreeSet<&str> = services.keys().map(String::as_str).collect();
        while !left.is_empty() {
            let is_due = |name: &&&str| {
                let needs = &services[**name].needs;
                needs.iter().all(|need| !left.contains(need.as_str()))
            };
            let due: Vec<&str> = left.iter().filter(is_due).copied().collect();
            assert!(!due.is_empty(), "a checked system has no cycle");
            self.order_all(&due, Order::Start).await?;
            left.retain(|name| !due.contains(name));
        }
        Ok(())
    }

    /// Gives the same order to several keepers at once, and waits for all.
    pub(super) async fn order_all(
        &self,
        names: &[&str],
        order: fn(oneshot::Sender<Outcome>) -> Order,
    ) -> Outcome {
        let mut orders = JoinSet::new();
        for name in names {
            let Some(keeper) = self.parts.keepers.get(*name).cloned() else { continue };
            orders.spawn(async move { keeper.order(order).await });
        }
        let mut outcome = Ok(());
        while let Some(done) = orders.join_next().await {
            outcome = outcome.and(done.expect("an order cannot panic"));
        }
        outcome
    }

    /// Ends every process and keeps, forgets or deletes the instance. Processes of an ephemeral
    /// instance whose data is deleted are not given time to write it.
    ///
    /// # Errors
    /// When a process survives, or the folder cannot be deleted.
    pub async fn shutdown(mut self, data: Data) -> Result<(), InstanceError> {
        let order = if data == Data::Delete { Order::Kill } else { Order::Stop };
        let ended = self.end_all(order).await;
        self.is_down = true;
        self.parts.tasks.shutdown().await;
        self.parts.registry.clear();
        let folder = self.parts.folder.clone();
        let kept = tokio::task::spawn_blocking(move || folder.settle(data));
        kept.await.expect("deleting cannot panic")?;
        ended.map_err(InstanceError::Unit)
    }

    /// Services before the engines that they use, replicas before their primaries.
    async fn end_all(&self, order: fn(oneshot::Sender<Outcome>) -> Order) -> Outcome {
        let mut left: BTreeSet<&str> = self.parts.keepers.keys().map(String::as_str).collect();
        let mut outcome = Ok(());
        while !left.is_empty() {
            let system = &self.parts.system;
            let is_needed = |name: &&str| {
                left.iter().any(|other| system.needs(other).iter().any(|need| need == name))
            };
            let (_, free): (Vec<&str>, Vec<&str>) = left.iter().partition(|name| is_needed(name));
            assert!(!free.is_empty(), "a checked system has no cycle");
            outcome = outcome.and(self.order_all(&free, order).await);
            left.retain(|name| !free.contains(name));
        }
        outcome
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        if self.is_down {
            return;
        }
        // Keepers first, or they would start again what ends here.
        self.parts.tasks.abort_all();
        // The folder stays for its logs; the next sweep deletes an ephemeral one.
        reap(&self.parts.registry.records());
    }
}
