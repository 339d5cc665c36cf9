//! What a customer wants to buy, as the customer sees it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::service::problem::Problem;

const CART_LENGTH_MAX: usize = 64;
/// As many as the inventory takes at once. A cart may hold more.
pub(super) const LINES_MAX: usize = 64;

/// Ten thousand each: above it is a mistake in the unit.
const PRICE_CENTS_MAX: i64 = 1_000_000;
const QUANTITY_MAX: i64 = 1_000_000;

/// One product on an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Line {
    pub(super) sku: String,
    pub(super) quantity: i64,
    pub(super) price_cents: i64,
}

/// A checkout as a client asks for it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct CheckoutDraft {
    pub(super) cart: String,
    /// What the customer was shown; absent, whatever is in the cart will do.
    #[serde(default)]
    pub(super) lines: Option<Vec<Line>>,
    /// Other prices and quantities will do as well; stock that is short will not.
    #[serde(default)]
    pub(super) accept_changes: bool,
}

impl CheckoutDraft {
    pub(in super::super) fn parse(body: &[u8]) -> Result<Self, Problem> {
        let draft: Self = serde_json::from_slice(body).map_err(|error| {
            let detail = format!("the body is no checkout: {error}");
            // Valid JSON with wrong content is understood, and refused.
            if error.is_data() {
                Problem::unprocessable(detail)
            } else {
                Problem::bad_request(detail)
            }
        })?;
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let is_name =
            |name: &str| (1..=CART_LENGTH_MAX).contains(&name.len()) && name.bytes().all(is_plain);
        if !is_name(&draft.cart) {
            return Err(Problem::unprocessable(format!(
                "`cart` must be 1 to {CART_LENGTH_MAX} letters, digits or any of - _ ."
            )));
        }
        let lines = draft.lines.as_deref().unwrap_or_default();
        let is_line = |line: &Line| {
            is_name(&line.sku)
                && (1..=QUANTITY_MAX).contains(&line.quantity)
                && (1..=PRICE_CENTS_MAX).contains(&line.price_cents)
        };
        let is_set = lines.iter().map(|line| &line.sku).collect::<BTreeSet<_>>().len();
        if lines.len() > LINES_MAX || is_set < lines.len() || !lines.iter().all(is_line) {
            return Err(Problem::unprocessable(format!(
                "`lines` has at most {LINES_MAX} products, each once, with a `quantity` and a \
                 `price_cents` above 0"
            )));
        }
        Ok(draft)
    }

    /// What the customer knows to be bought.
    pub(super) fn expected(&self) -> Option<&[Line]> {
        self.lines.as_deref().filter(|_| !self.accept_changes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkout_names_a_cart_and_what_its_customer_was_shown() {
        let of = |body: &str| CheckoutDraft::parse(body.as_bytes());
        assert_eq!(of(r#"{"cart":"c-1"}"#).unwrap().expected(), None);
        let line = r#"{"sku":"SKU-1","quantity":2,"price_cents":990}"#;
        let whole = format!(r#"{{"cart":"c-1","lines":[{line}]}}"#);
        assert_eq!(of(&whole).unwrap().expected().map(<[Line]>::len), Some(1));
        let accepting = whole.replace("]}", "],\"accept_changes\":true}");
        assert_eq!(of(&accepting).unwrap().expected(), None);
        for wrong in [
            r#"{"cart":""}"#.to_owned(),
            r#"{"cart":"a/b"}"#.to_owned(),
            r#"{"cart":"c","prices":[]}"#.to_owned(),
            whole.replace(":2", ":0"),
            whole.replace("990", "0"),
            whole.replace(line, &format!("{line},{line}")),
        ] {
            assert_eq!(of(&wrong).unwrap_err().status(), 422, "{wrong}");
        }
        assert_eq!(of("{").unwrap_err().status(), 400);
    }
}
