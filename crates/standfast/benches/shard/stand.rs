//! PostgreSQL servers as shards, with a guarded table and one without a guard beside it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use standfast_engines::process::{Guardian, Spawner};
use standfast_engines::{Engine, EngineKind, EngineSpec, Home, KafkaSpec, Secrets, find};
use standfast_reshard::catalog::Catalog;
use standfast_reshard::coordinator::Fleet;
use standfast_reshard::core::{Map, Options as Patience, SlotSet};
use standfast_reshard::shard::{ShardAddress, Table};
use standfast_tactics::shard::Key;

use crate::link::Link;
use crate::options::Options;

pub(crate) const SLOTS: u16 = 4096;

/// Of about 200 bytes with `note`.
const TABLES: &str = "\
CREATE TABLE items (id bigint, slot int NOT NULL, value bigint NOT NULL, note text NOT NULL,
  PRIMARY KEY (slot, id));
CREATE TABLE bare (LIKE items INCLUDING ALL);";

/// `wal_retrieve_retry_interval` is how long a subscription may take to begin: see the guide.
const SETTINGS: [(&str, &str); 5] = [
    ("wal_level", "logical"),
    ("max_worker_processes", "16"),
    ("wal_retrieve_retry_interval", "200ms"),
    ("shared_buffers", "256MB"),
    ("max_wal_size", "4GB"),
];

pub(crate) struct Stand {
    engines: Vec<Engine>,
    pub(crate) fleet: Fleet,
    pub(crate) folder: PathBuf,
    pub(crate) spawner: Spawner,
    /// The folder of PostgreSQL's programs.
    pub(crate) programs: PathBuf,
}

/// The slot of a row: the highest bits of its key's hash.
pub(crate) fn slot_of(id: i64) -> u16 {
    let shift = u64::BITS - SLOTS.trailing_zeros();
    u16::try_from(Key::Number(id.cast_unsigned()).hashed() >> shift).expect("a slot has 12 bits")
}

impl Stand {
    /// Servers `shards`, of which `owners` share the slots, and `others`.
    pub(crate) async fn up(
        shards: &[&str],
        owners: &[&str],
        others: &[&str],
        options: &Options,
    ) -> Result<Self> {
        let folder = options.folder.join(format!("bench-shard-{}", uuid::Uuid::now_v7()));
        let guardian = Guardian::Program {
            program: options.binary.clone(),
            arguments: vec![OsString::from("guard")],
        };
        let (home, spawner) = (Home::locate()?, Spawner::start(guardian)?);
        let installation = find(EngineKind::Postgres.tool(), &home)?;
        let (mut engines, mut addresses) = (Vec::new(), Vec::new());
        for name in shards.iter().chain(others) {
            let engine =
                Engine::create(spec(name, &folder)?, &installation, &spawner, &home).await?;
            engine.start().await?;
            engine.run_sql(TABLES, &BTreeMap::new()).await?;
            let url = engine.admin_url();
            if shards.contains(name) {
                let peer_url = url.clone();
                addresses.push(ShardAddress { name: (*name).to_owned(), url, peer_url });
            }
            engines.push(engine);
        }
        let fleet = Fleet {
            catalog_url: addresses.first().context("there is no shard")?.url.clone(),
            shards: addresses,
            tables: vec!["items".parse::<Table>()?],
            slots: SLOTS,
            options: Patience::default(),
        };
        let owners: Vec<String> = owners.iter().map(|name| (*name).to_owned()).collect();
        fleet.install(&owners).await?;
        let stand = Self { engines, fleet, folder, spawner, programs: installation.path };
        stand.see_that_it_is_durable().await?;
        Ok(stand)
    }

    async fn see_that_it_is_durable(&self) -> Result<()> {
        for engine in &self.engines {
            let link = Link::open(&engine.admin_url(), &[]).await?;
            for setting in ["fsync", "synchronous_commit", "full_page_writes"] {
                let row = link.client.query_one(&format!("SHOW {setting}"), &[]).await?;
                let value: String = row.try_get(0)?;
                ensure!(value == "on", "{setting} is {value}: nothing would be durable");
            }
        }
        Ok(())
    }

    fn engine(&self, name: &str) -> Result<&Engine> {
        let found = self.engines.iter().find(|engine| engine.spec().name == name);
        found.with_context(|| format!("no server is called {name}"))
    }

    /// As a superuser.
    pub(crate) fn url(&self, name: &str) -> Result<String> {
        Ok(self.engine(name)?.admin_url())
    }

    pub(crate) async fn link(&self, name: &str) -> Result<Link> {
        Link::open(&self.url(name)?, &[]).await
    }

    /// The first process of each server.
    pub(crate) fn pids(&self) -> Vec<u32> {
        let children = self.engines.iter().filter_map(Engine::child);
        children.map(|child| child.pid()).collect()
    }

    pub(crate) async fn map(&self) -> Result<Map> {
        let catalog = Catalog::connect(&self.fleet.catalog_url).await?;
        catalog.map().await?.context("there is no map")
    }

    pub(crate) async fn owned(&self, shard: &str) -> Result<SlotSet> {
        Ok(self.map().await?.slots_of(shard))
    }

    pub(crate) async fn down(self) -> Result<()> {
        for engine in &self.engines {
            engine.kill().await?;
        }
        drop(self.engines);
        std::fs::remove_dir_all(&self.folder)
            .with_context(|| format!("cannot remove {}", self.folder.display()))
    }
}

fn spec(name: &str, folder: &Path) -> Result<EngineSpec> {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
    Ok(EngineSpec {
        name: name.to_owned(),
        kind: EngineKind::Postgres,
        host: None,
        port,
        data: folder.join("data").join(name),
        log: folder.join("logs").join(format!("{name}.log")),
        database: Some("shop".to_owned()),
        user: Some("shop".to_owned()),
        settings: SETTINGS.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
        replica_of: None,
        peers: Vec::new(),
        agent: None,
        backends: Vec::new(),
        configuration: None,
        kafka: KafkaSpec::default(),
        secrets: Secrets::generate(),
    })
}
