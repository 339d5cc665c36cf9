//! voted-inventory on real Kafka and PostgreSQL, for tests that look into both of them.
//!
//! What the services do with SQL and with the log shows only there: tests write to the database as
//! a superuser and read the topics themselves.

#![expect(clippy::unwrap_used, reason = "helpers of a test fail by panicking, as tests do")]

use std::time::Duration;

use serde_json::{Value, json};
use standfast_engines::wait_until;
use standfast_history::Event;
use standfast_lab::fault::{Fault, FaultKind, Hold, Injected};
use standfast_lab::instance::{Clock, Data, Instance, Metrics, Network};
use tokio::sync::mpsc;
use tokio_postgres::Client;
use uuid::Uuid;

use crate::http::{self, Answer};
use crate::place::Place;
use crate::system::{Wanted, bring_up, connect};
use crate::voted_log;

/// Bounds a test that fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) const REPLICAS: [&str; 3] = ["inventory-1", "inventory-2", "inventory-3"];

/// What there is of each product.
const STOCK_EACH: u64 = 1000;

/// A system that is up.
pub(crate) struct Voted {
    pub(crate) instance: Instance,
    pub(crate) events: mpsc::Receiver<Event>,
    pub(crate) database: Client,
    _place: Place,
}

/// An order that a client asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draft {
    pub(crate) product: &'static str,
    pub(crate) quantity: u64,
}

impl Draft {
    pub(crate) fn body(self) -> String {
        json!({ "product_id": self.product, "quantity": self.quantity }).to_string()
    }
}

impl Voted {
    /// Brings it up; replicas keep a snapshot every so many records.
    pub(crate) async fn up(snapshot_every: usize, network: Network) -> Self {
        // Beside it, no other test may end: its guardian ends whatever this process has started.
        let place = Place::alone().await;
        // A busy machine is not what is tested, nor how long something is remembered.
        let patient = [("SLOW_AFTER", "1s"), ("ERRORS_FORGOTTEN_AFTER", "2s")];
        let patient = patient.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let monitor = ("monitor".to_owned(), patient.into());
        let settings = |name: &str| {
            let values = [
                ("PRODUCTS", "10".to_owned()),
                ("STOCK_EACH", STOCK_EACH.to_string()),
                ("SNAPSHOT_EVERY", snapshot_every.to_string()),
            ];
            let values = values.map(|(key, value)| (key.to_owned(), value));
            (name.to_owned(), values.into_iter().collect())
        };
        let environment = REPLICAS.map(settings).into_iter().chain([monitor]).collect();
        let wanted = Wanted { system: "voted-inventory", environment, network };
        let (instance, events) = bring_up(&place, wanted, &Clock::started()).await;
        let database = connect(&instance, "postgres").await.unwrap();
        Self { instance, events, database, _place: place }
    }

    pub(crate) async fn down(self) {
        self.instance.shutdown(Data::Delete).await.unwrap();
    }

    pub(crate) fn port(&self, service: &str) -> u16 {
        self.instance.endpoint(service).unwrap().port()
    }

    pub(crate) async fn get(&self, service: &str, path: &str) -> Value {
        http::get(self.port(service), path).await.map_or(Value::Null, |answer| answer.json())
    }

    /// Places an order under `key`.
    pub(crate) async fn post(&self, draft: Draft, key: &str) -> Answer {
        http::post(self.port("orders"), "/orders", &draft.body(), key).await.unwrap()
    }

    /// Places an order, which must be taken; answers its id.
    pub(crate) async fn order(&self, draft: Draft) -> Uuid {
        let answer = self.post(draft, &Uuid::now_v7().to_string()).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()["order_id"].as_str().unwrap().parse().unwrap()
    }

    /// What an order has come to, once that is decided.
    pub(crate) async fn decided(&self, order: Uuid) -> Value {
        let path = format!("/orders/{order}");
        let decided = wait_until(PATIENCE, || async {
            let order = self.get("orders", &path).await;
            order["status"].as_str().is_some_and(|status| status != "pending").then_some(order)
        });
        decided.await.unwrap_or_else(|| panic!("{order} is never decided"))
    }

    /// Waits until `is_so` of what a service answers.
    pub(crate) async fn wait(&self, service: &str, path: &str, is_so: impl Fn(&Value) -> bool) {
        let seen = wait_until(PATIENCE, || async {
            let answer = self.get(service, path).await;
            is_so(&answer).then_some(())
        });
        let seen = seen.await;
        assert!(seen.is_some(), "{service} {path}: {:#}", self.get(service, path).await);
    }

    /// The whole stock, once all replicas have applied what is in the log, and agree.
    pub(crate) async fn stock(&self) -> Value {
        let same = wait_until(PATIENCE, || async {
            let end = voted_log::end(self, "orders").await;
            let mut views = Vec::new();
            for replica in REPLICAS {
                let view = self.get(replica, "/inventory").await;
                (view["applied_offset"] == json!(end - 1)).then_some(())?;
                views.push(view["products"].clone());
            }
            views.iter().all(|view| *view == views[0]).then(|| views.swap_remove(0))
        });
        same.await.expect("the replicas agree")
    }

    /// What is left of a product, in all replicas.
    pub(crate) async fn left_of(&self, product: &str) -> u64 {
        let stock = self.stock().await;
        let found = stock.as_array().unwrap().iter().find(|one| one["product_id"] == product);
        found.unwrap()["stock"].as_u64().unwrap()
    }

    /// How much of a product is taken, in all replicas.
    pub(crate) async fn taken_of(&self, product: &str) -> u64 {
        STOCK_EACH - self.left_of(product).await
    }

    pub(crate) async fn metrics(&self, service: &str) -> Metrics {
        self.instance.scrape(service).await.unwrap()
    }

    pub(crate) async fn inject(&self, kind: FaultKind, target: &str) -> Injected {
        self.instance.inject(&Fault::new(kind, target), Hold::UntilHealed).await.unwrap()
    }

    pub(crate) async fn heal(&self, injected: Injected) {
        self.instance.heal(injected).await.unwrap();
    }

    /// `kill -9`, after which the supervisor brings it back.
    pub(crate) async fn kill(&self, target: &str) {
        let kill = Fault::new(FaultKind::Kill, target);
        let killed = self.instance.inject(&kill, Hold::No).await.unwrap();
        self.heal(killed).await;
    }

    /// One figure that the database counts.
    pub(crate) async fn count(&self, query: &str) -> i64 {
        self.database.query_one(query, &[]).await.unwrap().get(0)
    }
}
