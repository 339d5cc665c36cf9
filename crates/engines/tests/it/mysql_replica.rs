//! MariaDB and MySQL in pairs: what follows, what waits, what is copied.

use std::time::Duration;

use mysql_async::prelude::Queryable;
use standfast_engines::{Engine, EngineKind, EngineSpec, Lag, copy_tree, wait_until};

use crate::mysql::{client, count, sql};
use crate::place::{Place, free_port, upstream};

/// Following takes milliseconds; a lost connection is tried again every second.
const CATCHES_UP_WITHIN: Duration = Duration::from_secs(15);

struct Pair {
    primary: Engine,
    replica: Engine,
}

async fn pair(place: &Place, kind: EngineKind) -> Pair {
    let primary = place.create(place.spec("primary", kind)).await;
    primary.start().await.unwrap();
    sql(
        &primary,
        "CREATE TABLE kept (id int AUTO_INCREMENT PRIMARY KEY, text varchar(20), data blob); \
         INSERT INTO kept (text, data) VALUES ('é', 0x0001ff27); \
         CREATE VIEW seen AS SELECT id FROM kept; \
         CREATE USER reader@'%' IDENTIFIED BY 'read'; GRANT SELECT ON offers.seen TO reader@'%'; \
         GRANT SELECT, INSERT ON offers.kept TO offers@'%'",
    )
    .await;
    let replica = place.create(place.replica_spec("replica", &primary)).await;
    replica.start().await.unwrap();
    Pair { primary, replica }
}

async fn caught_up(replica: &Engine) -> Option<Lag> {
    let level = || async {
        replica.lag().await.ok().flatten().filter(|lag| lag.bytes == 0 && lag.streaming)
    };
    wait_until(CATCHES_UP_WITHIN, level).await
}

async fn has_rows(replica: &Engine, rows: u64) -> bool {
    let equal = || async { (count(replica).await == Some(rows)).then_some(()) };
    wait_until(CATCHES_UP_WITHIN, equal).await.is_some()
}

async fn insert(primary: &Engine) {
    sql(primary, "INSERT INTO kept (text) VALUES ('more')").await;
}

/// A pair follows over faults, and so does a copy of it elsewhere.
async fn follows_here_and_elsewhere(kind: EngineKind) {
    let place = Place::new("follows");
    let pair = pair(&place, kind).await;
    has_a_copy(&place, &pair).await;
    follows_over_crashes(&pair).await;
    runs_elsewhere(&place, &pair).await;
}

async fn has_a_copy(place: &Place, Pair { primary, replica }: &Pair) {
    assert!(has_rows(replica, 1).await, "the copy has what was there before");
    let query = "SELECT concat(text, hex(data)) FROM kept";
    let copied: Option<String> =
        client(&replica.admin_url()).await.query_first(query).await.unwrap();
    assert_eq!(copied.as_deref(), Some("é0001FF27"));
    // Its users came along, with their rights and passwords.
    let reader = replica.admin_url().replace("standfast:", "reader:");
    let reader = reader.replace(&place.secrets.superuser, "read");
    client(&reader).await.query_drop("SELECT * FROM seen").await.unwrap();
    let refused = client(&replica.url()).await.query_drop("INSERT INTO kept VALUES ()").await;
    assert!(refused.unwrap_err().to_string().contains("read-only"), "a replica takes no write");
    assert_eq!(primary.lag().await.unwrap(), None, "a primary has no lag");
}

async fn follows_over_crashes(Pair { primary, replica }: &Pair) {
    // A frozen replica falls behind, and catches up when it goes on.
    replica.pause().await.unwrap();
    insert(primary).await;
    replica.resume().await.unwrap();
    let lag = caught_up(replica).await.expect("catches up");
    assert_eq!(lag.replay, Duration::ZERO);
    assert!(has_rows(replica, 2).await);
    primary.kill().await.unwrap();
    replica.ready().await.expect("a replica answers without its primary");
    assert!(replica.lag().await.is_err(), "nobody can tell how far it is behind");
    primary.start().await.unwrap();
    replica.restart().await.unwrap();
    insert(primary).await;
    assert!(has_rows(replica, 3).await, "over a crash of the one and a restart of the other");
}

async fn runs_elsewhere(place: &Place, Pair { primary, replica }: &Pair) {
    caught_up(replica).await.expect("level before it stops");
    replica.stop().await.unwrap();
    primary.stop().await.unwrap();

    let mut copy = Place::new("copied");
    copy.secrets = place.secrets.clone();
    std::fs::create_dir_all(copy.root.join("data")).unwrap();
    let moved = |spec: &EngineSpec| {
        let data = copy.root.join("data").join(&spec.name);
        copy_tree(&spec.data, &data).unwrap();
        let log = copy.root.join("logs").join(&spec.name);
        EngineSpec { port: free_port(), data, log, ..spec.clone() }
    };
    let new_primary = copy.adopt(moved(primary.spec()));
    let replica_of = Some(upstream(&new_primary));
    let new_replica = copy.adopt(EngineSpec { replica_of, ..moved(replica.spec()) });
    // In any order: lab starts all engines at once.
    let (first, second) = tokio::join!(new_replica.start(), new_primary.start());
    first.unwrap();
    second.unwrap();
    // The originals live on beside their copies.
    primary.start().await.unwrap();
    insert(&new_primary).await;
    assert!(has_rows(&new_replica, 4).await, "it follows the copy of its primary");
    assert_eq!(count(primary).await, Some(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mariadb_replica_follows_its_primary_over_crashes_and_onto_other_ports() {
    follows_here_and_elsewhere(EngineKind::Mariadb).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mysql_replica_follows_its_primary_over_crashes_and_onto_other_ports() {
    follows_here_and_elsewhere(EngineKind::Mysql).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_in_mariadb_waits_until_its_replica_has_it() {
    let place = Place::new("waits");
    let Pair { primary, replica } = pair(&place, EngineKind::Mariadb).await;
    caught_up(&replica).await.expect("level at first");
    let mut admin = client(&primary.admin_url()).await;
    admin.query_drop("SET GLOBAL rpl_semi_sync_master_enabled = ON").await.unwrap();
    // A replica tells that it answers when it connects.
    let mut of_replica = client(&replica.admin_url()).await;
    of_replica.query_drop("STOP SLAVE").await.unwrap();
    of_replica.query_drop("START SLAVE").await.unwrap();
    let answers = || async {
        let mut admin = client(&primary.admin_url()).await;
        let query = "SHOW STATUS LIKE 'Rpl_semi_sync_master_clients'";
        let status: Option<(String, u64)> = admin.query_first(query).await.unwrap();
        status.filter(|(_, clients)| *clients == 1)
    };
    wait_until(CATCHES_UP_WITHIN, answers).await.expect("one replica that answers");
    insert(&primary).await;
    // Silent without a word of farewell, as in a crash of its machine.
    replica.pause().await.unwrap();
    let commit = insert(&primary);
    tokio::pin!(commit);
    let waits = tokio::time::timeout(Duration::from_millis(700), &mut commit).await;
    assert!(waits.is_err(), "nobody has acknowledged it");
    assert_eq!(count(&primary).await, Some(2), "and nobody sees it before");
    replica.resume().await.unwrap();
    commit.await;
    assert_eq!(count(&primary).await, Some(3));
}
