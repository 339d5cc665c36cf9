//! MariaDB and MySQL whose roles somebody else decides: read-only starts, promotion by SQL, and the
//! old primary's return, with its own files or with a copy.

use std::net::SocketAddrV4;
use std::sync::Arc;
use std::time::Duration;

use mysql_async::prelude::Queryable;
use standfast_engines::{
    Engine, EngineKind, EngineSpec, Peer, Rejoined, StoredRole, Upstream, wait_until,
};
use tokio::sync::Notify;

use crate::mysql::{client, connect, count, sql};
use crate::place::{Place, upstream};

/// A server in the workshop is up for longer.
const BETWEEN_TRIES: Duration = Duration::from_millis(2);

/// Bounds a replica that never does; one on a machine that builds, too, takes its time.
const CATCHES_UP_WITHIN: Duration = Duration::from_secs(60);

/// Two engines that take turns; `a` begins as the primary.
struct Cluster {
    kind: EngineKind,
    a: Engine,
    b: Engine,
}

impl Cluster {
    async fn new(place: &Place, kind: EngineKind) -> Self {
        let (a, b) = (place.spec("a", kind), place.spec("b", kind));
        let peer = |of: &EngineSpec| Peer {
            name: of.name.clone(),
            address: SocketAddrV4::new(of.address(), of.port),
        };
        let (peers_of_a, peers_of_b) = (vec![peer(&b)], vec![peer(&a)]);
        let a = place.create(EngineSpec { peers: peers_of_a, ..a }).await;
        a.start().await.unwrap();
        let schema = "CREATE TABLE kept (id int AUTO_INCREMENT PRIMARY KEY); \
                      GRANT SELECT, INSERT ON offers.kept TO offers@'%'";
        sql(&a, schema).await;
        let replica_of: Option<Upstream> = Some(upstream(&a));
        let b = place.create(EngineSpec { peers: peers_of_b, replica_of, ..b }).await;
        b.start().await.unwrap();
        Self { kind, a, b }
    }

    /// As a watchdog does it.
    async fn promote(&self, engine: &Engine) {
        let statements = if self.kind == EngineKind::Mariadb {
            ["STOP SLAVE", "RESET SLAVE ALL", "SET GLOBAL read_only = OFF"]
        } else {
            ["STOP REPLICA", "RESET REPLICA ALL", "SET GLOBAL read_only = OFF"]
        };
        let mut admin = client(&engine.admin_url()).await;
        for statement in statements {
            admin.query_drop(statement).await.unwrap();
        }
    }

    /// Writes of a service, one transaction each.
    async fn insert(&self, engine: &Engine, rows: u32) {
        let mut service = client(&engine.url()).await;
        for _ in 0..rows {
            service.query_drop("INSERT INTO kept VALUES ()").await.unwrap();
        }
    }
}

async fn refuses_writes(engine: &Engine) -> bool {
    let mut service = connect(&engine.url()).await.unwrap();
    let refused = service.query_drop("INSERT INTO kept VALUES ()").await;
    refused.is_err_and(|error| error.to_string().contains("read-only"))
}

async fn has_rows(engine: &Engine, rows: u64) -> bool {
    let equal = || async { (count(engine).await == Some(rows)).then_some(()) };
    wait_until(CATCHES_UP_WITHIN, equal).await.is_some()
}

/// A client that does not know of the new primary, and goes on writing where the old one was. It
/// ends, and says whether that was ever taken, when it is told to.
async fn intrude(url: String, over: Arc<Notify>) -> bool {
    let mut was_taken = false;
    let tries = async {
        loop {
            if let Ok(mut service) = connect(&url).await {
                was_taken |= service.query_drop("INSERT INTO kept VALUES ()").await.is_ok();
            }
            // It refuses at once while nobody listens: others want to get on, too.
            tokio::time::sleep(BETWEEN_TRIES).await;
        }
    };
    tokio::select! {
        () = tries => {}
        () = over.notified() => {}
    }
    was_taken
}

/// Brings it back while a client tries to write to it all the time, in vain.
async fn rejoin(engine: &Engine, primary: &str) -> Rejoined {
    let over = Arc::new(Notify::new());
    let intruder = tokio::spawn(intrude(engine.url(), Arc::clone(&over)));
    let rejoined = engine.rejoin(primary).await.unwrap();
    over.notify_one();
    assert!(!intruder.await.unwrap(), "it took a write while it was brought back");
    rejoined
}

/// What MariaDB had acknowledged in the very last moment may be taken back, and comes again.
async fn rejoins_with_its_own_files(engine: &Engine, primary: &str) {
    let rejoined = rejoin(engine, primary).await;
    assert_ne!(rejoined, Rejoined::Cloned, "nothing in its files is unknown to the primary");
}

fn follows(name: &str) -> StoredRole {
    StoredRole::Replica { follows: Some(name.to_owned()) }
}

async fn cluster_of_turns(place: &Place, kind: EngineKind) -> Cluster {
    let cluster = Cluster::new(place, kind).await;
    takes_turns(&cluster).await;
    cluster
}

async fn takes_turns(cluster: &Cluster) {
    let Cluster { a, b, .. } = cluster;
    assert!(refuses_writes(a).await, "nobody has opened it yet");
    assert!(refuses_writes(b).await);
    assert_eq!(b.stored_role().unwrap(), follows("a"));
    cluster.promote(a).await;
    cluster.insert(a, 2).await;
    assert!(has_rows(b, 2).await);

    a.kill().await.unwrap();
    a.mark_fenced().unwrap();
    cluster.promote(b).await;
    cluster.insert(b, 1).await;
    // Started by hand after that, it neither takes a write nor follows anybody.
    a.start().await.unwrap();
    assert_eq!(a.stored_role().unwrap(), StoredRole::Replica { follows: None });
    assert!(refuses_writes(a).await);
    assert_eq!(a.lag().await.unwrap(), None);
    assert!(a.rejoin("b").await.is_err(), "not while it runs");
    a.kill().await.unwrap();

    rejoins_with_its_own_files(a, "b").await;
    assert_eq!(a.stored_role().unwrap(), follows("b"));
    assert!(has_rows(a, 3).await);
    assert!(refuses_writes(a).await);
    // And back again, after which the folder of the first one must not tell an old story.
    b.kill().await.unwrap();
    b.mark_fenced().unwrap();
    cluster.promote(a).await;
    cluster.insert(a, 1).await;
    rejoins_with_its_own_files(b, "a").await;
    assert!(has_rows(b, 4).await);
    a.restart().await.unwrap();
    assert_eq!(a.stored_role().unwrap(), StoredRole::Primary, "it was promoted by SQL");
    assert_eq!(a.lag().await.unwrap(), None, "and follows nobody");
}

/// The old primary, `a` with four rows, commits what its replica never gets: three rows, and
/// `others`, which change none. Answers how it came back.
async fn forks(cluster: &Cluster, others: &[&str]) -> Rejoined {
    let Cluster { a, b, .. } = cluster;
    // Its restart closed it, as any.
    assert!(refuses_writes(a).await);
    cluster.promote(a).await;
    cluster.insert(a, 1).await;
    assert!(has_rows(b, 5).await);
    b.pause().await.unwrap();
    cluster.insert(a, 3).await;
    for statement in others {
        sql(a, statement).await;
    }
    a.kill().await.unwrap();
    // What its replica had been sent and not read is gone as well, as when a machine dies.
    b.kill().await.unwrap();
    a.mark_fenced().unwrap();
    b.start().await.unwrap();
    cluster.promote(b).await;
    cluster.insert(b, 1).await;

    let rejoined = rejoin(a, "b").await;
    assert!(has_rows(a, 6).await, "what nobody else had is gone");
    assert!(refuses_writes(a).await);
    cluster.insert(b, 1).await;
    assert!(has_rows(a, 7).await, "and it follows");
    assert!(a.spec().data.join("diverged").is_dir(), "kept for whoever wants to look at it");
    // It knows enough of its own past to come back once more.
    b.kill().await.unwrap();
    b.mark_fenced().unwrap();
    cluster.promote(a).await;
    cluster.insert(a, 1).await;
    rejoins_with_its_own_files(b, "a").await;
    assert!(has_rows(b, 8).await);
    rejoined
}

#[tokio::test(flavor = "multi_thread")]
async fn two_mariadbs_take_turns_and_a_fork_of_one_is_copied_anew() {
    let place = Place::new("turns");
    let cluster = cluster_of_turns(&place, EngineKind::Mariadb).await;
    assert_eq!(forks(&cluster, &[]).await, Rejoined::Cloned);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_mysqls_take_turns_and_a_fork_of_rows_is_taken_back() {
    let place = Place::new("turns");
    let cluster = cluster_of_turns(&place, EngineKind::Mysql).await;
    let changes = [
        "UPDATE kept SET id = id + 100 ORDER BY id DESC",
        "DELETE FROM kept WHERE id = 101",
        "INSERT INTO kept VALUES (1)",
    ];
    let Cluster { a, b, .. } = &cluster;
    let was = uuid(a).await;
    assert_eq!(forks(&cluster, &changes).await, Rejoined::Rewound);
    assert_ne!(uuid(a).await, was, "it would give the same numbers to other transactions");
    let rows = [rows(a).await, rows(b).await];
    assert_eq!(rows[0], rows[1], "each row is again what it was");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mysql_that_forked_by_a_statement_is_copied_anew() {
    let place = Place::new("turns");
    let cluster = cluster_of_turns(&place, EngineKind::Mysql).await;
    let statements = ["CREATE TABLE left_over (id int PRIMARY KEY)"];
    assert_eq!(forks(&cluster, &statements).await, Rejoined::Cloned);
}

async fn uuid(engine: &Engine) -> String {
    client(&engine.admin_url()).await.query_first("SELECT @@server_uuid").await.unwrap().unwrap()
}

/// All of them, in order.
async fn rows(engine: &Engine) -> Vec<u64> {
    client(&engine.url()).await.query("SELECT id FROM kept ORDER BY id").await.unwrap()
}
