//! The outbox of voted-inventory: what is committed is published, once in effect, whatever happens
//! between the two.

use serde_json::{Value, json};
use standfast_engines::wait_until;
use standfast_lab::instance::Network;
use tokio_postgres::Transaction;
use uuid::Uuid;

use crate::voted::{Draft, PATIENCE, Voted};
use crate::{system, voted_log};

/// More than a broker takes in one record, and than our client sends.
const TOO_LONG: usize = 2 << 20;

/// More records than the tests make: no snapshot comes in between.
const SNAPSHOT_EVERY: usize = 1_000_000;

/// An order and its event, as the service writes them.
#[derive(Clone, Copy, Debug)]
struct Written {
    order: Uuid,
    event: Uuid,
    product: &'static str,
}

impl Written {
    fn of(product: &'static str) -> Self {
        Self { order: Uuid::now_v7(), event: Uuid::now_v7(), product }
    }

    fn payload(self) -> Value {
        let Self { order, event, product } = self;
        json!({ "event_id": event, "kind": "reserve", "order_id": order, "product_id": product,
                "quantity": 7 })
    }

    async fn write(self, transaction: &Transaction<'_>, payload: &Value) {
        let Self { order, event, product } = self;
        let insert = "INSERT INTO orders (id, product_id, quantity, reserve_event) \
                      VALUES ($1, $2, 7, $3)";
        transaction.execute(insert, &[&order, &product, &event]).await.expect("it is written");
        let insert = "INSERT INTO outbox (order_id, key, payload) VALUES ($1, $2, $3)";
        let payload = payload.to_string();
        transaction.execute(insert, &[&order, &product, &payload]).await.expect("it is written");
    }
}

/// Two transactions of which the one that took the earlier number commits later.
async fn commits_out_of_order(voted: &mut Voted) {
    let [early, late] = ["PROD-001", "PROD-002"].map(Written::of);
    let mut other = system::connect(&voted.instance, "postgres").await.expect("a session");
    let slow = other.transaction().await.expect("it begins");
    early.write(&slow, &early.payload()).await;
    let fast = voted.database.transaction().await.expect("it begins");
    late.write(&fast, &late.payload()).await;
    fast.commit().await.expect("it commits");
    assert_eq!(voted.decided(late.order).await["status"], "confirmed", "it waits for nobody");
    slow.commit().await.expect("it commits");
    assert_eq!(voted.decided(early.order).await["status"], "confirmed", "nor is it passed over");
    let log = voted_log::records(voted, "orders").await;
    let published: Vec<&Value> = log.iter().map(|event| &event["event_id"]).collect();
    assert_eq!(published, [&json!(late.event), &json!(early.event)], "in the order of commits");
}

/// `kill -9` of the service when an event is in the log and its row not yet gone.
async fn dies_between_publishing_and_marking(voted: &Voted) {
    let stuck = "CREATE FUNCTION stuck() RETURNS trigger LANGUAGE plpgsql AS \
                 $$ BEGIN RAISE EXCEPTION 'not now'; END $$; \
                 CREATE TRIGGER stuck BEFORE DELETE ON outbox EXECUTE FUNCTION stuck()";
    voted.database.batch_execute(stuck).await.expect("a trigger");
    let order = voted.order(Draft { product: "PROD-003", quantity: 7 }).await;
    assert_eq!(voted.decided(order).await["status"], "confirmed", "it is published");
    assert_eq!(voted.count("SELECT count(*) FROM outbox").await, 1, "it is not marked");
    let before = voted_log::end(voted, "orders").await;
    voted.kill("orders").await;
    voted.database.batch_execute("DROP TRIGGER stuck ON outbox").await.expect("it goes");
    let is_marked = wait_until(PATIENCE, || async {
        (voted.count("SELECT count(*) FROM outbox").await == 0).then_some(())
    });
    assert!(is_marked.await.is_some(), "the next process marks it");
    assert!(voted_log::end(voted, "orders").await > before, "having published it again");
    assert_eq!(voted.taken_of("PROD-003").await, 7, "which has no effect");
    for replica in crate::voted::REPLICAS {
        let metrics = voted.metrics(replica).await;
        let again = metrics.get("inventory_events_total{outcome=\"duplicate\"}");
        assert!(again >= Some(1.0), "{replica}: {again:?}");
    }
}

/// A row that the log will never take.
async fn is_poisoned(voted: &mut Voted) {
    let before = voted_log::end(voted, "orders.errors").await;
    let poison = Written::of("PROD-004");
    let mut payload = poison.payload();
    payload["note"] = Value::from("x".repeat(TOO_LONG));
    let transaction = voted.database.transaction().await.expect("it begins");
    poison.write(&transaction, &payload).await;
    transaction.commit().await.expect("it commits");
    let order = voted.order(Draft { product: "PROD-004", quantity: 1 }).await;
    assert_eq!(voted.decided(order).await["status"], "confirmed", "others do not wait for it");
    let rejected = voted.decided(poison.order).await;
    assert_eq!(rejected["status"], "rejected");
    assert_eq!(rejected["reason"], "its event cannot be published");
    let parked = "SELECT count(*) FROM outbox WHERE parked_at IS NOT NULL AND attempts = 5";
    let is_parked =
        wait_until(PATIENCE, || async { (voted.count(parked).await == 1).then_some(()) });
    assert!(is_parked.await.is_some(), "it stays for an operator");
    let is_told = wait_until(PATIENCE, || async {
        (voted_log::end(voted, "orders.errors").await > before).then_some(())
    });
    assert!(is_told.await.is_some(), "the error queue is told");
    let errors = voted_log::records(voted, "orders.errors").await;
    let told = errors.last().expect("there is one");
    assert_eq!((&told["source"], &told["offset"]), (&json!("orders"), &Value::Null), "{told}");
    assert!(told["event"].as_str().is_some_and(|shown| shown.len() <= 1000), "cut short");
    assert_eq!(voted.taken_of("PROD-004").await, 1);
    let waiting = voted.metrics("orders").await.get("orders_outbox_rows");
    assert_eq!(waiting, Some(0.0), "what is parked does not wait");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_committed_is_published_once_in_effect() {
    let mut voted = Voted::up(SNAPSHOT_EVERY, Network::Direct).await;
    commits_out_of_order(&mut voted).await;
    dies_between_publishing_and_marking(&voted).await;
    is_poisoned(&mut voted).await;
    retries_are_told_by_their_key(&voted).await;
    voted.down().await;
}

/// The same POST twice, at once and one after the other, and another one under its key.
async fn retries_are_told_by_their_key(voted: &Voted) {
    let (draft, key) = (Draft { product: "PROD-005", quantity: 3 }, Uuid::now_v7().to_string());
    let (one, other) = tokio::join!(voted.post(draft, &key), voted.post(draft, &key));
    assert_eq!((one.status, other.status), (201, 201), "{one:?} {other:?}");
    assert_eq!(one.body, other.body, "they are told the same");
    let again = voted.post(draft, &key).await;
    assert_eq!((again.status, &again.body), (201, &one.body));
    voted.kill("orders").await;
    let after_restart = voted.post(draft, &key).await;
    assert_eq!((after_restart.status, &after_restart.body), (201, &one.body));
    let other = voted.post(Draft { quantity: 4, ..draft }, &key).await;
    assert_eq!(other.status, 422, "{other:?}");

    let order: Uuid = one.json()["order_id"].as_str().expect("an id").parse().expect("a UUID");
    assert_eq!(voted.decided(order).await["status"], "confirmed");
    assert_eq!(voted.taken_of("PROD-005").await, 3, "there is one order");
    let path = format!("/orders/{order}/cancel");
    let cancel = || crate::http::post(voted.port("orders"), &path, "", "cancel it");
    let (first, second) = tokio::join!(cancel(), cancel());
    let (first, second) = (first.expect("an answer"), second.expect("an answer"));
    assert_eq!((first.status, second.status), (202, 202), "{first:?} {second:?}");
    assert_eq!(first.body, second.body);
    voted.wait("orders", &format!("/orders/{order}"), |now| now["status"] == "cancelled").await;
    assert_eq!(voted.taken_of("PROD-005").await, 0, "it is given back once");
}
