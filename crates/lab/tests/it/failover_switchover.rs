//! A planned change of the primary, while clients send requests by a connection for each: not one
//! of them fails.

use std::time::Duration;

use standfast_engines::EngineKind;
use tokio::time::Instant;

use crate::failover_bench::Cluster;
use crate::failover_requests::Requests;
use crate::instance_bench::wait_until;

const CLIENTS: u32 = 3;

/// What one change was like.
struct Change {
    to: String,
    /// Until clients were sent to the other one.
    took: Duration,
    /// The longest that a request took meanwhile.
    longest: Duration,
    /// Until the old primary was a replica in sync.
    back: Duration,
    /// What happened, and when.
    course: String,
}

async fn switch(cluster: &mut Cluster, requests: &Requests) -> Change {
    let to = if cluster.primary() == "stock-a" { "stock-b" } else { "stock-a" }.to_owned();
    let goal = requests.count() + 20;
    wait_until("requests go on", async || requests.count() >= goal).await;
    let start = Instant::now();
    cluster.switch_over(&to).await;
    cluster.wait("switched", &to).await;
    let took = start.elapsed();
    let goal = requests.count() + 20;
    wait_until("requests go on", async || requests.count() >= goal).await;
    let longest = requests.longest_since(start);
    cluster.settled().await;
    Change { to, took, longest, back: start.elapsed(), course: cluster.course_since(start) }
}

async fn no_request_fails(kind: EngineKind, changes: usize) -> Vec<Change> {
    let mut cluster = Cluster::up(kind).await;
    cluster.wait("insync", "stock-b").await;
    let (requests, mut senders) = cluster.send(CLIENTS);
    let mut done = Vec::new();
    for _ in 0..changes {
        let change = switch(&mut cluster, &requests).await;
        assert_eq!(requests.problems(), [""; 0], "{:#?}", cluster.events());
        done.push(change);
    }
    senders.shutdown().await;
    done
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_changes_its_primary_and_no_request_fails() {
    no_request_fails(EngineKind::Postgres, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mariadb_changes_its_primary_and_no_request_fails() {
    no_request_fails(EngineKind::Mariadb, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mysql_changes_its_primary_and_no_request_fails() {
    no_request_fails(EngineKind::Mysql, 2).await;
}

/// `STANDFAST_TRIALS=20 cargo test -p standfast-lab --test it -- --ignored changes_of --nocapture`
#[expect(clippy::print_stderr, reason = "a series by hand speaks to whoever runs it")]
async fn changes(kind: EngineKind) {
    let trials = std::env::var("STANDFAST_TRIALS").ok().and_then(|text| text.parse().ok());
    for change in no_request_fails(kind, trials.unwrap_or(10)).await {
        let Change { to, took, longest, back, course } = change;
        eprintln!(
            "{kind:?} to {to} {took:?}, longest request {longest:?}, in sync {back:?}; {course}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement, by hand"]
async fn changes_of_postgres() {
    changes(EngineKind::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement, by hand"]
async fn changes_of_mariadb() {
    changes(EngineKind::Mariadb).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement, by hand"]
async fn changes_of_mysql() {
    changes(EngineKind::Mysql).await;
}
