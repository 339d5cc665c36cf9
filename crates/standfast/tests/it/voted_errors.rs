//! What the monitor of voted-inventory learns from the log: events that nobody can apply, a replica
//! that alone refuses some, and one that hears nothing more.

use serde_json::{Value, json};
use standfast_engines::wait_until;
use standfast_lab::fault::FaultKind;
use standfast_lab::instance::Network;
use standfast_lab::spec::Edge;

use crate::voted::{Draft, PATIENCE, REPLICAS, Voted};
use crate::{http, voted_log};

/// More records than the tests make.
const SNAPSHOT_EVERY: usize = 1_000_000;

/// As many refusals of its own make the monitor doubt a replica.
const REFUSALS: i64 = 3;

async fn marked(voted: &Voted, replica: &str, state: &str, by: &Value) {
    let is_so = |status: &Value| {
        let replicas = status["replicas"].as_array().map(Vec::as_slice).unwrap_or_default();
        replicas
            .iter()
            .any(|one| one["replica"] == replica && one["state"] == state && one["by"] == *by)
    };
    voted.wait("monitor", "/monitor/status", is_so).await;
}

/// How many refusals the monitor has read, once it reads any: it begins at the queue's end.
async fn listens(voted: &Voted) -> u64 {
    let refusal = json!({ "source": "nobody", "offset": null, "reason": "none", "event": null });
    let refusal = refusal.to_string();
    let heard = wait_until(PATIENCE, || async {
        voted_log::append(voted, "orders.errors", &refusal).await;
        let read = voted.get("monitor", "/monitor/metrics").await["refusals_read"].as_u64();
        read.filter(|read| *read > 0)
    });
    heard.await.expect("it reads the error queue")
}

/// Who has told the error queue of the record at `offset`.
async fn told_of(voted: &Voted, offset: i64) -> Vec<Value> {
    let told = wait_until(PATIENCE, || async {
        let errors = voted_log::records(voted, "orders.errors").await;
        let told: Vec<Value> =
            errors.into_iter().filter(|refusal| refusal["offset"] == offset).collect();
        (told.len() == REPLICAS.len()).then_some(told)
    });
    let mut told = told.await.expect("every replica refuses it");
    told.sort_by_key(|refusal| refusal["source"].as_str().map(str::to_owned));
    told
}

async fn passes_over_what_is_no_event(voted: &Voted) {
    let read_before = listens(voted).await;
    let garbage = voted_log::append(voted, "orders", "no event").await;
    let told = told_of(voted, garbage).await;
    for (refusal, replica) in told.iter().zip(REPLICAS) {
        assert_eq!(refusal["source"], replica);
        assert_eq!(refusal["reason"], "it is no event");
        assert_eq!(refusal["event"], "no event", "it can be read there");
    }
    let unknown = voted_log::end(voted, "orders").await;
    let order = voted.order(Draft { product: "PROD-999", quantity: 1 }).await;
    let rejected = voted.decided(order).await;
    assert_eq!(rejected["status"], "rejected", "nobody waits for ever");
    assert_eq!(rejected["reason"], "unknown product `PROD-999`");
    let told = told_of(voted, unknown).await;
    assert!(told.iter().all(|refusal| refusal["event"]["order_id"] == json!(order)), "{told:#?}");
    let all_read = |now: &Value| now["refusals_read"].as_u64() >= Some(read_before + 6);
    voted.wait("monitor", "/monitor/metrics", all_read).await;
    let order = voted.order(Draft { product: "PROD-001", quantity: 2 }).await;
    assert_eq!(voted.decided(order).await["status"], "confirmed", "the log goes on");
    assert_eq!(voted.taken_of("PROD-001").await, 2);
}

/// A replica whose state is another one refuses what the others apply.
async fn doubts_who_refuses_alone(voted: &Voted) {
    let first = voted_log::end(voted, "orders").await;
    for _ in 0..REFUSALS {
        let order = voted.order(Draft { product: "PROD-002", quantity: 1 }).await;
        assert_eq!(voted.decided(order).await["status"], "confirmed");
    }
    for offset in first..first + REFUSALS {
        let refusal = json!({ "source": "inventory-1", "offset": offset,
                              "reason": "unknown product `PROD-002`", "event": null });
        voted_log::append(voted, "orders.errors", &refusal.to_string()).await;
    }
    marked(voted, "inventory-1", "OFF", &"errors".into()).await;
    marked(voted, "inventory-1", "ON", &Value::Null).await;
    let figures = voted.get("monitor", "/monitor/metrics").await;
    let replicas = figures["replicas"].as_array().into_iter().flatten();
    let lone: Vec<&Value> = replicas.map(|one| &one["lone_refusals"]).collect();
    assert_eq!(lone, [3, 0, 0], "who refuses what all refuse is well");
}

/// A replica that hears nothing more of the log answers its checks as ever.
async fn notices_who_stands_still(voted: &Voted) {
    let cut = voted.inject(FaultKind::Cut, "inventory-2:kafka").await;
    let mut taken = 0;
    let noticed = wait_until(PATIENCE, || {
        taken += 1;
        async {
            voted.order(Draft { product: "PROD-003", quantity: 1 }).await;
            let health = http::get(voted.port("inventory-2"), "/health").await.ok()?;
            assert_eq!((health.status, &health.json()["caught_up"]), (200, &json!(true)));
            let status = voted.get("monitor", "/monitor/status").await;
            let two = &status["replicas"][1];
            (two["state"] == "OFF" && two["by"] == "heartbeat").then_some(())
        }
    });
    assert!(noticed.await.is_some(), "the monitor never notices");
    let order = voted.order(Draft { product: "PROD-003", quantity: 1 }).await;
    assert_eq!(voted.decided(order).await["status"], "confirmed", "two of three decide");
    voted.heal(cut).await;
    assert_eq!(voted.taken_of("PROD-003").await, taken + 1, "it catches up");
    marked(voted, "inventory-2", "ON", &Value::Null).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_monitor_learns_from_the_log_who_is_not_well() {
    let edges = [Edge::new("inventory-2", "kafka")].into();
    let voted = Voted::up(SNAPSHOT_EVERY, Network::Edges(edges)).await;
    passes_over_what_is_no_event(&voted).await;
    doubts_who_refuses_alone(&voted).await;
    notices_who_stands_still(&voted).await;
    voted.down().await;
}
