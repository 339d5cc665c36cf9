//! The middleware dies again and again in the middle of its sagas, and once forgets all of them:
//! each is done or undone as a whole, and one that nobody can undo waits for somebody.

use std::time::Duration;

use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use tokio::time::sleep;
use uuid::Uuid;

use crate::http;
use crate::saga::{Saga, order_id};
use crate::saga_books::balance;
use crate::saga_clients::{Clients, Intent, Promises};

const SEED: u64 = 2;

const KILLS: u32 = 5;

/// Some orders are taken in this time, on the slowest machine as well.
const LIFE_MS_MAX: u64 = 400;

/// Stock goes, and does not come back.
const STUCK: &str = "CREATE TRIGGER stuck BEFORE UPDATE ON products FOR EACH ROW \
                     BEGIN IF NEW.stock > OLD.stock THEN \
                     SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not now'; END IF; END";

async fn dies_often(saga: &Saga, clients: &Clients) {
    let mut rng = StdRng::seed_from_u64(SEED);
    for _ in 0..KILLS {
        clients.get(saga, 10).await;
        // In the middle of whatever it does by then; nothing waits for this.
        sleep(Duration::from_millis(rng.random_range(0..=LIFE_MS_MAX))).await;
        saga.kill("middleware").await;
    }
    clients.get(saga, 20).await;
}

/// Its journal is lost, so a key leads to a second saga, which finds the order of the first.
async fn forgets_what_it_did(saga: &Saga, promises: &mut Promises) {
    let (key, body) = (
        "kept for long",
        json!({ "product_id": "PROD-009", "quantity": 7,
                                                "customer": "ada" }),
    );
    let body = body.to_string();
    let first = saga.order(&body, key).await;
    assert_eq!(first.status, 201, "{first:?}");
    let order = order_id(&first.json());
    let intent = Intent { product: "PROD-009".to_owned(), quantity: 7, order: Some(order) };
    promises.insert(key.to_owned(), intent);
    saga.all_sagas_end().await;

    saga.instance.stop("middleware").await.expect("it stops");
    let journal = saga.instance.folder().data("middleware").join("journal");
    std::fs::remove_dir_all(journal).expect("there is a journal");
    saga.instance.start("middleware").await.expect("it starts");

    let again = saga.order(&body, key).await;
    assert_eq!((again.status, order_id(&again.json())), (201, order), "{again:?}");
    let other = saga.order(&body.replace('7', "8"), key).await;
    assert_eq!(other.status, 422, "the key stands for something else: {other:?}");
    saga.all_sagas_end().await;
}

/// A saga that can neither go on nor back is shown, and goes back when that is possible again.
async fn waits_for_somebody(saga: &Saga, promises: &Promises) {
    let (key, intent) = promises.iter().next().expect("clients have ordered");
    let body = json!({ "product_id": intent.product, "quantity": intent.quantity,
                       "customer": "ada" });
    let url = saga.instance.admin_url("stock-a").expect("it is ours");
    let mut stock = Conn::from_url(url).await.expect("a session");
    stock.query_drop("USE stock").await.expect("the database of the stock");
    stock.query_drop(STUCK).await.expect("a trigger");

    let again = saga.order(&body.to_string(), key).await;
    assert_eq!(again.status, 201, "{again:?}");
    assert_eq!(Some(order_id(&again.json())), intent.order, "it is told of the first one");
    let one = |answer: &Value| answer["sagas"].as_array().is_some_and(|all| all.len() == 1);
    let parked = saga.wait("middleware", "/sagas?state=parked", one).await;
    let parked = &parked["sagas"][0];
    assert_eq!(parked["at_step"], "stock", "{parked:#}");
    let path = format!("/sagas/{}", parked["saga_id"].as_str().expect("an id"));
    let resume = format!("{path}/resume");
    let port = saga.port("middleware");
    let resumed = http::post(port, &resume, "", "resume").await.expect("an answer");
    assert_eq!(resumed.status, 202, "{resumed:?}");

    stock.query_drop("DROP TRIGGER stuck").await.expect("it goes");
    stock.disconnect().await.expect("it ends");
    saga.wait("middleware", &path, |saga| saga["state"] == "compensated").await;
    let resumed = http::post(port, &resume, "", "resume").await.expect("an answer");
    assert_eq!(resumed.status, 409, "it is not parked: {resumed:?}");
    let unknown = format!("/sagas/{}/resume", Uuid::now_v7());
    let unknown = http::post(port, &unknown, "", "resume").await.expect("an answer");
    assert_eq!(unknown.status, 404, "{unknown:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sagas_are_done_or_undone_however_often_the_middleware_dies() {
    let saga = Saga::up().await;
    let clients = Clients::start(&saga, 2);
    dies_often(&saga, &clients).await;
    let mut promises = clients.end().await;
    balance(&saga, &promises).await;
    forgets_what_it_did(&saga, &mut promises).await;
    waits_for_somebody(&saga, &promises).await;
    balance(&saga, &promises).await;
    saga.down().await;
}
