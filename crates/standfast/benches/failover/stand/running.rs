//! A system of the lab that is up, and all that its processes tell.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::sync::{Arc, Mutex};

use anyhow::Result;
use standfast_engines::Home;
use standfast_engines::process::{Guardian, Spawner};
use standfast_history::Event;
use standfast_lab::instance::{Clock, Data, EventSink, Instance, Network, Ports, ProvisionOptions};
use standfast_lab::spec::{System, SystemSource};
use tokio::task::JoinSet;

use crate::options::Options;
use crate::target::Kind;

pub(crate) struct Running {
    pub(crate) instance: Instance,
    pub(crate) clock: Clock,
    events: Arc<Mutex<Vec<Event>>>,
    _collector: JoinSet<()>,
}

impl Running {
    /// `kinds` are those of its clusters.
    pub(super) async fn bring_up(
        source: SystemSource,
        kinds: &[Kind],
        options: &Options,
        clock: &Clock,
    ) -> Result<Self> {
        let system = Arc::new(System::load(source)?);
        let guardian = Guardian::Program {
            program: options.binary.clone(),
            arguments: vec![OsString::from("guard")],
        };
        let tireless =
            BTreeMap::from([("FAILOVERS_MAX".to_owned(), options.failovers_max.to_string())]);
        let watchdogs = kinds.iter().map(|kind| (watchdog(*kind), tireless.clone()));
        let (sink, mut stream) = EventSink::channel(clock.clone());
        let wanted = ProvisionOptions {
            name: format!("{}-{}", system.name, std::process::id()),
            home: Home::locate()?,
            ports: Ports::Automatic,
            without: Vec::new(),
            environment: watchdogs.collect(),
            external: BTreeMap::new(),
            network: Network::Direct,
            own_hosts: false,
            seed: 1,
            ephemeral: true,
            serve_binary: options.binary.clone(),
            spawner: Spawner::start(guardian)?,
            events: sink,
        };
        let instance = Instance::provision(&system, wanted).await?;
        let events: Arc<Mutex<Vec<Event>>> = Arc::default();
        let kept = Arc::clone(&events);
        let mut collector = JoinSet::new();
        collector.spawn(async move {
            while let Some(event) = stream.recv().await {
                kept.lock().expect("nobody panics with it in hand").push(event);
            }
        });
        Ok(Self { instance, clock: clock.clone(), events, _collector: collector })
    }

    pub(super) async fn take_down(self) -> Result<()> {
        Ok(self.instance.shutdown(Data::Delete).await?)
    }

    /// What `source` told since then, oldest first.
    pub(super) fn told(&self, source: &str, since_us: u64) -> Vec<Event> {
        let events = self.events.lock().expect("nobody panics with it in hand");
        let is_it = |event: &&Event| event.at_us >= since_us && event.source == source;
        events.iter().filter(is_it).cloned().collect()
    }
}

/// The service that watches over a cluster.
pub(super) fn watchdog(kind: Kind) -> String {
    format!("watchdog-{}", kind.cluster())
}
