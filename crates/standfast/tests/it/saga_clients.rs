//! Clients of order-saga: each writes down what it is going to order before it asks, and what it
//! was answered. They ask under the same key until they know, as the README tells them to.

#![expect(clippy::unwrap_used, reason = "helpers of a test fail by panicking, as tests do")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;
use standfast_engines::wait_until;
use tokio::task::JoinSet;
use tokio::time::sleep;
use uuid::Uuid;

use crate::http;
use crate::saga::{PATIENCE, Saga, order_id};

const CLIENTS: u64 = 6;

/// Few products, so that orders contend for the same rows.
const PRODUCTS: u32 = 4;

/// Between two requests of a client, so that two cores have time for six databases.
const PACE: Duration = Duration::from_millis(20);

/// What a client is going to order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Intent {
    pub(crate) product: String,
    pub(crate) quantity: u64,
    /// The order that it was told to have.
    pub(crate) order: Option<Uuid>,
}

/// All that the clients know, by the keys that they ask under.
pub(crate) type Promises = BTreeMap<String, Intent>;

/// Clients that order without an end.
pub(crate) struct Clients {
    promises: Arc<Mutex<Promises>>,
    is_over: Arc<AtomicBool>,
    tasks: JoinSet<()>,
}

impl Clients {
    /// They come in by the gateway.
    pub(crate) fn start(saga: &Saga, seed: u64) -> Self {
        let gateway = saga.port("gateway");
        let (promises, is_over) = (Arc::default(), Arc::default());
        let mut tasks = JoinSet::new();
        for number in 0..CLIENTS {
            let client = Client {
                gateway,
                rng: StdRng::seed_from_u64(seed.wrapping_mul(CLIENTS) + number),
                promises: Arc::clone(&promises),
                is_over: Arc::clone(&is_over),
            };
            tasks.spawn(client.order_always());
        }
        Self { promises, is_over, tasks }
    }

    pub(crate) fn acknowledged(&self) -> usize {
        self.promises.lock().unwrap().values().filter(|one| one.order.is_some()).count()
    }

    /// Waits until so many more orders are acknowledged.
    pub(crate) async fn get(&self, saga: &Saga, more: usize) {
        let goal = self.acknowledged() + more;
        let is_reached = || async { (self.acknowledged() >= goal).then_some(()) };
        if wait_until(PATIENCE, is_reached).await.is_none() {
            let (reached, trouble) = (self.acknowledged(), saga.trouble().await);
            panic!("{reached} of {goal} are acknowledged: {trouble}");
        }
    }

    /// Lets each learn of its last order, and answers what they know.
    pub(crate) async fn end(mut self) -> Promises {
        self.is_over.store(true, Ordering::Relaxed);
        while let Some(ended) = self.tasks.join_next().await {
            ended.expect("no client saw what it must not see");
        }
        let promises = self.promises.lock().unwrap();
        promises.clone()
    }
}

struct Client {
    gateway: u16,
    rng: StdRng,
    promises: Arc<Mutex<Promises>>,
    is_over: Arc<AtomicBool>,
}

impl Client {
    async fn order_always(mut self) {
        while !self.is_over.load(Ordering::Relaxed) {
            let product = format!("PROD-{:03}", self.rng.random_range(1..=PRODUCTS));
            let quantity = self.rng.random_range(1..=5);
            let key = Uuid::now_v7().to_string();
            let body = json!({ "product_id": product, "quantity": quantity, "customer": "ada" });
            let body = body.to_string();
            let intent = Intent { product, quantity, order: None };
            self.promises.lock().unwrap().insert(key.clone(), intent);
            let made = wait_until(2 * PATIENCE, || self.ask(&body, &key)).await;
            let order = made.unwrap_or_else(|| panic!("nobody says what becomes of {key}"));
            self.promises.lock().unwrap().get_mut(&key).unwrap().order = Some(order);
            if self.rng.random_bool(0.2)
                && let Some(again) = self.ask(&body, &key).await
            {
                assert_eq!(again, order, "{key} is one order");
            }
            // A pace, not a synchronisation.
            sleep(PACE).await;
        }
    }

    /// The order under `key`, once it is certain that there is one.
    async fn ask(&self, body: &str, key: &str) -> Option<Uuid> {
        let answer = http::post(self.gateway, "/orders", body, key).await.ok()?;
        match answer.status {
            201 => Some(order_id(&answer.json())),
            // Of the gateway without a middleware; and: not now, not known yet.
            502..=504 => None,
            other => panic!("{other} for {body}: {answer:?}"),
        }
    }
}
