//! A primary and its replica: streaming, lag, and both copied elsewhere.

use std::collections::BTreeMap;
use std::time::Duration;

use standfast_engines::{Engine, EngineKind, EngineSpec, Lag, copy_tree, wait_until};

use crate::place::{Place, free_port, upstream};
use crate::postgres::{client, count, sql};

/// Streaming takes milliseconds; a lost connection is tried again every 200 ms.
const CATCHES_UP_WITHIN: Duration = Duration::from_secs(10);

struct Pair {
    primary: Engine,
    replica: Engine,
}

async fn pair(place: &Place) -> Pair {
    let primary = place.create(place.spec("primary", EngineKind::Postgres)).await;
    primary.start().await.unwrap();
    sql(&primary, "CREATE TABLE kept (id int); INSERT INTO kept VALUES (1)").await;
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

async fn has_rows(replica: &Engine, rows: i64) -> bool {
    let equal = || async { (count(replica).await == Some(rows)).then_some(()) };
    wait_until(CATCHES_UP_WITHIN, equal).await.is_some()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_streams_and_its_lag_falls_to_zero() {
    let place = Place::new("streams");
    let Pair { primary, replica } = pair(&place).await;
    assert!(has_rows(&replica, 1).await, "the base backup has what was there before");
    // A frozen replica falls behind, and catches up when it goes on.
    replica.pause().await.unwrap();
    sql(&primary, "INSERT INTO kept SELECT generate_series(2, 1000)").await;
    replica.resume().await.unwrap();
    let lag = caught_up(&replica).await.expect("catches up");
    assert_eq!(lag.replay, Duration::ZERO);
    assert_eq!(count(&replica).await, Some(1000));
    let refused = client(&replica.admin_url()).await.execute("DELETE FROM kept", &[]).await;
    assert!(refused.is_err(), "a replica is read only");
    assert_eq!(primary.lag().await.unwrap(), None, "a primary has no lag");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_is_held_back_shows_its_lag() {
    let place = Place::new("lags");
    let Pair { primary, replica } = pair(&place).await;
    caught_up(&replica).await.expect("level at first");
    let admin = client(&replica.admin_url()).await;
    admin.execute("SELECT pg_wal_replay_pause()", &[]).await.unwrap();
    sql(&primary, "INSERT INTO kept SELECT generate_series(2, 1000)").await;
    let lag = replica.lag().await.unwrap().unwrap();
    assert!(lag.bytes > 50_000, "a thousand rows are some 60 kB of log: {lag:?}");
    assert!(lag.replay > Duration::ZERO, "{lag:?}");
    admin.execute("SELECT pg_wal_replay_resume()", &[]).await.unwrap();
    caught_up(&replica).await.expect("catches up");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_survives_the_restart_and_the_crash_of_its_primary() {
    let place = Place::new("returns");
    let Pair { primary, replica } = pair(&place).await;
    primary.restart().await.unwrap();
    sql(&primary, "INSERT INTO kept VALUES (2)").await;
    assert!(has_rows(&replica, 2).await);
    primary.kill().await.unwrap();
    replica.ready().await.expect("a replica answers without its primary");
    assert!(replica.lag().await.is_err(), "nobody can tell how far it is behind");
    primary.start().await.unwrap();
    sql(&primary, "INSERT INTO kept VALUES (3)").await;
    assert!(has_rows(&replica, 3).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_replica_does_not_hold_up_the_stop_of_its_primary() {
    let place = Place::new("frozen");
    let Pair { primary, replica } = pair(&place).await;
    caught_up(&replica).await.expect("streams");
    replica.pause().await.unwrap();
    sql(&primary, "INSERT INTO kept VALUES (2)").await;
    // The sender gives its receiver up after three seconds; by default it would be sixty.
    let stopped = tokio::time::timeout(Duration::from_secs(12), primary.stop()).await;
    assert!(!stopped.expect("in time").unwrap().killed, "and in order");
}

#[tokio::test(flavor = "multi_thread")]
async fn stopped_servers_are_copied_and_run_on_other_ports() {
    let place = Place::new("copies");
    let Pair { primary, replica } = pair(&place).await;
    replica.stop().await.unwrap();
    primary.stop().await.unwrap();

    let mut copy = Place::new("copied");
    copy.secrets = place.secrets.clone();
    std::fs::create_dir_all(copy.root.join("data")).unwrap();
    let moved = |spec: &EngineSpec| {
        let data = copy.root.join("data").join(&spec.name);
        copy_tree(&spec.data, &data).unwrap();
        let log = copy.root.join("logs").join(&spec.name);
        EngineSpec { port: free_port(), data, log, settings: BTreeMap::new(), ..spec.clone() }
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
    sql(&new_primary, "INSERT INTO kept VALUES (2), (3)").await;
    assert!(has_rows(&new_replica, 3).await, "it follows the copy of its primary");
    assert_eq!(count(&primary).await, Some(1));
}
