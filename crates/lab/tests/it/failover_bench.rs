//! Two servers of one engine behind an HAProxy, a watchdog in this process, and writers
//! that keep what was acknowledged to them.

#![expect(clippy::unwrap_used, reason = "helpers of a test fail by panicking, as tests do")]

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use standfast_engines::EngineKind;
use standfast_failover::actuator::SocketActuator;
use standfast_failover::core::{NodeId, Options};
use standfast_failover::database::mysql::{Flavour, MysqlServer};
use standfast_failover::database::postgres::Postgres;
use standfast_failover::database::{Database, Members};
use standfast_failover::router::HaProxy;
use standfast_failover::watchdog::{EventLine, Question, Watchdog, ask};
use standfast_lab::instance::{Instance, Network};
use tokio::net::UnixListener;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::failover_requests::Requests;
use crate::failover_writers::{Ledger, Place, Writer};
use crate::instance_actuator::told;
use crate::instance_bench::{Bench, wait_until};

const SYSTEM: &str = r#"name = "stock"
title = "Stock"
[engine.stock-a]
kind = "KIND"
port = 3306
database = "stock"
user = "stock"
init = ["schema.sql"]
managed_by = "watchdog"
[engine.stock-b]
kind = "KIND"
port = 3307
replica_of = "stock-a"
managed_by = "watchdog"
[engine.stock-proxy]
kind = "haproxy"
port = 6432
backends = ["stock-a", "stock-b"]
[service.watchdog]
run = ["sleep", "600"]
actuates = ["stock-a", "stock-b"]
env = { ROUTER = "{stock-proxy.socket}" }
"#;

const SCHEMA: &str = "
CREATE TABLE kept (writer INT, sequence BIGINT, PRIMARY KEY (writer, sequence)) ENGINE = InnoDB;
CREATE TABLE replication_duty (id TINYINT PRIMARY KEY, required TINYINT NOT NULL) ENGINE = InnoDB;
INSERT INTO replication_duty (id, required) VALUES (1, 1);
GRANT SELECT, INSERT ON kept TO stock@'%';
GRANT SELECT ON replication_duty TO stock@'%';
";

const POSTGRES_SCHEMA: &str = "
CREATE TABLE kept (writer int, sequence bigint, PRIMARY KEY (writer, sequence));
GRANT SELECT, INSERT ON kept TO stock;
";

const NODES: [&str; 2] = ["stock-a", "stock-b"];
const WRITERS: u32 = 4;

/// Longer than anything here takes: it only bounds a test that fails.
const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) struct Cluster {
    pub(crate) instance: Instance,
    control: PathBuf,
    events: Arc<Mutex<Vec<(Instant, String)>>>,
    /// Events before this one have been waited for.
    read: usize,
    ledger: Ledger,
    primary: String,
    kind: EngineKind,
    _watchdog: JoinSet<()>,
    /// Removes its folder, so it goes last.
    _bench: Bench,
}

impl Cluster {
    pub(crate) async fn up(kind: EngineKind) -> Self {
        Self::linked(kind, Network::Direct).await
    }

    /// With these links through the fault proxy.
    pub(crate) async fn linked(kind: EngineKind, network: Network) -> Self {
        let name = kind.to_string();
        let schema = if kind == EngineKind::Postgres { POSTGRES_SCHEMA } else { SCHEMA };
        let bench = Bench::with_files(&SYSTEM.replace("KIND", &name), &[("schema.sql", schema)]);
        let (mut options, _events) = bench.options("stock");
        options.network = network;
        let instance = bench.provision(options).await.unwrap();
        let events: Arc<Mutex<Vec<(Instant, String)>>> = Arc::default();
        let control = bench.root.join("control.sock");
        let watchdog = watchdog(&instance, kind, bench.root.join("watchdog"));
        let commands = UnixListener::bind(&control).unwrap();
        let kept = Arc::clone(&events);
        let report = Box::new(move |line: EventLine| {
            let detail = line.fields.get("detail").and_then(Value::as_str).unwrap_or_default();
            let text = format!("{} {}: {detail}", line.event, line.node);
            kept.lock().unwrap().push((Instant::now(), text));
        });
        let mut task = JoinSet::new();
        task.spawn(async move {
            watchdog.run(commands, report, std::future::pending()).await.unwrap();
        });
        Self {
            instance,
            control,
            events,
            read: 0,
            ledger: Ledger::default(),
            primary: NODES[0].to_owned(),
            kind,
            _watchdog: task,
            _bench: bench,
        }
    }

    /// Begins to write, as fast as a replica can follow.
    pub(crate) async fn write(&self) -> JoinSet<()> {
        let proxy = self.instance.url("stock-proxy").unwrap().to_owned();
        let place = if self.kind == EngineKind::Mysql {
            let nodes = NODES.map(|node| self.instance.url(node).unwrap().to_owned()).to_vec();
            Place { proxy, nodes, pause: Duration::from_millis(5) }
        } else {
            Place { proxy, nodes: Vec::new(), pause: Duration::ZERO }
        };
        let mut writers = JoinSet::new();
        for number in 0..WRITERS {
            let writer = Writer::new(number, place.clone(), self.ledger.clone());
            writers.spawn(writer.write_always());
        }
        writers
    }

    /// Begins to send requests, each by a connection of its own.
    pub(crate) fn send(&self, clients: u32) -> (Requests, JoinSet<()>) {
        let url = self.instance.url("stock-proxy").unwrap();
        let (requests, mut senders) = (Requests::default(), JoinSet::new());
        for client in 0..clients {
            senders.spawn(requests.clone().send_always(self.kind, url.to_owned(), client));
        }
        (requests, senders)
    }

    /// Waits until so many more commits are acknowledged.
    pub(crate) async fn acknowledges(&self, more: usize) {
        let goal = self.ledger.count() + more;
        wait_until("more is acknowledged", async || self.ledger.count() >= goal).await;
    }

    /// Waits for an event that was not waited for yet.
    pub(crate) async fn wait(&mut self, event: &str, node: &str) {
        self.wait_any(&[(event, node)]).await;
    }

    /// Answers which of them came first.
    pub(crate) async fn wait_any<'a>(&mut self, wanted: &[(&'a str, &str)]) -> &'a str {
        let find = || async { self.find(wanted) };
        let Some((index, found)) = standfast_engines::wait_until(PATIENCE, find).await else {
            panic!("none of {wanted:?} in {:?}", self.events());
        };
        let (event, node) = wanted[found];
        self.read = index + 1;
        if event == "switched" {
            self.primary = node.to_owned();
        }
        event
    }

    /// The first of these among the events that were not waited for yet.
    fn find(&self, wanted: &[(&str, &str)]) -> Option<(usize, usize)> {
        self.events().iter().enumerate().skip(self.read).find_map(|(index, seen)| {
            let is_it =
                |(event, node): &(&str, &str)| seen.starts_with(&format!("{event} {node}:"));
            wanted.iter().position(is_it).map(|found| (index, found))
        })
    }

    pub(crate) fn events(&self) -> Vec<String> {
        self.events.lock().unwrap().iter().map(|(_, text)| text.clone()).collect()
    }

    /// What happened since `start`, and how many milliseconds after it.
    pub(crate) fn course_since(&self, start: Instant) -> String {
        let events = self.events.lock().unwrap();
        let since = events.iter().filter(|(at, _)| *at >= start);
        let words = since.map(|(at, text)| {
            let event = text.split(' ').next().unwrap_or_default();
            format!("{event} {}", (*at - start).as_millis())
        });
        words.collect::<Vec<_>>().join(", ")
    }

    pub(crate) fn primary(&self) -> String {
        self.primary.clone()
    }

    /// Waits until clients get to the primary and its replica is sure to hold everything.
    pub(crate) async fn settled(&self) {
        let is_settled = || async {
            let status = ask(&self.control, &Question::Status).await.ok()?;
            (status.get("settled") == Some(&Value::Bool(true))).then_some(())
        };
        if standfast_engines::wait_until(PATIENCE, is_settled).await.is_none() {
            let status = ask(&self.control, &Question::Status).await.unwrap();
            panic!("not settled: {status:#}");
        }
    }

    pub(crate) async fn switch_over(&self, to: &str) {
        let question = Question::Switchover { to: Some(to.to_owned()) };
        let answer = ask(&self.control, &question).await.unwrap();
        assert_eq!(answer.get("ok"), Some(&Value::Bool(true)), "{answer}");
    }

    /// The longest time between two acknowledgements since `start`.
    pub(crate) fn longest_gap_since(&self, start: Instant) -> Duration {
        self.ledger.longest_gap_since(start)
    }

    /// Ends the writers and counts: everything acknowledged is on both servers, and one takes
    /// writes.
    pub(crate) async fn check(self, mut writers: JoinSet<()>) {
        writers.shutdown().await;
        let acknowledged = self.ledger.acknowledged();
        for node in NODES {
            let url = self.instance.admin_url(node).unwrap();
            wait_until("all that was acknowledged is there", async || {
                self.ledger.missing_at(url).await == Some(0)
            })
            .await;
        }
        assert!(!acknowledged.is_empty());
        let mut open = Vec::new();
        for node in NODES {
            let url = self.instance.admin_url(node).unwrap();
            if self.ledger.takes_writes(url).await {
                open.push(node);
            }
        }
        assert_eq!(open, [self.primary.as_str()], "{:?}", self.events());
    }
}

fn watchdog(instance: &Instance, kind: EngineKind, folder: PathBuf) -> Watchdog {
    let urls = NODES.map(|node| instance.admin_url(node).unwrap());
    let member = |index: usize| {
        let address = if kind == EngineKind::Postgres {
            Postgres::address_of(urls[index]).unwrap()
        } else {
            MysqlServer::address_of(urls[index]).unwrap()
        };
        (NODES[index].to_owned(), address.unwrap())
    };
    let members = Members::new(vec![member(0), member(1)]);
    let (databases, options) = databases(kind, &urls, &members);
    std::fs::create_dir_all(&folder).unwrap();
    let names = members.names();
    Watchdog {
        cluster: "stock".to_owned(),
        router: Arc::new(HaProxy::new(
            told(instance, "ROUTER").into(),
            "stock-proxy".to_owned(),
            names,
        )),
        actuator: Arc::new(SocketActuator::new(told(instance, "STANDFAST_ACTUATOR").into())),
        options: Options { failovers_max: 1000, ..options },
        first_primary: NodeId::new(0),
        members,
        databases,
        folder,
    }
}

fn databases(
    kind: EngineKind,
    urls: &[&str],
    members: &Members,
) -> (Vec<Arc<dyn Database>>, Options) {
    if kind == EngineKind::Postgres {
        let server = |url: &&str| Postgres::new(url, members.clone()).unwrap();
        let shared = urls.iter().map(|url| Arc::new(server(url)) as Arc<dyn Database>);
        return (shared.collect(), Options::of(urls.len()));
    }
    let flavour = if kind == EngineKind::Mysql { Flavour::Mysql } else { Flavour::Mariadb };
    let servers = MysqlServer::cluster(flavour, urls, members).unwrap();
    let shared = servers.into_iter().map(|server| Arc::new(server) as Arc<dyn Database>);
    (shared.collect(), flavour.options())
}
