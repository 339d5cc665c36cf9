//! The watchdog over MariaDB and MySQL, with real deaths under load: whatever was
//! acknowledged is there afterwards. The test is the watchdog; the lab starts and kills for it.

#![expect(clippy::unwrap_used, reason = "helpers of a test fail by panicking, as tests do")]

use std::collections::BTreeSet;

use standfast_engines::EngineKind;
use standfast_lab::fault::{Fault, FaultKind, Hold};
use standfast_lab::instance::Network;

use crate::failover_bench::Cluster;

async fn kill(cluster: &Cluster, node: &str) {
    let kill = Fault::new(FaultKind::Kill, node);
    cluster.instance.inject(&kill, Hold::No).await.unwrap().leave();
}

/// The primary dies twice: first while its replica is in sync, then while nobody is.
async fn survives_deaths(kind: EngineKind) {
    let mut cluster = Cluster::up(kind).await;
    cluster.wait("insync", "stock-b").await;
    let writers = cluster.write().await;
    cluster.acknowledges(100).await;

    kill(&cluster, "stock-a").await;
    cluster.wait("switched", "stock-b").await;
    cluster.acknowledges(20).await;
    // The old primary is on its way back, and lacks what the new one has acknowledged since:
    // being connected is not being in sync. Nobody may take this one's place.
    kill(&cluster, "stock-b").await;
    let brought_up = cluster.wait_any(&[("restarted", "stock-b"), ("switched", "stock-a")]).await;
    let events = cluster.events();
    let was_in_sync = events.iter().any(|event| event.starts_with("insync stock-a:"));
    assert!(brought_up == "restarted" || was_in_sync, "{events:?}");
    cluster.acknowledges(20).await;
    cluster.settled().await;

    let primary = cluster.primary();
    kill(&cluster, &primary).await;
    let successor = if primary == "stock-a" { "stock-b" } else { "stock-a" };
    cluster.wait("switched", successor).await;
    cluster.acknowledges(20).await;
    cluster.settled().await;
    cluster.check(writers).await;
}

/// The primary freezes, and thaws as nobody.
async fn survives_a_freeze(kind: EngineKind) {
    let mut cluster = Cluster::up(kind).await;
    cluster.wait("insync", "stock-b").await;
    let writers = cluster.write().await;
    cluster.acknowledges(100).await;

    let freeze = Fault::new(FaultKind::Pause, "stock-a");
    let frozen = cluster.instance.inject(&freeze, Hold::UntilHealed).await.unwrap();
    cluster.wait("switched", "stock-b").await;
    cluster.acknowledges(20).await;
    cluster.instance.heal(frozen).await.unwrap();
    cluster.settled().await;
    cluster.check(writers).await;
}

/// An operator asks for the other one, and gets it back.
async fn switches_over_and_back(kind: EngineKind) {
    let mut cluster = Cluster::up(kind).await;
    cluster.wait("insync", "stock-b").await;
    let writers = cluster.write().await;
    cluster.acknowledges(50).await;
    cluster.switch_over("stock-b").await;
    cluster.wait("switched", "stock-b").await;
    cluster.settled().await;
    cluster.acknowledges(50).await;
    cluster.switch_over("stock-a").await;
    cluster.wait("switched", "stock-a").await;
    cluster.settled().await;
    cluster.check(writers).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mariadb_loses_nothing_when_primaries_die_in_sync_and_out_of_sync() {
    survives_deaths(EngineKind::Mariadb).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mariadb_loses_nothing_when_its_primary_freezes() {
    survives_a_freeze(EngineKind::Mariadb).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mariadb_changes_its_primary_by_order_and_back() {
    switches_over_and_back(EngineKind::Mariadb).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mysql_loses_nothing_when_primaries_die_in_sync_and_out_of_sync() {
    survives_deaths(EngineKind::Mysql).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mysql_loses_nothing_when_its_primary_freezes() {
    survives_a_freeze(EngineKind::Mysql).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mysql_changes_its_primary_by_order_and_back() {
    switches_over_and_back(EngineKind::Mysql).await;
}

/// A cut link does not tell the replica that its primary is dead, and it is promoted all the same.
#[tokio::test(flavor = "multi_thread")]
async fn postgres_promotes_a_replica_that_waits_on_a_link_that_was_cut() {
    let edges = BTreeSet::from(["stock-b:stock-a".parse().unwrap()]);
    let mut cluster = Cluster::linked(EngineKind::Postgres, Network::Edges(edges)).await;
    cluster.wait("insync", "stock-b").await;
    let cut = Fault::new(FaultKind::Cut, "stock-b:stock-a");
    let cut = cluster.instance.inject(&cut, Hold::UntilHealed).await.unwrap();
    kill(&cluster, "stock-a").await;
    let done = cluster.wait_any(&[("switched", "stock-b"), ("restarted", "stock-a")]).await;
    assert_eq!(done, "switched", "{:?}", cluster.events());
    cluster.instance.heal(cut).await.unwrap();
    cluster.settled().await;
}

/// `STANDFAST_TRIALS=20 cargo test -p standfast-lab --test it -- --ignored series_of --nocapture`
#[expect(clippy::print_stderr, reason = "a series by hand speaks to whoever runs it")]
async fn series(kind: EngineKind) {
    let trials = std::env::var("STANDFAST_TRIALS").ok().and_then(|text| text.parse().ok());
    let mut cluster = Cluster::up(kind).await;
    cluster.wait("insync", "stock-b").await;
    let writers = cluster.write().await;
    let mut outages = Vec::new();
    for _ in 0..trials.unwrap_or(5) {
        cluster.acknowledges(50).await;
        let primary = cluster.primary();
        let before = tokio::time::Instant::now();
        kill(&cluster, &primary).await;
        let successor = if primary == "stock-a" { "stock-b" } else { "stock-a" };
        cluster.wait("switched", successor).await;
        cluster.acknowledges(50).await;
        outages.push(cluster.longest_gap_since(before));
        let back = tokio::time::Instant::now();
        cluster.settled().await;
        let events = cluster.events();
        let how = events.iter().rfind(|event| event.starts_with("rejoined"));
        let settled = back.elapsed();
        eprintln!("{kind:?} outage {:?}, settled after {settled:?}, {how:?}", outages.last());
    }
    cluster.check(writers).await;
    outages.sort();
    eprintln!("{kind:?} median {:?} max {:?}", outages[outages.len() / 2], outages.last());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement, by hand"]
async fn series_of_mariadb() {
    series(EngineKind::Mariadb).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement, by hand"]
async fn series_of_mysql() {
    series(EngineKind::Mysql).await;
}
