//! The monitor of voted-inventory: what it marks outlives it and its database, whichever of the two
//! dies.

use serde_json::Value;
use standfast_engines::wait_until;
use standfast_lab::fault::FaultKind;
use standfast_lab::instance::Network;

use crate::system;
use crate::voted::{PATIENCE, Voted};

/// The tests write nothing to the log.
const SNAPSHOT_EVERY: usize = 1_000_000;

const OPEN: &str = "SELECT count(*) FROM monitor_failures WHERE recovered_at IS NULL";

fn of<'a>(status: &'a Value, replica: &str) -> &'a Value {
    let replicas = status["replicas"].as_array().map(Vec::as_slice).unwrap_or_default();
    replicas.iter().find(|one| one["replica"] == replica).unwrap_or(&Value::Null)
}

/// Waits for a mark, while clients ask the voter.
async fn marked(voted: &Voted, replica: &str, state: &str) {
    let seen = wait_until(PATIENCE, || async {
        voted.get("voter", "/inventory/PROD-001").await;
        let status = voted.get("monitor", "/monitor/status").await;
        (of(&status, replica)["state"] == state).then_some(())
    });
    assert!(seen.await.is_some(), "{replica} is never {state}");
}

/// Waits for a row of the database.
async fn held(voted: &Voted, replica: &str, what: &str) {
    let query = format!("SELECT count(*) FROM monitor_states WHERE replica = '{replica}' AND ");
    let query = query + what;
    let seen =
        wait_until(PATIENCE, || async { (voted.count(&query).await == 1).then_some(()) }).await;
    assert!(seen.is_some(), "the database never holds of {replica}: {what}");
}

async fn open_failures(voted: &Voted, count: i64) {
    let seen =
        wait_until(PATIENCE, || async { (voted.count(OPEN).await == count).then_some(()) }).await;
    assert!(seen.is_some(), "never {count} open failures");
}

/// A session of the superuser, once the database is back.
async fn reconnect(voted: &mut Voted) {
    let instance = &voted.instance;
    let client = wait_until(PATIENCE, || system::connect(instance, "postgres")).await;
    voted.database = client.expect("it is back");
}

async fn journals_what_it_finds_without_its_database(voted: &mut Voted) {
    let crash = voted.inject(FaultKind::Kill, "inventory-2").await;
    marked(voted, "inventory-2", "OFF").await;
    held(voted, "inventory-2", "state = 'OFF' AND cause = 'crash-check' AND epoch = 1").await;
    open_failures(voted, 1).await;

    let outage = voted.inject(FaultKind::Kill, "postgres").await;
    voted.heal(crash).await;
    marked(voted, "inventory-2", "ON").await;
    voted
        .wait("monitor", "/monitor/metrics", |now| {
            let journal = &now["journal"];
            journal["is_database_away"] == true && journal["waiting"].as_u64() > Some(0)
        })
        .await;
    voted.heal(outage).await;
    reconnect(voted).await;
    held(voted, "inventory-2", "state = 'ON' AND cause IS NULL AND epoch = 2").await;
    open_failures(voted, 0).await;
    voted.wait("monitor", "/monitor/metrics", |now| now["journal"]["waiting"] == 0).await;
}

async fn goes_on_where_it_was_after_a_restart(voted: &Voted) {
    let lie = voted.inject(FaultKind::Incorrect, "inventory-3").await;
    marked(voted, "inventory-3", "OFF").await;
    let accusation = "state = 'OFF' AND cause = 'vote' AND accused = '[\"PROD-001\"]'";
    held(voted, "inventory-3", accusation).await;
    open_failures(voted, 1).await;
    let failures = voted.get("monitor", "/monitor/failures").await;
    // Nobody asks the voter meanwhile: only the database knows of the lie.
    voted.kill("monitor").await;
    let status = voted.get("monitor", "/monitor/status").await;
    let liar = of(&status, "inventory-3");
    assert_eq!((&liar["state"], &liar["by"]), (&"OFF".into(), &"vote".into()), "{status:#}");
    assert_eq!(liar["accused"], serde_json::json!(["PROD-001"]));
    assert_eq!(of(&status, "inventory-1")["state"], "ON");
    assert_eq!(voted.get("monitor", "/monitor/failures").await, failures);

    voted.heal(lie).await;
    marked(voted, "inventory-3", "ON").await;
    held(voted, "inventory-3", "state = 'ON' AND accused = '[]'").await;
    open_failures(voted, 0).await;
}

async fn starts_without_its_database_and_tells_it_what_is_so(voted: &mut Voted) {
    let outage = voted.inject(FaultKind::Kill, "postgres").await;
    voted.kill("monitor").await;
    let crash = voted.inject(FaultKind::Kill, "inventory-2").await;
    marked(voted, "inventory-2", "OFF").await;
    voted.heal(outage).await;
    reconnect(voted).await;
    held(voted, "inventory-2", "state = 'OFF' AND epoch > 2").await;
    open_failures(voted, 1).await;
    voted
        .wait("monitor", "/monitor/failures", |now| {
            now["failures"].as_array().is_some_and(|all| all.len() == 3)
        })
        .await;
    voted.heal(crash).await;
    marked(voted, "inventory-2", "ON").await;
    held(voted, "inventory-2", "state = 'ON'").await;
    open_failures(voted, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_monitor_marks_outlives_it_and_its_database() {
    let mut voted = Voted::up(SNAPSHOT_EVERY, Network::Direct).await;
    journals_what_it_finds_without_its_database(&mut voted).await;
    goes_on_where_it_was_after_a_restart(&voted).await;
    starts_without_its_database_and_tells_it_what_is_so(&mut voted).await;
    voted.down().await;
}
