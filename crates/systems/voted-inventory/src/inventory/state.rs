//! The stock as a pure state machine: the same log gives the same state, whoever applies it,
//! however often records come and wherever it was restarted.
//!
//! What an order has done is remembered for ever: an event that comes again finds it (the inbox),
//! and a release that comes before its reserve leaves a barrier, so that the late reserve does not
//! hold stock that nobody will ever give back.

use std::collections::{BTreeMap, HashMap};

use uuid::Uuid;

use super::super::log::{Event, Kind, Outcome};

/// The offset of nothing: before the first record.
pub(super) const BEFORE_LOG: i64 = -1;

/// What there is of one product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Product {
    /// Units that can be reserved.
    pub(super) stock: u32,
    /// The offset of the last event that changed it.
    pub(super) version: i64,
}

/// How an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Reserved {
        quantity: u32,
    },
    Rejected,
    Released,
    /// Released before it came.
    Barred,
}

/// What an order did, and to what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Order {
    pub(super) standing: Standing,
    /// The place of its product.
    pub(super) product: u32,
}

/// What became of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) outcome: Outcome,
    pub(super) reason: Option<String>,
}

/// Why an event cannot be applied, by any replica, ever.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unusable {
    #[error("unknown product `{0}`")]
    UnknownProduct(String),
    #[error("the quantity is 0")]
    NoQuantity,
    #[error("order {order} is of another product than `{product}`")]
    OtherProduct { order: Uuid, product: String },
}

/// What the stock begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Initial {
    /// They are called `PROD-001` and so on.
    pub(super) products: u32,
    pub(super) stock_each: u32,
}

/// Whether what comes again is told from what is new; off only in control arms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Inbox {
    On,
    Off,
}

/// The state of a replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stock {
    inbox: Inbox,
    places: BTreeMap<String, u32>,
    products: Vec<Product>,
    orders: HashMap<Uuid, Order>,
    applied: i64,
}

impl Stock {
    pub(super) fn new(initial: Initial, inbox: Inbox) -> Self {
        let product = Product { stock: initial.stock_each, version: BEFORE_LOG };
        let products = vec![product; initial.products as usize];
        Self::restore(products, HashMap::new(), BEFORE_LOG, inbox)
    }

    /// The state that a snapshot holds.
    pub(super) fn restore(
        products: Vec<Product>,
        orders: HashMap<Uuid, Order>,
        applied: i64,
        inbox: Inbox,
    ) -> Self {
        let places = (0..).take(products.len()).map(|place| (name_of(place), place)).collect();
        Self { inbox, places, products, orders, applied }
    }

    /// The offset of the last record that was applied.
    pub(super) fn applied(&self) -> i64 {
        self.applied
    }

    pub(super) fn product(&self, name: &str) -> Option<Product> {
        let place = *self.places.get(name)?;
        Some(self.products[place as usize])
    }

    /// All products with their names, in the order of these.
    pub(super) fn products(&self) -> impl Iterator<Item = (&str, Product)> {
        self.places.iter().map(|(name, place)| (name.as_str(), self.products[*place as usize]))
    }

    /// All products by their places.
    pub(super) fn by_place(&self) -> &[Product] {
        &self.products
    }

    pub(super) fn orders(&self) -> &HashMap<Uuid, Order> {
        &self.orders
    }

    /// Whether the record at `offset` was applied before.
    pub(super) fn has_applied(&self, offset: i64) -> bool {
        offset <= self.applied
    }

    /// Passes over the record at `offset`, which is no event.
    pub(super) fn skip(&mut self, offset: i64) {
        self.applied = self.applied.max(offset);
    }

    /// Applies `event`, which is at `offset`; a later one than all before.
    ///
    /// # Errors
    /// When it means nothing here. It is passed over then.
    pub(super) fn apply(&mut self, offset: i64, event: &Event) -> Result<Verdict, Unusable> {
        debug_assert!(!self.has_applied(offset), "the log goes forward");
        self.skip(offset);
        let place = *self
            .places
            .get(&event.product_id)
            .ok_or_else(|| Unusable::UnknownProduct(event.product_id.clone()))?;
        if event.quantity == 0 {
            return Err(Unusable::NoQuantity);
        }
        let known = match self.inbox {
            Inbox::On => self.orders.get(&event.order_id).copied(),
            Inbox::Off => None,
        };
        if known.is_some_and(|order| order.product != place) {
            let (order, product) = (event.order_id, event.product_id.clone());
            return Err(Unusable::OtherProduct { order, product });
        }
        let known = known.map(|order| order.standing);
        let (standing, verdict) = match event.kind {
            Kind::Reserve => self.reserve(known, place, offset, event.quantity),
            Kind::Release => self.release(known, place, offset, event.quantity),
        };
        if self.inbox == Inbox::On {
            self.orders.insert(event.order_id, Order { standing, product: place });
        }
        Ok(verdict)
    }

    fn reserve(
        &mut self,
        known: Option<Standing>,
        place: u32,
        offset: i64,
        quantity: u32,
    ) -> (Standing, Verdict) {
        let product = &mut self.products[place as usize];
        match known {
            None => match product.stock.checked_sub(quantity) {
                Some(stock) => {
                    *product = Product { stock, version: offset };
                    (Standing::Reserved { quantity }, verdict(Outcome::Reserved))
                }
                None => {
                    let reason = format!("{} are left", product.stock);
                    (Standing::Rejected, because(Outcome::Rejected, reason))
                }
            },
            Some(Standing::Barred) => {
                let reason = "it was released before it came".to_owned();
                (Standing::Released, because(Outcome::Rejected, reason))
            }
            Some(
                standing @ (Standing::Reserved { .. } | Standing::Rejected | Standing::Released),
            ) => (standing, verdict(Outcome::Duplicate)),
        }
    }

    fn release(
        &mut self,
        known: Option<Standing>,
        place: u32,
        offset: i64,
        quantity: u32,
    ) -> (Standing, Verdict) {
        let product = &mut self.products[place as usize];
        let mut give_back = |quantity: u32| {
            // Without the inbox, more may come back than there ever was.
            let stock = product.stock.saturating_add(quantity);
            *product = Product { stock, version: offset };
            (Standing::Released, verdict(Outcome::Released))
        };
        match known {
            // What was reserved counts, not what the event says of it.
            Some(Standing::Reserved { quantity }) => give_back(quantity),
            None if self.inbox == Inbox::Off => give_back(quantity),
            None => {
                let reason = "it comes before its reserve".to_owned();
                (Standing::Barred, because(Outcome::Released, reason))
            }
            Some(Standing::Rejected) => {
                let reason = "nothing was reserved".to_owned();
                (Standing::Released, because(Outcome::Released, reason))
            }
            Some(standing @ (Standing::Released | Standing::Barred)) => {
                (standing, verdict(Outcome::Duplicate))
            }
        }
    }
}

/// The name of the product at `place`.
fn name_of(place: u32) -> String {
    format!("PROD-{:03}", place + 1)
}

fn verdict(outcome: Outcome) -> Verdict {
    Verdict { outcome, reason: None }
}

fn because(outcome: Outcome, reason: String) -> Verdict {
    Verdict { outcome, reason: Some(reason) }
}

#[cfg(test)]
mod tests;
