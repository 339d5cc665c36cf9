//! Starts and ends of a running instance's processes, one by one and all together.

use std::collections::BTreeSet;

use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::order::{KeeperHandle, Order, Outcome};
use super::running::{Data, Instance, InstanceError};
use crate::spec::{EngineKind, Manager, STORE, nearest};

impl Instance {
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
        self.forget(name);
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
        // Links and hosts are not mended by new processes.
        self.faults().retain(|held| !held.grip.is_of_process());
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

    /// Engines start all at once: their data is there already, so none waits for another. Only what
    /// managers agree by is there before them.
    pub(super) async fn start_engines(&self) -> Outcome {
        let engines = self.parts.system.engines.iter();
        let (stores, others): (Vec<_>, Vec<_>) =
            engines.partition(|(_, engine)| engine.kind == EngineKind::Etcd);
        for engines in [stores, others] {
            let names: Vec<&str> = engines.into_iter().map(|(name, _)| name.as_str()).collect();
            self.order_all(&names, Order::Start).await?;
        }
        Ok(())
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
        // Behind a cut, a process may wait for another one that cannot answer.
        self.mend_all();
        self.join_all().await;
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
                // Agents give back by it what they hold.
                let is_store = system.manager == Manager::Patroni && *name == STORE;
                (is_store && left.len() > 1)
                    || left.iter().any(|other| system.needs(other).iter().any(|need| need == name))
            };
            let (_, free): (Vec<&str>, Vec<&str>) = left.iter().partition(|name| is_needed(name));
            assert!(!free.is_empty(), "a checked system has no cycle");
            outcome = outcome.and(self.order_all(&free, order).await);
            left.retain(|name| !free.contains(name));
        }
        outcome
    }
}
