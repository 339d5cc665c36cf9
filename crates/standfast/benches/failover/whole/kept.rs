//! Asks servers what they have of the orders that clients were told of.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result};
use standfast_checker::Keeper;
use tokio::time::{Instant, sleep};

use super::books::{self, Books};
use crate::client::Link;
use crate::stand::{Ours, Shop, Stand};
use crate::target::{Kind, Target};

/// Orders that are asked for at once.
const ORDERS_MAX: usize = 2_000;

/// A replica in sync has everything, and shows it when it has applied it: one that shows nothing
/// more for so long has stopped.
const PROGRESS_WITHIN: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(500);

/// A server may just be changing its role, which ends sessions.
const TRIES: u32 = 20;

/// The step of each order that its cluster has taken part in, in its transaction.
fn taken_part(target: &Target, orders: &[String]) -> String {
    let list = |suffix: &str| {
        let quoted: Vec<String> = orders.iter().map(|order| format!("'{order}{suffix}'")).collect();
        quoted.join(", ")
    };
    match target.kind {
        Kind::Postgres => {
            format!("SELECT id FROM orders WHERE status = 'confirmed' AND id IN ({})", list(""))
        }
        Kind::Mariadb => format!(
            "SELECT step_key FROM {} WHERE mark = 'applied' AND step_key IN ({})",
            target.table("steps"),
            list("/stock"),
        ),
        Kind::Mysql => format!(
            "SELECT order_id FROM {} WHERE status = 'filed' AND order_id IN ({})",
            target.table("reports"),
            list(""),
        ),
    }
}

/// How many of these orders a server has no trace of.
pub(super) async fn missing(target: &Target, node: usize, orders: &[String]) -> Result<usize> {
    let mut missing = 0;
    for some in orders.chunks(ORDERS_MAX) {
        let found = texts(target, node, &taken_part(target, some)).await?;
        missing += some.len().saturating_sub(found.len());
    }
    Ok(missing)
}

/// The same, once a replica has applied what it has.
pub(super) async fn missing_for_good(
    target: &Target,
    node: usize,
    orders: &[String],
) -> Result<usize> {
    let mut progress = (usize::MAX, Instant::now());
    loop {
        let missing = missing(target, node, orders).await?;
        if missing < progress.0 {
            progress = (missing, Instant::now());
        }
        if missing == 0 || progress.1.elapsed() > PROGRESS_WITHIN {
            return Ok(missing);
        }
        sleep(PAUSE).await;
    }
}

/// What both servers of each cluster have now.
pub(super) async fn read(shop: &Shop) -> Result<Books> {
    let [orders, reports, stocks] =
        [Kind::Postgres, Kind::Mysql, Kind::Mariadb].map(|kind| shop.cluster(kind));
    let mut all = Books::default();
    for node in 0..orders.target().nodes.len() {
        let lines = rows(orders, node, "orders", "id, product_id, quantity, status").await?;
        let read: Result<_> = lines.iter().map(|line| books::order(line)).collect();
        all.orders.push(read?);
        let lines =
            rows(reports, node, "reports", "order_id, product_id, quantity, status").await?;
        let read: Result<_> = lines.iter().map(|line| books::report(line)).collect();
        all.reports.push(read?);
        let name = stocks.target().nodes[node].name.clone();
        all.stocks.push(Keeper { name, stock: stock(stocks, node).await? });
    }
    Ok(all)
}

/// What a server has of each product.
pub(super) async fn stock(cluster: &Ours, node: usize) -> Result<BTreeMap<String, i64>> {
    let lines = rows(cluster, node, "products", "id, stock").await?;
    lines.iter().map(|line| books::stock(line)).collect()
}

async fn rows(cluster: &Ours, node: usize, table: &str, columns: &str) -> Result<Vec<String>> {
    let target = cluster.target();
    let query = format!("SELECT concat_ws(' ', {columns}) FROM {}", target.table(table));
    texts(target, node, &query).await
}

async fn texts(target: &Target, node: usize, query: &str) -> Result<Vec<String>> {
    for _ in 1..TRIES {
        if let Ok(texts) = once(target, node, query).await {
            return Ok(texts);
        }
        sleep(PAUSE).await;
    }
    let name = &target.nodes[node].name;
    once(target, node, query).await.with_context(|| format!("{name} cannot be asked"))
}

async fn once(target: &Target, node: usize, query: &str) -> Result<Vec<String>> {
    let mut link = Link::open(target.kind, &target.nodes[node].admin_url).await?;
    Ok(link.texts(query).await?)
}
