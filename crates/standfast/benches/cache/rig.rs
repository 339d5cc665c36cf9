//! The system under test: cache-fallback as the lab brings it up, on ports of its own.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use standfast_engines::Home;
use standfast_engines::process::{Guardian, Spawner};
use standfast_lab::instance::{
    Clock, Data, EventSink, Instance, Metrics, Network, Ports, ProvisionOptions,
};
use standfast_lab::spec::{System, SystemSource};
use standfast_loadgen::Scenario;
use standfast_systems::CATALOGUE;

use crate::http;
use crate::resp;
use crate::wire::Wire;

const SYSTEM: &str = "cache-fallback";
const SERVICE: &str = "offers";
const CACHE: &str = "cache";

/// One search of the hot ones, for the round trips.
pub(crate) const HOT_PATH: &str = "/offers?city=1&check_in=2027-03-01&nights=3&guests=2";

/// What a lookup of it asks for beside the copy, see `reads.rs` of the service.
const WRITTEN_KEY: &str = "w:c:1";

/// All that `search-hot` asks for: ten cities, two days.
const HOT_DAYS: [&str; 2] = ["2027-03-01", "2027-03-08"];
const HOT_CITIES: std::ops::RangeInclusive<u32> = 1..=10;

pub(crate) struct Rig {
    pub(crate) instance: Instance,
    pub(crate) address: SocketAddr,
    /// `search-hot` of `system.toml`.
    pub(crate) hot: Scenario,
}

/// The copy of the hot search in Valkey.
#[derive(Clone, Debug)]
pub(crate) struct CachedEntry {
    pub(crate) key: String,
    pub(crate) written_key: String,
    pub(crate) length: usize,
}

/// What the service has counted so far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counted {
    pub(crate) hits: f64,
    pub(crate) database_reads: f64,
}

impl Rig {
    pub(crate) async fn bring_up(binary: &Path) -> Result<Self> {
        let system = Arc::new(System::load(source()?)?);
        let spec = system.scenarios.get("search-hot").context("`search-hot` is gone")?;
        let hot = Scenario::compile("search-hot", spec)?;
        let guardian = Guardian::Program {
            program: binary.to_owned(),
            arguments: vec![OsString::from("guard")],
        };
        // Hits must stay hits however long the run is.
        let environment = [("CACHE_TTL".to_owned(), "1h".to_owned())];
        let options = ProvisionOptions {
            name: format!("bench-cache-{}", std::process::id()),
            home: Home::locate()?,
            ports: Ports::Automatic,
            without: Vec::new(),
            environment: BTreeMap::from([(SERVICE.to_owned(), environment.into())]),
            external: BTreeMap::new(),
            network: Network::Direct,
            own_hosts: false,
            seed: 1,
            ephemeral: true,
            serve_binary: binary.to_owned(),
            spawner: Spawner::start(guardian)?,
            events: EventSink::channel(Clock::started()).0,
        };
        let instance = Instance::provision(&system, options).await?;
        let address = instance.endpoint(SERVICE).context("the service has no port")?;
        Ok(Self { instance, address, hot })
    }

    /// Makes every hot search once, and answers where the copy of the first is.
    pub(crate) async fn warm(&self) -> Result<CachedEntry> {
        let address = self.address;
        let url = self.cache_url()?.to_owned();
        tokio::task::spawn_blocking(move || warm(address, &url)).await?
    }

    pub(crate) fn cache_url(&self) -> Result<&str> {
        self.instance.url(CACHE).context("the cache has no URL")
    }

    pub(crate) fn service_pid(&self) -> Result<u32> {
        self.instance.pid(SERVICE).context("the service does not run")
    }

    pub(crate) fn cache_pid(&self) -> Result<u32> {
        self.instance.pid(CACHE).context("the cache does not run")
    }

    pub(crate) async fn counted(&self) -> Result<Counted> {
        let metrics = Metrics::scrape(self.address).await?;
        let hits = r#"offers_requests_total{operation="search",source="cache",outcome="ok"}"#;
        let get = |name| metrics.get(name).with_context(|| format!("no metric {name}"));
        Ok(Counted {
            // Nobody has made one yet.
            hits: metrics.get(hits).unwrap_or(0.0),
            database_reads: get("offers_database_reads_total")?,
        })
    }

    pub(crate) async fn take_down(self) -> Result<()> {
        Ok(self.instance.shutdown(Data::Delete).await?)
    }
}

fn source() -> Result<SystemSource> {
    let files = CATALOGUE.iter().find(|files| files.name == SYSTEM).context("no such system")?;
    let owned = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
    Ok(SystemSource::Embedded {
        name: files.name.to_owned(),
        text: files.system_toml.to_owned(),
        files: files.files.iter().map(owned).collect(),
    })
}

fn warm(address: SocketAddr, cache_url: &str) -> Result<CachedEntry> {
    let mut service = Wire::connect(address)?;
    let mut ask = |path: &str| -> Result<()> {
        service.exchange(&http::request(path, address), http::length_of)?;
        Ok(())
    };
    ask(HOT_PATH)?;
    let mut cache = resp::connect(cache_url)?;
    let keys = resp::strings(cache.exchange(&resp::command(&["KEYS", "s:1:*"]), resp::length_of)?)?;
    ensure!(keys.len() == 1, "one search must leave one copy, but these are there: {keys:?}");
    let key = keys.into_iter().next().context("there is one")?;
    let reply = cache.exchange(&resp::command(&["STRLEN", &key]), resp::length_of)?;
    let length = std::str::from_utf8(reply)?.trim_start_matches(':').trim().parse()?;
    for city in HOT_CITIES {
        for day in HOT_DAYS {
            ask(&format!("/offers?city={city}&check_in={day}&nights=3&guests=2"))?;
        }
    }
    Ok(CachedEntry { key, written_key: WRITTEN_KEY.to_owned(), length })
}
