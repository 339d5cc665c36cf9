//! What has changed between what a customer was shown and what there is now.

use std::collections::BTreeMap;

use serde::Serialize;

use super::draft::Line;

/// A product as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Goods {
    pub(super) price_cents: i64,
    pub(super) currency: String,
    pub(super) stock: i64,
}

/// A difference that a customer has to see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub(super) enum Difference {
    /// It has another price than was shown.
    Price { sku: String, shown_cents: i64, price_cents: i64 },
    /// The cart holds another quantity than was shown; 0 for one that is not there.
    Quantity { sku: String, shown: i64, quantity: i64 },
    /// There is not enough of it.
    Short { sku: String, quantity: i64, stock: i64 },
    /// It is not sold any more.
    Gone { sku: String },
}

impl Difference {
    /// Whether a customer who takes things as they are can have the rest.
    pub(super) fn is_acceptable(&self) -> bool {
        matches!(self, Self::Price { .. } | Self::Quantity { .. })
    }
}

/// What differs between `cart`, with what there is of each product now, and what was `shown`.
pub(super) fn compare(
    cart: &BTreeMap<String, i64>,
    goods: &BTreeMap<String, Goods>,
    shown: Option<&[Line]>,
) -> Vec<Difference> {
    let mut differences = Vec::new();
    for (sku, quantity) in cart {
        let (sku, quantity) = (sku.clone(), *quantity);
        match goods.get(&sku) {
            None => differences.push(Difference::Gone { sku }),
            Some(Goods { stock, .. }) if *stock < quantity => {
                differences.push(Difference::Short { sku, quantity, stock: *stock });
            }
            Some(_) => {}
        }
    }
    let Some(shown) = shown else { return differences };
    for line in shown {
        let (sku, quantity) = (line.sku.clone(), cart.get(&line.sku).copied().unwrap_or(0));
        if quantity != line.quantity {
            let (sku, shown) = (sku.clone(), line.quantity);
            differences.push(Difference::Quantity { sku, shown, quantity });
        }
        let price = goods.get(&sku).map(|goods| goods.price_cents);
        if let Some(price_cents) = price.filter(|price| *price != line.price_cents) {
            let shown_cents = line.price_cents;
            differences.push(Difference::Price { sku, shown_cents, price_cents });
        }
    }
    let is_shown = |sku: &String| shown.iter().any(|line| line.sku == *sku);
    for (sku, quantity) in cart.iter().filter(|(sku, _)| !is_shown(sku)) {
        let (sku, quantity) = (sku.clone(), *quantity);
        differences.push(Difference::Quantity { sku, shown: 0, quantity });
    }
    differences
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(sku: &str, quantity: i64, price_cents: i64) -> Line {
        Line { sku: sku.to_owned(), quantity, price_cents }
    }

    fn differences(cart: &[(&str, i64)], shown: Option<&[Line]>) -> Vec<Difference> {
        let goods = |(sku, price_cents, stock): (&str, i64, i64)| {
            (sku.to_owned(), Goods { price_cents, currency: "EUR".to_owned(), stock })
        };
        let goods = [("a", 100, 5), ("b", 200, 1)].map(goods).into();
        let cart = cart.iter().map(|(sku, quantity)| ((*sku).to_owned(), *quantity)).collect();
        compare(&cart, &goods, shown)
    }

    #[test]
    fn what_was_shown_and_still_is_so_differs_in_nothing() {
        let shown = [line("a", 2, 100), line("b", 1, 200)];
        assert_eq!(differences(&[("a", 2), ("b", 1)], Some(&shown)), []);
        assert_eq!(differences(&[("a", 5)], None), [], "nothing was shown, and all is there");
    }

    #[test]
    fn each_change_is_told_and_only_prices_and_quantities_can_be_accepted() {
        let shown = [line("a", 2, 90), line("b", 2, 200)];
        let found = differences(&[("a", 3), ("b", 2), ("c", 1)], Some(&shown));
        let (a, b, c) = ("a".to_owned(), "b".to_owned(), "c".to_owned());
        let expected = [
            Difference::Short { sku: b, quantity: 2, stock: 1 },
            Difference::Gone { sku: c.clone() },
            Difference::Quantity { sku: a.clone(), shown: 2, quantity: 3 },
            Difference::Price { sku: a.clone(), shown_cents: 90, price_cents: 100 },
            Difference::Quantity { sku: c, shown: 0, quantity: 1 },
        ];
        assert_eq!(found, expected);
        let acceptable: Vec<bool> = found.iter().map(Difference::is_acceptable).collect();
        assert_eq!(acceptable, [false, false, true, true, true]);
        let removed = differences(&[], Some(&[line("a", 2, 100)]));
        assert_eq!(removed, [Difference::Quantity { sku: a, shown: 2, quantity: 0 }]);
    }
}
