//! PostgreSQL servers as shards, with one sharded table; the catalog is in the first one.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use standfast_engines::process::{Guardian, Spawner};
use standfast_engines::{Engine, EngineKind, EngineSpec, Home, KafkaSpec, Secrets, find};
use standfast_reshard::catalog::Catalog;
use standfast_reshard::coordinator::{Coordinator, Fleet};
use standfast_reshard::core::{Map, Options, SlotSet};
use standfast_reshard::shard::{Shard, ShardAddress, Table};
use tokio_postgres::{Client, NoTls};

pub(super) const SLOTS: u16 = 64;

const TABLE: &str = "\
CREATE TABLE items (id bigint, slot int NOT NULL, value bigint NOT NULL, note text,
  PRIMARY KEY (slot, id))";

/// For a coordinator that has just been dropped: its server may not have noticed yet.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

pub(super) struct Stand {
    engines: Vec<Engine>,
    pub(super) fleet: Fleet,
    root: PathBuf,
    _spawner: Spawner,
}

impl Stand {
    /// Servers with these names, of which `owners` share the slots.
    pub(super) async fn up(names: &[&str], owners: &[&str]) -> Self {
        let stand = Self::bare(names).await;
        stand.fleet.install(&owned(owners)).await.unwrap();
        stand
    }

    /// Servers that do not know that they are shards.
    pub(super) async fn bare(names: &[&str]) -> Self {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let root = scratch().join(format!("standfast-test-{}-{number}-shards", std::process::id()));
        let home = scratch().join(format!("standfast-test-home-{}", nix::unistd::getuid()));
        let (home, spawner) = (Home::at(home), Spawner::start(Guardian::None).unwrap());
        let installation = find(EngineKind::Postgres.tool(), &Home::locate().unwrap()).unwrap();
        let (mut engines, mut shards) = (Vec::new(), Vec::new());
        for name in names {
            let spec = spec(name, &root);
            let engine = Engine::create(spec, &installation, &spawner, &home).await.unwrap();
            engine.start().await.unwrap();
            engine.run_sql(TABLE, &BTreeMap::new()).await.unwrap();
            let url = engine.admin_url();
            shards.push(ShardAddress { name: (*name).to_owned(), url: url.clone(), peer_url: url });
            engines.push(engine);
        }
        let fleet = Fleet {
            catalog_url: shards[0].url.clone(),
            shards,
            tables: vec!["items".parse::<Table>().unwrap()],
            slots: SLOTS,
            options: patient(),
        };
        Self { engines, fleet, root, _spawner: spawner }
    }

    pub(super) fn engine(&self, shard: &str) -> &Engine {
        let index = self.fleet.shards.iter().position(|address| address.name == shard);
        &self.engines[index.unwrap()]
    }

    pub(super) async fn client(&self, shard: &str) -> Client {
        let url = &self.fleet.address(shard).unwrap().url;
        let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }

    pub(super) async fn catalog(&self) -> Catalog {
        Catalog::connect(&self.fleet.catalog_url).await.unwrap()
    }

    pub(super) async fn map(&self) -> Map {
        self.catalog().await.map().await.unwrap().unwrap()
    }

    pub(super) async fn coordinator(&self) -> Coordinator {
        Coordinator::begin(self.fleet.clone(), PATIENCE).await.unwrap()
    }

    pub(super) async fn shard(&self, name: &str) -> Shard {
        Shard::connect(self.fleet.address(name).unwrap(), 0).await.unwrap()
    }

    /// All rows of a shard, wherever they should be.
    pub(super) async fn rows(&self, shard: &str) -> BTreeMap<i64, (u16, i64)> {
        let client = self.client(shard).await;
        let rows = client.query("SELECT id, slot, value FROM items", &[]).await.unwrap();
        let slot = |slot: i32| u16::try_from(slot).unwrap();
        rows.iter().map(|row| (row.get(0), (slot(row.get(1)), row.get(2)))).collect()
    }

    /// Every slot is open on its owner alone, every row is there alone, nothing of a move is left.
    pub(super) async fn assert_clean(&self) {
        let map = self.map().await;
        for address in &self.fleet.shards {
            let owned = map.slots_of(&address.name);
            let client = self.client(&address.name).await;
            let open = client.query("SELECT slot FROM reshard.slot WHERE is_open", &[]).await;
            let open = open.unwrap().into_iter().map(|row| row.get::<_, i32>(0));
            let open = SlotSet::of(open.map(|slot| u16::try_from(slot).unwrap()));
            assert_eq!(open, owned, "what `{}` takes writes of", address.name);
            let strangers = self.rows(&address.name).await.into_iter();
            let strangers = strangers.filter(|(_, (slot, _))| !owned.contains(*slot)).count();
            assert_eq!(strangers, 0, "rows on `{}` that are another's", address.name);
            for catalog in ["pg_replication_slots", "pg_publication", "pg_subscription"] {
                let count = format!("SELECT count(*) FROM {catalog}");
                assert_eq!(
                    client.query_one(&count, &[]).await.unwrap().get::<_, i64>(0),
                    0,
                    "{catalog}"
                );
            }
            let left = self.shard(&address.name).await.leftovers().await.unwrap();
            assert_eq!(left, [], "on `{}`", address.name);
        }
    }

    pub(super) async fn down(self) {
        for engine in &self.engines {
            engine.kill().await.unwrap();
        }
    }
}

impl Drop for Stand {
    fn drop(&mut self) {
        self.engines.clear();
        drop(std::fs::remove_dir_all(&self.root));
    }
}

pub(super) fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// A machine that builds beside us may take its time: what is tested here is never how long.
pub(super) fn patient() -> Options {
    Options {
        pause_max: Duration::from_secs(5),
        lag_max: Duration::from_secs(5),
        look_every: Duration::from_millis(20),
        ..Options::default()
    }
}

fn spec(name: &str, root: &std::path::Path) -> EngineSpec {
    let settings = [("wal_level", "logical"), ("max_worker_processes", "16")];
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    EngineSpec {
        name: name.to_owned(),
        kind: EngineKind::Postgres,
        host: None,
        port,
        data: root.join("data").join(name),
        log: root.join("logs").join(format!("{name}.log")),
        database: Some("shop".to_owned()),
        user: Some("shop".to_owned()),
        settings: settings.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
        replica_of: None,
        peers: Vec::new(),
        agent: None,
        backends: Vec::new(),
        configuration: None,
        kafka: KafkaSpec::default(),
        secrets: Secrets::generate(),
    }
}

/// Memory when there is enough of it, as in the tests of engines.
fn scratch() -> PathBuf {
    let memory = PathBuf::from("/dev/shm");
    let free = nix::sys::statvfs::statvfs(&memory)
        .map_or(0, |space| space.blocks_available() * space.fragment_size());
    if free >= 4 << 30 { memory } else { std::env::temp_dir() }
}
