//! The handle to a running fault proxy, and all that can be called.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use super::address::ListenAddress;
use super::declaration::{ProxyChange, ProxyDeclaration, ToxicChange};
use super::error::{PopulateError, ProxyError, StartError};
use super::settings::{Proxy, Target, view_of_toxic};
use super::toxics;
use super::view::{Adoption, ProxyView, ToxicView};
use crate::link::{Installed, Seed};
use crate::plane::{Chains, Origin, Plane, PlaneOptions, Traffic};
use crate::toxic::Toxic;

/// One thread moves some 100,000 small requests per second: four are more than one machine's load.
const THREADS_BY_DEFAULT_MAX: usize = 4;

/// How a fault proxy runs.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// All chance is drawn from it.
    pub seed: u64,
    /// Threads that move bytes; one that accepts comes on top. `None`: as many as are of use.
    pub threads: Option<usize>,
    /// How long a connection to an upstream may take to come about.
    pub dial_timeout: Duration,
    /// Open connections over all proxies; more are closed at once, and counted.
    pub connections_max: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seed: 0,
            threads: None,
            // Longer than three retransmissions of a SYN (1 s, 3 s, 7 s), so that a short loss
            // is survived.
            dial_timeout: Duration::from_secs(10),
            // A connection has two sockets: this is as far as the usual hard limit of 2^20 file
            // descriptors per process is from being a concern.
            connections_max: 100_000,
        }
    }
}

/// A running fault proxy. When the last handle is dropped, ports and connections are closed and its
/// threads end.
#[derive(Clone, Debug)]
pub struct FaultProxy {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    seed: u64,
    /// Held for a few system calls at most, never across an await. Before the plane, so that ports
    /// close while their thread still runs.
    proxies: Mutex<BTreeMap<String, Proxy>>,
    plane: Plane,
}

impl FaultProxy {
    /// Starts the threads of the data plane. Needs no runtime around it.
    pub fn start(options: Options) -> Result<Self, StartError> {
        let threads = options.threads.unwrap_or_else(threads_by_default);
        let plane = Plane::start(PlaneOptions {
            threads,
            dial_timeout: options.dial_timeout,
            connections_max: options.connections_max,
        })?;
        let inner = Inner { seed: options.seed, proxies: Mutex::default(), plane };
        Ok(Self { inner: Arc::new(inner) })
    }

    pub fn seed(&self) -> u64 {
        self.inner.seed
    }

    /// Makes a proxy with its toxics, or nothing at all.
    pub async fn create(&self, declaration: ProxyDeclaration) -> Result<ProxyView, ProxyError> {
        check_fields(&declaration, "")?;
        let chains = toxics::chains_of(&declaration.toxics)?;
        if self.lock().contains_key(&declaration.name) {
            return Err(ProxyError::AlreadyExists);
        }
        let resolved = self.resolve_if(declaration.enabled, &declaration.listen).await?;
        let mut proxies = self.lock();
        if proxies.contains_key(&declaration.name) {
            return Err(ProxyError::AlreadyExists);
        }
        let proxy = self.make(&declaration, chains, resolved.as_ref())?;
        let view = proxy.view();
        proxies.insert(declaration.name, proxy);
        Ok(view)
    }

    /// All proxies, by name.
    pub fn list(&self) -> Vec<ProxyView> {
        self.lock().values().map(Proxy::view).collect()
    }

    pub fn get(&self, proxy: &str) -> Result<ProxyView, ProxyError> {
        self.lock().get(proxy).map(Proxy::view).ok_or(ProxyError::NotFound)
    }

    /// Changes a proxy. Another address or upstream ends its connections; if the new address cannot
    /// be bound, all stays as it was.
    pub async fn update(&self, proxy: &str, change: ProxyChange) -> Result<ProxyView, ProxyError> {
        let present = self.get(proxy)?;
        let listen = change.listen.unwrap_or(present.listen);
        let resolved = self.resolve(&listen).await?;
        let mut proxies = self.lock();
        let proxy = proxies.get_mut(proxy).ok_or(ProxyError::NotFound)?;
        let target = Target {
            listen,
            resolved: &resolved,
            upstream: change.upstream.unwrap_or(present.upstream),
            enabled: change.enabled.unwrap_or(present.enabled),
        };
        proxy.become_target(&self.inner.plane, &target)?;
        Ok(proxy.view())
    }

    /// Closes the port and all connections of a proxy, and forgets it.
    pub async fn delete(&self, proxy: &str) -> Result<(), ProxyError> {
        let mut removed = self.lock().remove(proxy).ok_or(ProxyError::NotFound)?;
        removed.disable();
        Ok(())
    }

    /// Makes several proxies. One that is there already with the same address and upstream is left
    /// alone, with its toxics and enabled or not; another one of the same name is replaced.
    pub async fn populate(
        &self,
        all: Vec<ProxyDeclaration>,
    ) -> Result<Vec<ProxyView>, PopulateError> {
        let mut made = Vec::with_capacity(all.len());
        for (index, declaration) in all.iter().enumerate() {
            if let Err(error) = check_fields(declaration, &format!(" at proxy {}", index + 1)) {
                return Err(PopulateError { made, error });
            }
        }
        for declaration in all {
            match self.add_or_replace(declaration).await {
                Ok(view) => made.push(view),
                Err(error) => return Err(PopulateError { made, error }),
            }
        }
        Ok(made)
    }

    async fn add_or_replace(&self, declaration: ProxyDeclaration) -> Result<ProxyView, ProxyError> {
        let chains = toxics::chains_of(&declaration.toxics)?;
        let exists = self.lock().contains_key(&declaration.name);
        let needs_address = declaration.enabled || exists;
        let resolved = self.resolve_if(needs_address, &declaration.listen).await?;
        let mut proxies = self.lock();
        let present = proxies.get_mut(&declaration.name);
        if let (Some(present), Some(resolved)) = (present, &resolved) {
            let target = Target {
                listen: declaration.listen.clone(),
                resolved,
                upstream: declaration.upstream.clone(),
                enabled: declaration.enabled,
            };
            if present.differs(&target) {
                present.become_target(&self.inner.plane, &target)?;
                present.traffic.put_in_force(chains);
            }
            return Ok(present.view());
        }
        let proxy = self.make(&declaration, chains, resolved.as_ref())?;
        let view = proxy.view();
        proxies.insert(declaration.name, proxy);
        Ok(view)
    }

    /// Enables every proxy and removes all toxics. Goes through all of them, and answers the first
    /// error.
    pub async fn reset(&self) -> Result<(), ProxyError> {
        let mut outcome = Ok(());
        for view in self.list() {
            let enabled = ProxyChange { enabled: Some(true), ..ProxyChange::default() };
            let done = match self.update(&view.name, enabled).await {
                Ok(_) => self.with_chains(&view.name, |chains| {
                    *chains = Chains::default();
                    Ok(())
                }),
                Err(error) => Err(error),
            };
            // One that was deleted meanwhile needs no reset.
            if !matches!(done, Err(ProxyError::NotFound)) {
                outcome = outcome.and(done);
            }
        }
        outcome
    }

    /// Adds a toxic to the end of its direction, for live connections as well.
    pub fn add_toxic(&self, proxy: &str, toxic: Toxic) -> Result<ToxicView, ProxyError> {
        self.change_chains(proxy, |chains| toxics::add(chains, toxic))
    }

    pub fn toxic(&self, proxy: &str, toxic: &str) -> Result<ToxicView, ProxyError> {
        let chains = self.traffic(proxy)?.chains();
        toxics::find(&chains, toxic).map(|installed| view_of_toxic(installed))
    }

    /// Changes a toxic; what it remembers of live connections stays.
    pub fn change_toxic(
        &self,
        proxy: &str,
        toxic: &str,
        change: ToxicChange,
    ) -> Result<ToxicView, ProxyError> {
        self.change_chains(proxy, |chains| toxics::change(chains, toxic, change))
    }

    /// Removes a toxic; answers it as it was, with what it did.
    pub fn remove_toxic(&self, proxy: &str, toxic: &str) -> Result<ToxicView, ProxyError> {
        self.change_chains(proxy, |chains| toxics::remove(chains, toxic))
    }

    /// Resets every live connection on both sides; answers how many.
    pub fn reset_connections(&self, proxy: &str) -> Result<usize, ProxyError> {
        Ok(self.traffic(proxy)?.reset_all())
    }

    /// Returns when every live connection runs under the newest toxics, or `within` is over.
    pub async fn adopted(&self, proxy: &str, within: Duration) -> Result<Adoption, ProxyError> {
        let traffic = self.traffic(proxy)?;
        // On a thread of ours: callers may be on any runtime.
        let adopted = Arc::clone(&traffic);
        let waits = async move { tokio::time::timeout(within, adopted.adopted()).await };
        let _in_time_or_not = self.inner.plane.handle().spawn(waits).await;
        Ok(traffic.adoption())
    }

    fn make(
        &self,
        declaration: &ProxyDeclaration,
        chains: Chains,
        resolved: Option<&ListenAddress>,
    ) -> Result<Proxy, ProxyError> {
        let ProxyDeclaration { name, listen, upstream, .. } = declaration;
        let threads = self.inner.plane.threads();
        let origin = Origin { name, seed: Seed(self.inner.seed), threads };
        let traffic = Traffic::new(origin, upstream, chains);
        let (listen, upstream) = (listen.clone(), upstream.clone());
        let mut proxy = Proxy { listen, upstream, port: None, traffic };
        if let (true, Some(resolved)) = (declaration.enabled, resolved) {
            proxy.enable(&self.inner.plane, resolved)?;
        }
        Ok(proxy)
    }

    async fn resolve(&self, listen: &str) -> Result<ListenAddress, ProxyError> {
        ListenAddress::resolve(listen, self.inner.plane.handle()).await
    }

    async fn resolve_if(
        &self,
        is_needed: bool,
        listen: &str,
    ) -> Result<Option<ListenAddress>, ProxyError> {
        if is_needed { self.resolve(listen).await.map(Some) } else { Ok(None) }
    }

    fn change_chains(
        &self,
        proxy: &str,
        change: impl FnOnce(&mut Chains) -> Result<Arc<Installed>, ProxyError>,
    ) -> Result<ToxicView, ProxyError> {
        self.with_chains(proxy, change).map(|installed| view_of_toxic(&installed))
    }

    /// Puts changed chains in force; under the lock, so that no change is lost.
    fn with_chains<T>(
        &self,
        proxy: &str,
        change: impl FnOnce(&mut Chains) -> Result<T, ProxyError>,
    ) -> Result<T, ProxyError> {
        let proxies = self.lock();
        let proxy = proxies.get(proxy).ok_or(ProxyError::NotFound)?;
        let mut chains = Chains::clone(&proxy.traffic.chains());
        let answer = change(&mut chains)?;
        proxy.traffic.put_in_force(chains);
        Ok(answer)
    }

    fn traffic(&self, proxy: &str) -> Result<Arc<Traffic>, ProxyError> {
        let proxies = self.lock();
        let proxy = proxies.get(proxy).ok_or(ProxyError::NotFound)?;
        Ok(Arc::clone(&proxy.traffic))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Proxy>> {
        self.inner.proxies.lock().expect("nothing panics while it holds the collection")
    }
}

/// One for each processor, within reason: what is measured through it needs processors as well.
fn threads_by_default() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get).min(THREADS_BY_DEFAULT_MAX)
}

fn check_fields(declaration: &ProxyDeclaration, place: &str) -> Result<(), ProxyError> {
    let fields = [("name", &declaration.name), ("upstream", &declaration.upstream)];
    for (field, value) in fields {
        if value.is_empty() {
            return Err(ProxyError::MissingField { field: format!("{field}{place}") });
        }
    }
    Ok(())
}
