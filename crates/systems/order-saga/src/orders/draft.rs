//! An order as the saga writes it, checked; reports have the same contents.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::super::app::{checked_name, checked_quantity};
use super::super::step::fingerprint;
use crate::service::problem::Problem;

/// No amount of money that an order has comes near it.
const AMOUNT_MAX: i64 = 1 << 53;

/// What is ordered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct OrderDraft {
    pub(in super::super) order_id: Uuid,
    pub(in super::super) product_id: String,
    pub(in super::super) quantity: i64,
    pub(in super::super) customer: String,
    pub(in super::super) amount_cents: i64,
    pub(in super::super) currency: String,
    /// Under which a client asked for it, if it used one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in super::super) client_key: Option<String>,
    /// A hash of what the client asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in super::super) client_hash: Option<i64>,
}

impl OrderDraft {
    pub(in super::super) fn check(self) -> Result<Self, Problem> {
        let wrong = |text: &str| Err(Problem::unprocessable(text));
        if !(1..=AMOUNT_MAX).contains(&self.amount_cents) {
            return wrong("`amount_cents` must be above 0");
        }
        if self.currency.len() != 3 || !self.currency.bytes().all(|byte| byte.is_ascii_uppercase())
        {
            return wrong("`currency` must be three letters");
        }
        if self.client_key.as_ref().is_some_and(|key| key.is_empty() || key.len() > 128) {
            return wrong("`client_key` must be 1 to 128 characters");
        }
        checked_quantity(self.quantity)?;
        let product_id = checked_name("product_id", self.product_id)?;
        let customer = checked_name("customer", self.customer)?;
        Ok(Self { product_id, customer, ..self })
    }

    /// A number for all that it says.
    pub(in super::super) fn fingerprint(&self) -> u64 {
        let text = serde_json::to_string(self).expect("a draft is plain");
        fingerprint(&[&text])
    }
}

/// An order's id, as a path has it.
pub(in super::super) fn order_id(text: &str) -> Result<Uuid, Problem> {
    let is_plain = text.len() == 36;
    let id = Uuid::try_parse(text).ok().filter(|_| is_plain);
    id.ok_or_else(|| Problem::bad_request("an order's id is a UUID"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_order_can_be_is_refused() {
        let good = OrderDraft {
            order_id: Uuid::nil(),
            product_id: "PROD-001".to_owned(),
            quantity: 1,
            customer: "ada".to_owned(),
            amount_cents: 100,
            currency: "EUR".to_owned(),
            client_key: None,
            client_hash: None,
        };
        assert!(good.clone().check().is_ok());
        for wrong in [
            OrderDraft { amount_cents: 0, ..good.clone() },
            OrderDraft { quantity: 0, ..good.clone() },
            OrderDraft { currency: "euro".to_owned(), ..good.clone() },
            OrderDraft { customer: String::new(), ..good.clone() },
            OrderDraft { client_key: Some(String::new()), ..good.clone() },
        ] {
            assert_eq!(wrong.check().unwrap_err().status(), 422);
        }
        let other = OrderDraft { quantity: 2, ..good.clone() };
        assert_ne!(good.fingerprint(), other.fingerprint());
    }
}
