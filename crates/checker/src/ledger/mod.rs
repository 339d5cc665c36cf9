//! Whether every order is there once, and stock and orders add up.
//!
//! Clients know what was acknowledged; what became of an attempt without an answer only the final
//! reads know. So an order that is there must be explained by an attempt, an acknowledged one must
//! be there, and for each product the stock of each replica and what its orders have taken must be
//! what there was at the beginning. Whatever was applied twice, or never, breaks that sum. Where
//! orders are reported as well, the reports have to agree with them.

mod reports;
mod violation;

use std::collections::BTreeMap;

use standfast_history::Outcome;

pub use reports::StoredReport;
pub use violation::{LedgerViolation, Wanted};

/// An attempt to make an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Create {
    /// Its place in its scenario.
    pub index: u64,
    pub outcome: Outcome,
    /// What the answer called it; only an acknowledged one has a name.
    pub order: Option<String>,
    pub wanted: Wanted,
}

/// An attempt to cancel an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cancel {
    pub index: u64,
    pub outcome: Outcome,
    pub order: String,
}

/// Whether an order holds stock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Taken,
    /// Nobody has decided yet, so that it may.
    Open,
    /// It was rejected, cancelled or compensated.
    Void,
}

/// An order as it is at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredOrder {
    pub order: String,
    pub wanted: Wanted,
    pub standing: Standing,
}

/// What a replica, or whoever else keeps stock, has left at the end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keeper {
    pub name: String,
    pub stock: BTreeMap<String, i64>,
}

/// Everything that is known when nothing changes any more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Units of each product before the first order.
    pub initial: BTreeMap<String, i64>,
    pub creates: Vec<Create>,
    pub cancels: Vec<Cancel>,
    pub orders: Vec<StoredOrder>,
    pub keepers: Vec<Keeper>,
    /// Reports of orders; `None` where nobody files any.
    pub reports: Option<Vec<StoredReport>>,
}

/// The judgement on a ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LedgerJudgement {
    /// Acknowledged orders.
    pub acknowledged: u64,
    /// Attempts without an answer whose order is there.
    pub recovered: u64,
    pub violations: Vec<LedgerViolation>,
}

impl Ledger {
    /// Everything that is wrong, orders first.
    pub fn judge(&self) -> LedgerJudgement {
        let mut judgement = LedgerJudgement::default();
        let stored = self.stored(&mut judgement.violations);
        let acknowledged = self.acknowledged(&stored, &mut judgement);
        self.explain(&stored, &acknowledged, &mut judgement);
        self.decided(&stored, &mut judgement.violations);
        self.balance(&stored, &mut judgement.violations);
        if let Some(filed) = &self.reports {
            reports::judge_reports(&stored, filed, &mut judgement.violations);
        }
        judgement
    }

    fn stored(&self, violations: &mut Vec<LedgerViolation>) -> BTreeMap<&str, &StoredOrder> {
        let mut stored = BTreeMap::new();
        for order in &self.orders {
            if stored.insert(order.order.as_str(), order).is_some() {
                violations.push(LedgerViolation::StoredTwice { order: order.order.clone() });
            }
        }
        stored
    }

    /// Holds every acknowledged create against what is there; answers the names of all of them.
    fn acknowledged<'a>(
        &'a self,
        stored: &BTreeMap<&str, &StoredOrder>,
        judgement: &mut LedgerJudgement,
    ) -> BTreeMap<&'a str, u64> {
        let mut acknowledged: BTreeMap<&str, u64> = BTreeMap::new();
        for create in self.creates.iter().filter(|create| create.outcome == Outcome::Ok) {
            let Some(name) = create.order.as_deref() else { continue };
            judgement.acknowledged += 1;
            let order = name.to_owned();
            if let Some(&earlier) = acknowledged.get(name) {
                let indexes = [earlier, create.index];
                let twice = LedgerViolation::AcknowledgedTwice { order, indexes };
                judgement.violations.push(twice);
                continue;
            }
            acknowledged.insert(name, create.index);
            match stored.get(name) {
                None => {
                    let lost = LedgerViolation::Lost { order, index: create.index };
                    judgement.violations.push(lost);
                }
                Some(found) if found.wanted != create.wanted => {
                    let (asked, stored) = (create.wanted.clone(), found.wanted.clone());
                    let altered = LedgerViolation::Altered { order, asked, stored };
                    judgement.violations.push(altered);
                }
                Some(_) => {}
            }
        }
        acknowledged
    }

    /// Each attempt without an answer explains one order of what it asked for.
    fn explain(
        &self,
        stored: &BTreeMap<&str, &StoredOrder>,
        acknowledged: &BTreeMap<&str, u64>,
        judgement: &mut LedgerJudgement,
    ) {
        let mut unanswered: BTreeMap<&Wanted, u64> = BTreeMap::new();
        for create in self.creates.iter().filter(|create| create.outcome == Outcome::Info) {
            *unanswered.entry(&create.wanted).or_default() += 1;
        }
        for (name, order) in stored {
            if acknowledged.contains_key(name) {
                continue;
            }
            match unanswered.get_mut(&order.wanted).filter(|left| **left > 0) {
                Some(left) => {
                    *left -= 1;
                    judgement.recovered += 1;
                }
                None => judgement.violations.push(LedgerViolation::NeverAsked {
                    order: (*name).to_owned(),
                    stored: order.wanted.clone(),
                }),
            }
        }
    }

    fn decided(
        &self,
        stored: &BTreeMap<&str, &StoredOrder>,
        violations: &mut Vec<LedgerViolation>,
    ) {
        let open = stored.values().filter(|order| order.standing == Standing::Open);
        violations
            .extend(open.map(|order| LedgerViolation::Undecided { order: order.order.clone() }));
        for cancel in self.cancels.iter().filter(|cancel| cancel.outcome == Outcome::Ok) {
            let standing = stored.get(cancel.order.as_str()).map(|order| order.standing);
            if standing == Some(Standing::Taken) {
                let (order, index) = (cancel.order.clone(), cancel.index);
                violations.push(LedgerViolation::CancelWithoutEffect { order, index });
            }
        }
    }

    fn balance(
        &self,
        stored: &BTreeMap<&str, &StoredOrder>,
        violations: &mut Vec<LedgerViolation>,
    ) {
        let mut claimed: BTreeMap<&str, Claimed> = BTreeMap::new();
        for order in stored.values() {
            let claimed = claimed.entry(&order.wanted.product).or_default();
            let quantity = i64::try_from(order.wanted.quantity).unwrap_or(i64::MAX);
            match order.standing {
                Standing::Taken => claimed.taken = claimed.taken.saturating_add(quantity),
                Standing::Open => claimed.open = claimed.open.saturating_add(quantity),
                Standing::Void => {}
            }
        }
        let sold = claimed.iter().filter(|(_, claimed)| claimed.taken > 0).map(|(name, _)| *name);
        let unheard = sold.filter(|product| !self.initial.contains_key(*product));
        violations.extend(unheard.map(|product| LedgerViolation::Oversold {
            product: product.to_owned(),
            initial: 0,
            taken: claimed[product].taken,
        }));
        for (product, &initial) in &self.initial {
            let claimed = claimed.get(product.as_str()).copied().unwrap_or_default();
            if claimed.taken > initial {
                let (product, taken) = (product.clone(), claimed.taken);
                violations.push(LedgerViolation::Oversold { product, initial, taken });
            }
            let left = initial.saturating_sub(claimed.taken);
            let expected = left.saturating_sub(claimed.open)..=left;
            let stocks = self.stocks(product, violations);
            for &(keeper, stock) in &stocks {
                let (keeper, product) = (keeper.to_owned(), product.clone());
                if stock < 0 {
                    violations.push(LedgerViolation::NegativeStock { keeper, product, stock });
                } else if !expected.contains(&stock) {
                    let expected = expected.clone();
                    violations.push(LedgerViolation::Unbalanced {
                        keeper,
                        product,
                        stock,
                        expected,
                    });
                }
            }
            violations.extend(divergence(product, &stocks));
        }
    }

    /// What every replica has of a product.
    fn stocks<'a>(
        &'a self,
        product: &str,
        violations: &mut Vec<LedgerViolation>,
    ) -> Vec<(&'a str, i64)> {
        let mut stocks = Vec::with_capacity(self.keepers.len());
        for keeper in &self.keepers {
            match keeper.stock.get(product) {
                Some(&stock) => stocks.push((keeper.name.as_str(), stock)),
                None => violations.push(LedgerViolation::NoStock {
                    keeper: keeper.name.clone(),
                    product: product.to_owned(),
                }),
            }
        }
        stocks
    }
}

/// Units of a product that its orders hold, or may hold.
#[derive(Clone, Copy, Debug, Default)]
struct Claimed {
    taken: i64,
    open: i64,
}

/// The first two replicas that do not agree.
fn divergence(product: &str, stocks: &[(&str, i64)]) -> Option<LedgerViolation> {
    let (one, has) = *stocks.first()?;
    let (other, other_has) = *stocks.iter().find(|(_, stock)| *stock != has)?;
    Some(LedgerViolation::Diverged {
        product: product.to_owned(),
        keepers: [one.to_owned(), other.to_owned()],
        stocks: [has, other_has],
    })
}
