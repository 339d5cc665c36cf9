//! Two PostgreSQL servers as shards for the program, with a writer whose every write counts.

#![expect(clippy::unwrap_used, reason = "helpers of a test fail by panicking, as tests do")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use standfast_engines::process::{Guardian, Spawner};
use standfast_engines::{Engine, EngineKind, EngineSpec, KafkaSpec, Secrets, find};
use standfast_reshard::coordinator::Fleet;
use standfast_reshard::core::Options;
use standfast_reshard::shard::ShardAddress;
use tokio::task::JoinHandle;
use tokio_postgres::{Client, NoTls};

use crate::place::{Place, free_ports};

pub(crate) const ROWS: i64 = 240;
const SLOTS: i64 = 16;
const TABLE: &str = "\
CREATE TABLE items (id bigint, slot int NOT NULL, value bigint NOT NULL, note text NOT NULL,
  PRIMARY KEY (slot, id))";
/// Everything but what counts the writes.
const CHECKSUM: &str = "\
SELECT count(*), coalesce(sum(hashtextextended(concat(id, slot, note), 0)), 0)::text FROM items";

pub(crate) struct ShardStand {
    engines: Vec<Engine>,
    pub(crate) config: String,
    _spawner: Spawner,
}

impl ShardStand {
    /// `a` owns everything, and is the catalog.
    pub(crate) async fn up(place: &Place) -> Self {
        let (home, spawner) = (place.home(), Spawner::start(Guardian::None).unwrap());
        let installation = find(EngineKind::Postgres.tool(), &home).unwrap();
        let (mut engines, ports) = (Vec::new(), free_ports(2));
        for (name, port) in ["a", "b"].into_iter().zip(ports..) {
            let spec = spec(name, port, &home.root().join("shards"));
            let engine = Engine::create(spec, &installation, &spawner, &home).await.unwrap();
            engine.start().await.unwrap();
            engine.run_sql(TABLE, &BTreeMap::new()).await.unwrap();
            engines.push(engine);
        }
        let [a, b] = [0, 1].map(|index: usize| engines[index].admin_url());
        // What is tested is never how long: a machine that builds may take its time.
        let text = format!(
            "catalog = \"{a}\"\nslots = {SLOTS}\ntables = [\"items\"]\n[limits]\n\
             pause_ms_max = 5000\nlag_ms_max = 5000\n[[shard]]\nname = \"a\"\nurl = \"{a}\"\n\
             [[shard]]\nname = \"b\"\nurl = \"{b}\"\n"
        );
        let config = place.write("shards.toml", &text).display().to_string();
        let stand = Self { engines, config, _spawner: spawner };
        place.must(&["shard", "init", "--owners", "a", "--config", &stand.config]).await;
        let rows = format!(
            "INSERT INTO items SELECT id, id % {SLOTS}, 0, 'row ' || id \
             FROM generate_series(1, {ROWS}) id"
        );
        stand.client(0).await.batch_execute(&rows).await.unwrap();
        stand
    }

    /// What the program reads from the file.
    pub(crate) fn fleet(&self) -> Fleet {
        let address = |(name, engine): (&str, &Engine)| {
            let (name, url) = (name.to_owned(), engine.admin_url());
            ShardAddress { name, peer_url: url.clone(), url }
        };
        let patience = Duration::from_secs(5);
        Fleet {
            catalog_url: self.engines[0].admin_url(),
            shards: ["a", "b"].into_iter().zip(&self.engines).map(address).collect(),
            tables: vec!["items".parse().unwrap()],
            slots: u16::try_from(SLOTS).unwrap(),
            options: Options { pause_max: patience, lag_max: patience, ..Options::default() },
        }
    }

    pub(crate) async fn client(&self, shard: usize) -> Client {
        connect(&self.engines[shard].admin_url()).await
    }

    /// Rows, and a sum over what no write changes, of the shards; nothing of a move may be left.
    pub(crate) async fn checksums(&self) -> [(i64, String); 2] {
        let mut sums = Vec::new();
        for shard in [0, 1] {
            let client = self.client(shard).await;
            for catalog in ["pg_replication_slots", "pg_publication", "pg_subscription"] {
                let count = format!("SELECT count(*) FROM {catalog}");
                let left: i64 = client.query_one(&count, &[]).await.unwrap().get(0);
                assert_eq!(left, 0, "{catalog} on shard {shard}");
            }
            let row = client.query_one(CHECKSUM, &[]).await.unwrap();
            sums.push((row.get(0), row.get(1)));
        }
        sums.try_into().unwrap()
    }

    /// What was written to each row, wherever it is.
    pub(crate) async fn values(&self) -> BTreeMap<i64, i64> {
        let mut values = BTreeMap::new();
        for shard in [0, 1] {
            for row in
                self.client(shard).await.query("SELECT id, value FROM items", &[]).await.unwrap()
            {
                assert_eq!(values.insert(row.get(0), row.get(1)), None, "a row is on both shards");
            }
        }
        values
    }

    /// Writes row after row until it is stopped.
    pub(crate) async fn writer(&self) -> Writer {
        let (stop, clients) =
            (Arc::new(AtomicBool::new(false)), [self.client(0).await, self.client(1).await]);
        let task = tokio::spawn(write(clients, Arc::clone(&stop)));
        Writer { stop, task }
    }

    pub(crate) async fn down(self) {
        for engine in &self.engines {
            engine.kill().await.unwrap();
        }
    }
}

pub(crate) struct Writer {
    stop: Arc<AtomicBool>,
    task: JoinHandle<BTreeMap<i64, i64>>,
}

impl Writer {
    /// How often each row was written, as acknowledged.
    pub(crate) async fn stop(self) -> BTreeMap<i64, i64> {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.unwrap()
    }
}

/// Each write adds one, so that one that is lost or done twice shows.
async fn write(clients: [Client; 2], stop: Arc<AtomicBool>) -> BTreeMap<i64, i64> {
    let (mut written, mut owner, mut turn) = (BTreeMap::new(), 0, 0);
    while !stop.load(Ordering::Relaxed) {
        turn += 1;
        let id = turn % ROWS + 1;
        let slot = id % SLOTS;
        let add = format!(
            "UPDATE items SET value = value + 1 WHERE slot = {slot} AND id = {id} \
             AND reshard.is_here({slot})"
        );
        loop {
            match clients[owner].execute(&add, &[]).await {
                Ok(1) => break,
                // It is not here now, or no row is: the guard sees rows only.
                Ok(_) => {}
                Err(error) => {
                    let code = error.code().map(tokio_postgres::error::SqlState::code);
                    assert_eq!(code, Some("RS001"), "{error:?}");
                }
            }
            owner = 1 - owner;
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        *written.entry(id).or_insert(0) += 1;
        // Not the machine's limit is to be found, only a write at any moment.
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    written
}

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

pub(crate) fn spec(name: &str, port: u16, root: &std::path::Path) -> EngineSpec {
    let settings = [
        ("wal_level", "logical"),
        ("max_worker_processes", "16"),
        // Else a subscription may take 5 s to begin.
        ("wal_retrieve_retry_interval", "100ms"),
    ];
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
