//! The system under test: voted-inventory as the lab brings it up, on ports of its own.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use standfast_engines::Home;
use standfast_engines::process::{Guardian, Spawner};
use standfast_lab::instance::{
    Clock, Data, EventSink, Instance, Metrics, Network, Ports, ProvisionOptions,
};
use standfast_lab::spec::{System, SystemSource};
use standfast_loadgen::Scenario;
use standfast_systems::CATALOGUE;
use tokio::time::{Instant, sleep};

const SYSTEM: &str = "voted-inventory";

pub(crate) const REPLICAS: [&str; 3] = ["inventory-1", "inventory-2", "inventory-3"];

/// Fifty clients of pgbench are more than the services of the system need.
const CONNECTIONS_SHIPPED: &str = "max_connections = \"40\"";
const CONNECTIONS: &str = "max_connections = \"100\"";

/// What is not published by then will not be.
const DRAIN_TIME_MAX: Duration = Duration::from_secs(60);

const DRAIN_POLL: Duration = Duration::from_millis(20);

pub(crate) struct Rig {
    pub(crate) instance: Instance,
    pub(crate) spawner: Spawner,
    /// `create_order` of `system.toml`.
    pub(crate) create_order: Scenario,
}

impl Rig {
    pub(crate) async fn bring_up(binary: &Path) -> Result<Self> {
        let system = Arc::new(System::load(source()?)?);
        let spec = system.scenarios.get("create_order").context("`create_order` is gone")?;
        let create_order = Scenario::compile("create_order", spec)?;
        let guardian = Guardian::Program {
            program: binary.to_owned(),
            arguments: vec![OsString::from("guard")],
        };
        let spawner = Spawner::start(guardian)?;
        let options = ProvisionOptions {
            name: format!("bench-inventory-{}", std::process::id()),
            home: Home::locate()?,
            ports: Ports::Automatic,
            without: Vec::new(),
            environment: BTreeMap::new(),
            external: BTreeMap::new(),
            network: Network::Direct,
            own_hosts: false,
            seed: 1,
            ephemeral: true,
            serve_binary: binary.to_owned(),
            spawner: spawner.clone(),
            events: EventSink::channel(Clock::started()).0,
        };
        let instance = Instance::provision(&system, options).await?;
        Ok(Self { instance, spawner, create_order })
    }

    pub(crate) fn address(&self, service: &str) -> Result<SocketAddr> {
        self.instance.endpoint(service).with_context(|| format!("{service} has no port"))
    }

    pub(crate) fn pid(&self, process: &str) -> Result<u32> {
        self.instance.pid(process).with_context(|| format!("{process} does not run"))
    }

    /// Waits until every order that was taken is in the log and decided; answers how long that
    /// took.
    pub(crate) async fn drained(&self) -> Result<Duration> {
        let (begun, orders) = (Instant::now(), self.address("orders")?);
        loop {
            let metrics = Metrics::scrape(orders).await?;
            let get = |name: &str| metrics.get(name).unwrap_or(0.0);
            let placed = get("orders_placed_total");
            let decided: f64 = ["confirmed", "rejected", "cancelled"]
                .map(|status| get(&format!("orders_decided_total{{status=\"{status}\"}}")))
                .iter()
                .sum();
            if decided >= placed {
                return Ok(begun.elapsed());
            }
            ensure!(
                begun.elapsed() < DRAIN_TIME_MAX,
                "of {placed} orders only {decided} are decided"
            );
            sleep(DRAIN_POLL).await;
        }
    }

    pub(crate) async fn take_down(self) -> Result<()> {
        Ok(self.instance.shutdown(Data::Delete).await?)
    }
}

fn source() -> Result<SystemSource> {
    let files = CATALOGUE.iter().find(|files| files.name == SYSTEM).context("no such system")?;
    let text = files.system_toml.replace(CONNECTIONS_SHIPPED, CONNECTIONS);
    ensure!(text != files.system_toml, "`{CONNECTIONS_SHIPPED}` is gone from system.toml");
    let owned = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
    Ok(SystemSource::Embedded {
        name: files.name.to_owned(),
        text,
        files: files.files.iter().map(owned).collect(),
    })
}
