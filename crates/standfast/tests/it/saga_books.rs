//! The books of order-saga: what its clients were promised, its stock, its orders and its reports
//! have to agree, on both servers of the orders.

#![expect(clippy::unwrap_used, reason = "helpers of a test fail by panicking, as tests do")]

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use standfast_engines::wait_until;
use uuid::Uuid;

use crate::saga::{PATIENCE, SERVERS, Saga, order_id};
use crate::saga_clients::Promises;
use crate::system::connect;

/// What there is of each product at the beginning, but of the rare one.
const STOCK_EACH: u64 = 1_000_000;

/// Product and quantity of each order.
type Book = BTreeMap<Uuid, (String, u64)>;

/// Rows in `status`; an order may be there once.
fn book(rows: &[Value], status: &str) -> Book {
    let mut book = Book::new();
    for row in rows.iter().filter(|row| row["status"] == status) {
        let goods = (row["product_id"].as_str().unwrap().to_owned(), quantity(row));
        assert!(book.insert(order_id(row), goods).is_none(), "twice: {row}");
    }
    book
}

fn quantity(row: &Value) -> u64 {
    row["quantity"].as_u64().unwrap()
}

/// What one server of the orders has itself.
async fn kept_by(saga: &Saga, server: &str) -> Option<Book> {
    let client = connect(&saga.instance, server).await?;
    let query = "SELECT id::text, product_id, quantity FROM orders WHERE status = 'confirmed'";
    let rows = client.query(query, &[]).await.ok()?;
    let read = |row: &tokio_postgres::Row| {
        let (id, product, quantity): (String, String, i32) = (row.get(0), row.get(1), row.get(2));
        (id.parse().unwrap(), (product, u64::try_from(quantity).unwrap()))
    };
    Some(rows.iter().map(read).collect())
}

/// How much of each product is gone from the stock.
async fn taken(saga: &Saga) -> BTreeMap<String, u64> {
    let products = saga.rows("app1", "products").await;
    let sold = products.iter().filter_map(|row| {
        let id = row["product_id"].as_str().unwrap();
        let stock = row["stock"].as_u64().unwrap();
        let taken = STOCK_EACH.checked_sub(stock).expect("nobody puts in more than was taken");
        (id.starts_with("PROD-") && taken > 0).then(|| (id.to_owned(), taken))
    });
    sold.collect()
}

/// Every promise is kept exactly once, and there is nothing that was not promised.
pub(crate) async fn balance(saga: &Saga, promises: &Promises) {
    saga.all_sagas_end().await;
    let orders = book(&saga.rows("app2", "orders").await, "confirmed");
    let reports = book(&saga.rows("app3", "reports").await, "filed");
    let mut promised = Book::new();
    for (key, intent) in promises {
        let order = intent.order.unwrap_or_else(|| panic!("nothing is known of {key}"));
        let goods = (intent.product.clone(), intent.quantity);
        let other = promised.insert(order, goods);
        assert!(other.is_none(), "{order} was promised to {key} and to somebody else");
    }
    agree(&promised, &orders, "promised, and ordered");
    agree(&orders, &reports, "ordered, and reported");
    let mut sold: BTreeMap<String, u64> = BTreeMap::new();
    for (product, quantity) in orders.values() {
        *sold.entry(product.clone()).or_default() += quantity;
    }
    assert_eq!(taken(saga).await, sold, "stock is gone for orders only");
    for server in SERVERS {
        let same = wait_until(PATIENCE, || async {
            (kept_by(saga, server).await.as_ref() == Some(&orders)).then_some(())
        });
        assert!(same.await.is_some(), "{server} has other orders");
    }
}

#[track_caller]
fn agree(one: &Book, other: &Book, what: &str) {
    let ids = |book: &Book| book.keys().copied().collect::<BTreeSet<_>>();
    let differing: Vec<Uuid> = ids(one).symmetric_difference(&ids(other)).copied().collect();
    assert!(differing.is_empty(), "{what}: only one side has {differing:?}");
    assert_eq!(one, other, "{what}");
}
