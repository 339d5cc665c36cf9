//! Products of all shards, in pages, and how many rows each shard has.

use std::time::Duration;

use serde_json::{Value, json};
use standfast_tactics::deadline::Deadline;

use super::Shop;
use super::gather::{Gathered, Question};
use crate::service::page::PageRequest;
use crate::service::problem::Problem;

/// In one statement, so that rows and slots are of one snapshot.
const PRODUCTS: &str = "SELECT (SELECT slots FROM open_ranges), (SELECT json_agg(page) FROM ( \
                        SELECT slot, sku, title, price_cents, currency, stock, version \
                        FROM owned_products WHERE sku COLLATE \"C\" > $1 \
                        ORDER BY sku COLLATE \"C\" LIMIT $2) AS page)::text";

/// Per slot, so that what is counted can be held against the map.
const COUNTS: &str = "SELECT (SELECT slots FROM open_ranges), (SELECT json_agg(counted) FROM ( \
     SELECT slot, sum(users) AS users, sum(products) AS products FROM ( \
     SELECT slot, count(*) AS users, 0 AS products FROM users GROUP BY slot UNION ALL \
     SELECT slot, 0, count(*) FROM products GROUP BY slot) AS both_tables \
     WHERE length($1) >= 0 GROUP BY slot ORDER BY slot LIMIT $2) AS counted)::text";

/// All rows are looked at.
const COUNTING: Duration = Duration::from_millis(1500);

/// More than there are slots.
const SLOTS_MAX: i64 = 65_536;

/// A page of products, and what it lacks.
pub(super) async fn products(
    shop: &Shop,
    page: PageRequest<String>,
    deadline: Deadline,
) -> Result<(Value, bool), Problem> {
    let question = Question {
        statement: PRODUCTS,
        limit: i64::from(page.limit),
        after: page.after.clone(),
        patience: shop.patience,
    };
    let Gathered { mut rows, missing, map } = shop.gather(&question, deadline).await?;
    let name = |row: &Value| row["sku"].as_str().unwrap_or_default().to_owned();
    rows.sort_by_key(|(_, row)| name(row));
    rows.truncate(page.limit as usize);
    let next = page.next(rows.len(), rows.last().map(|(_, row)| name(row)));
    let is_complete = missing.is_empty();
    let items: Vec<Value> = rows.into_iter().map(|(_, row)| row).collect();
    let body = json!({
        "items": items, "next_after": next, "complete": is_complete, "missing": missing,
        "epoch": map.epoch(),
    });
    Ok((body, is_complete))
}

/// Rows of each shard, and how uneven they are.
pub(super) async fn stats(shop: &Shop, deadline: Deadline) -> Result<(Value, bool), Problem> {
    let question =
        Question { statement: COUNTS, limit: SLOTS_MAX, after: String::new(), patience: COUNTING };
    let Gathered { rows, missing, map } = shop.gather(&question, deadline).await?;
    let is_missing: Vec<String> = serde_json::to_value(&missing)
        .ok()
        .and_then(|missing| missing.as_array().cloned())
        .unwrap_or_default()
        .iter()
        .filter_map(|missing| Some(missing.get("shard")?.as_str()?.to_owned()))
        .collect();
    let mut shards = Vec::new();
    let mut totals = Vec::new();
    for (shard, name) in map.names().iter().enumerate() {
        let of = |field: &str| -> u64 {
            let own = rows.iter().filter(|(owner, _)| *owner == shard);
            own.filter_map(|(_, row)| row[field].as_u64()).sum()
        };
        let (slots, users, products) = (map.owned(shard).count(), of("users"), of("products"));
        shards.push(json!({
            "shard": name, "slots": slots, "users": users, "products": products,
            "answered": slots == 0 || !is_missing.contains(name),
        }));
        if slots > 0 && !is_missing.contains(name) {
            totals.push(users + products);
        }
    }
    let is_complete = missing.is_empty();
    let body = json!({
        "shards": shards, "imbalance": imbalance(&totals), "complete": is_complete,
        "missing": missing, "epoch": map.epoch(),
    });
    Ok((body, is_complete))
}

/// The fullest over an average one; null where there is nothing.
fn imbalance(totals: &[u64]) -> Option<f64> {
    let sum: u64 = totals.iter().sum();
    let fullest = totals.iter().max().filter(|_| sum > 0)?;
    Some(*fullest as f64 * totals.len() as f64 / sum as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imbalance_is_the_fullest_over_the_mean() {
        assert_eq!(imbalance(&[10, 10, 10, 10]), Some(1.0));
        assert_eq!(imbalance(&[30, 10]), Some(1.5));
        assert_eq!(imbalance(&[]), None);
        assert_eq!(imbalance(&[0, 0]), None);
    }
}
