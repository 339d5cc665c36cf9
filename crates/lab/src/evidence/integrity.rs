//! What orders, stock and reports add up to at the end, product by product.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use standfast_checker::Standing;
use standfast_history::Outcome;

use crate::claim::{TrialRecord, Unknown, books};
use crate::spec::Accounts;

/// The books of a trial, as figures that can be added up by hand.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Integrity {
    /// Whether there is no mistake.
    pub agrees: bool,
    pub orders_acknowledged: u64,
    /// Clients never learned what became of them.
    pub orders_unanswered: u64,
    /// Of these, orders that are there.
    pub orders_unanswered_found: u64,
    pub orders_declined: u64,
    /// Orders that are there and hold stock.
    pub orders_taken: u64,
    pub orders_open: u64,
    pub orders_void: u64,
    /// Absent where nobody reports.
    pub reports_filed: Option<u64>,
    pub products: Vec<ProductBalance>,
    /// Everything that is wrong, in sentences.
    pub mistakes: Vec<String>,
}

/// One product: what there was, and where it went.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ProductBalance {
    pub product: String,
    pub initial: i64,
    /// By who keeps it.
    pub stock: BTreeMap<String, i64>,
    /// Units that orders hold.
    pub in_orders: i64,
    /// Units that reports name; absent where nobody reports.
    pub in_reports: Option<i64>,
    /// Whether stock and orders are what there was, and reports what is in orders.
    pub agrees: bool,
}

impl Integrity {
    pub(super) fn of(record: &TrialRecord, accounts: &Accounts) -> Result<Self, Unknown> {
        let books = books(record, accounts)?;
        let judged = books.judge();
        let created = |outcome| {
            books.creates.iter().filter(|create| create.outcome == outcome).count() as u64
        };
        let stored = |standing| {
            books.orders.iter().filter(|order| order.standing == standing).count() as u64
        };
        let filed = |reports: &Vec<_>| count_filed(reports);
        let mut held: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
        for order in books.orders.iter().filter(|order| order.standing == Standing::Taken) {
            held.entry(&order.wanted.product).or_default().0 += units(order.wanted.quantity);
        }
        for report in books.reports.iter().flatten().filter(|report| report.is_filed) {
            held.entry(&report.wanted.product).or_default().1 += units(report.wanted.quantity);
        }
        let balance = |(product, initial): (&String, &i64)| {
            let (in_orders, reported) = held.get(product.as_str()).copied().unwrap_or_default();
            let in_reports = books.reports.as_ref().map(|_| reported);
            let kept = |keeper: &standfast_checker::Keeper| {
                Some((keeper.name.clone(), *keeper.stock.get(product)?))
            };
            let stock: BTreeMap<String, i64> = books.keepers.iter().filter_map(kept).collect();
            let is_whole = |left: &i64| left + in_orders == *initial;
            let agrees = !stock.is_empty()
                && stock.values().all(is_whole)
                && in_reports.is_none_or(|reported| reported == in_orders);
            let product = product.clone();
            ProductBalance { product, initial: *initial, stock, in_orders, in_reports, agrees }
        };
        Ok(Self {
            agrees: judged.violations.is_empty(),
            orders_acknowledged: judged.acknowledged,
            orders_unanswered: created(Outcome::Info),
            orders_unanswered_found: judged.recovered,
            orders_declined: created(Outcome::Fail),
            orders_taken: stored(Standing::Taken),
            orders_open: stored(Standing::Open),
            orders_void: stored(Standing::Void),
            reports_filed: books.reports.as_ref().map(filed),
            products: books.initial.iter().map(balance).collect(),
            mistakes: judged.violations.iter().map(ToString::to_string).collect(),
        })
    }
}

fn count_filed(reports: &[standfast_checker::StoredReport]) -> u64 {
    reports.iter().filter(|report| report.is_filed).count() as u64
}

fn units(quantity: u64) -> i64 {
    i64::try_from(quantity).unwrap_or(i64::MAX)
}

impl fmt::Display for Integrity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", if self.agrees { "All agrees." } else { "It does not agree." })?;
        let filed = self.reports_filed.map_or("none are filed".to_owned(), |n| n.to_string());
        for (what, figure) in [
            ("orders acknowledged to clients", self.orders_acknowledged.to_string()),
            ("orders without an answer", self.orders_unanswered.to_string()),
            ("  of these, there", self.orders_unanswered_found.to_string()),
            ("orders declined", self.orders_declined.to_string()),
            ("orders there that hold stock", self.orders_taken.to_string()),
            ("orders there, not decided", self.orders_open.to_string()),
            ("orders there, taken back", self.orders_void.to_string()),
            ("reports", filed),
            ("mistakes", self.mistakes.len().to_string()),
        ] {
            writeln!(f, "{what:<34}{figure:>10}")?;
        }
        self.mistakes.iter().try_for_each(|mistake| writeln!(f, "    {mistake}"))?;
        writeln!(
            f,
            "\n{:<16}{:>12}{:>12}{:>12}{:>12}  agrees",
            "product", "at first", "stock", "in orders", "in reports"
        )?;
        // What nobody ordered and nobody lost is in the other file.
        let is_told = |balance: &&ProductBalance| balance.in_orders != 0 || !balance.agrees;
        for balance in self.products.iter().filter(is_told) {
            let stocks: Vec<String> = balance.stock.values().map(ToString::to_string).collect();
            let reports = balance.in_reports.map_or("-".to_owned(), |units| units.to_string());
            writeln!(
                f,
                "{:<16}{:>12}{:>12}{:>12}{reports:>12}  {}",
                balance.product,
                balance.initial,
                stocks.join(" "),
                balance.in_orders,
                if balance.agrees { "yes" } else { "NO" }
            )?;
        }
        Ok(())
    }
}
