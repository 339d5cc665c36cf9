//! The books of the shop as its servers have them, held against what clients were promised.
//!
//! Both servers of each cluster are read, and each pair of books has to be right by itself: what a
//! replica lacks would be lost with the next failover.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use standfast_checker::{
    Create, Keeper, Ledger, LedgerViolation, Standing, StoredOrder, StoredReport, Wanted,
};
use standfast_history::Outcome;

use super::promises::{Promise, Told};

/// What all servers have, each list in the order of the servers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Books {
    pub(crate) orders: Vec<Vec<StoredOrder>>,
    pub(crate) reports: Vec<Vec<StoredReport>>,
    pub(crate) stocks: Vec<Keeper>,
}

impl Books {
    /// Everything that is wrong. `initial` is the stock before the first order.
    pub(crate) fn judge(
        &self,
        initial: &BTreeMap<String, i64>,
        promises: &[Promise],
    ) -> Vec<LedgerViolation> {
        let creates: Vec<Create> = (0..).zip(promises).map(create).collect();
        let pairs = self.orders.iter().zip(&self.reports);
        let judge = |(orders, reports): (&Vec<StoredOrder>, &Vec<StoredReport>)| {
            let ledger = Ledger {
                initial: initial.clone(),
                creates: creates.clone(),
                cancels: Vec::new(),
                orders: orders.clone(),
                keepers: self.stocks.clone(),
                reports: Some(reports.clone()),
            };
            ledger.judge().violations
        };
        let mut violations: Vec<LedgerViolation> = Vec::new();
        for violation in pairs.flat_map(judge) {
            if !violations.contains(&violation) {
                violations.push(violation);
            }
        }
        violations
    }
}

fn create((index, promise): (u64, &Promise)) -> Create {
    let (outcome, order) = match &promise.told {
        Told::Nothing => (Outcome::Info, None),
        Told::Made(order) => (Outcome::Ok, Some(order.clone())),
        Told::Declined => (Outcome::Fail, None),
    };
    Create { index, outcome, order, wanted: promise.wanted.clone() }
}

/// `ID PRODUCT QUANTITY STATUS`, a row of the orders or the reports.
fn fields(line: &str) -> Result<(String, Wanted, &str)> {
    let mut words = line.split(' ');
    let mut word = || words.next().with_context(|| format!("`{line}` has too few words"));
    let (id, product, quantity, status) = (word()?, word()?, word()?, word()?);
    let wanted = Wanted { product: product.to_owned(), quantity: quantity.parse()? };
    Ok((id.to_owned(), wanted, status))
}

pub(crate) fn order(line: &str) -> Result<StoredOrder> {
    let (order, wanted, status) = fields(line)?;
    let standing = if status == "confirmed" { Standing::Taken } else { Standing::Void };
    Ok(StoredOrder { order, wanted, standing })
}

pub(crate) fn report(line: &str) -> Result<StoredReport> {
    let (order, wanted, status) = fields(line)?;
    Ok(StoredReport { order, wanted, is_filed: status == "filed" })
}

/// `PRODUCT STOCK`, a row of the products.
pub(crate) fn stock(line: &str) -> Result<(String, i64)> {
    let (product, stock) = line.split_once(' ').with_context(|| format!("`{line}`"))?;
    Ok((product.to_owned(), stock.parse()?))
}
