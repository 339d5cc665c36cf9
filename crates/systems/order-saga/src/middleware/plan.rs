//! What the saga of an order is made of, and what each of its calls says.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use standfast_tactics::saga::{self, Definition, Direction, Retry, Saga, Step};
use uuid::Uuid;

use super::super::orders::OrderDraft;
use super::super::step::{COMPENSATES, EPOCH};
use super::journal::ClientOrder;
use crate::service::peer;

/// Each try has a second, and waits for its participant to be there: about a minute, after which an
/// order whose client has long gone is taken back.
const RETRY: Retry = Retry {
    wait_base: Duration::from_millis(10),
    wait_max: Duration::from_millis(250),
    tries_max: 60,
};

/// The participants, in the order of their steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Stock,
    Orders,
    Reports,
}

impl Role {
    pub(super) const ALL: [Self; 3] = [Self::Stock, Self::Orders, Self::Reports];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Stock => "stock",
            Self::Orders => "order",
            Self::Reports => "report",
        }
    }
}

/// The step at which the order is made.
pub(super) const ORDER_STEP: usize = 1;

/// The steps of an order.
pub(super) fn definition() -> Arc<Definition> {
    let step = |role: Role| {
        let (action, compensation) = match role {
            Role::Stock => ("decrement", "increment"),
            Role::Orders => ("create", "cancel"),
            Role::Reports => ("file", "void"),
        };
        Step { name: role.name(), action, compensation: Some(compensation), retry: RETRY }
    };
    let definition = Definition::try_new(Role::ALL.into_iter().map(step).collect());
    Arc::new(definition.expect("three steps with names and ways back"))
}

/// What is called, for which saga, by which driver.
#[derive(Clone, Copy, Debug)]
pub(super) struct Due<'a> {
    pub(super) id: Uuid,
    pub(super) order: &'a ClientOrder,
    pub(super) saga: &'a Saga<Value>,
    pub(super) epoch: u64,
}

impl Due<'_> {
    /// The request for `call`. Action and compensation carry the same key.
    pub(super) fn request(&self, call: saga::Call) -> peer::Call {
        let role = Role::ALL[call.step];
        let key = format!("{}/{}", self.id, role.name());
        let path = self.path(role, call.direction);
        let body = match (role, call.direction) {
            (Role::Stock, _) => json!({ "quantity": self.order.quantity }),
            (Role::Orders | Role::Reports, Direction::Back) => json!({}),
            (Role::Orders | Role::Reports, Direction::Forth) => self.draft(role),
        };
        let header = match call.direction {
            Direction::Forth => "idempotency-key",
            Direction::Back => COMPENSATES,
        };
        peer::Call::post(path, body.to_string().into_bytes())
            .with_header(header, key)
            .with_header(EPOCH, self.epoch.to_string())
    }

    fn path(&self, role: Role, direction: Direction) -> String {
        let (id, product) = (self.id, &self.order.product_id);
        match (role, direction) {
            (Role::Stock, Direction::Forth) => format!("/products/{product}/decrement"),
            (Role::Stock, Direction::Back) => format!("/products/{product}/increment"),
            (Role::Orders, Direction::Forth) => "/orders".to_owned(),
            (Role::Orders, Direction::Back) => format!("/orders/{id}/cancel"),
            (Role::Reports, Direction::Forth) => "/reports".to_owned(),
            (Role::Reports, Direction::Back) => format!("/reports/{id}/void"),
        }
    }

    /// The order, at the price that the stock has said.
    fn draft(&self, role: Role) -> Value {
        let goods = self.saga.answer(0);
        let price = goods.and_then(|goods| goods.get("price_cents")?.as_i64()).unwrap_or(0);
        let currency = goods.and_then(|goods| goods.get("currency")?.as_str()).unwrap_or("");
        // The client's key makes the order unique, and means nothing to reports.
        let has_key = role == Role::Orders;
        let draft = OrderDraft {
            order_id: self.id,
            product_id: self.order.product_id.clone(),
            quantity: self.order.quantity.into(),
            customer: self.order.customer.clone(),
            amount_cents: price.saturating_mul(self.order.quantity.into()),
            currency: currency.to_owned(),
            client_key: self.order.client_key.clone().filter(|_| has_key),
            client_hash: has_key.then_some(self.order.client_hash),
        };
        serde_json::to_value(draft).expect("a draft is plain")
    }
}

#[cfg(test)]
mod tests {
    use standfast_tactics::saga::Entry;
    use time::OffsetDateTime;

    use super::*;

    #[test]
    fn action_and_compensation_name_one_key_and_the_price_comes_from_the_stock() {
        let order = ClientOrder {
            product_id: "PROD-001".to_owned(),
            quantity: 3,
            customer: "ada".to_owned(),
            client_key: Some("k".to_owned()),
            client_hash: 7,
            at: OffsetDateTime::UNIX_EPOCH,
        };
        let (id, mut saga) = (Uuid::now_v7(), Saga::new(definition()));
        let goods = json!({ "price_cents": 137, "currency": "EUR" });
        saga.apply(&Entry::Intended { step: 0 }).unwrap();
        saga.apply(&Entry::Done { step: 0, answer: goods }).unwrap();
        let due = Due { id, order: &order, saga: &saga, epoch: 4 };
        let request = |step, direction| due.request(saga::Call { step, direction, tries: 1 });
        for step in 0..3 {
            let (forth, back) = (request(step, Direction::Forth), request(step, Direction::Back));
            assert_eq!(forth.headers[0].0, "idempotency-key");
            assert_eq!(back.headers[0].0, "compensates");
            assert_eq!(forth.headers[0].1, back.headers[0].1);
            assert_eq!(forth.headers[1], ("saga-epoch", "4".to_owned()));
        }
        let body = request(1, Direction::Forth).body;
        let draft: OrderDraft = serde_json::from_slice(&body).unwrap();
        assert_eq!((draft.amount_cents, draft.client_key), (411, Some("k".to_owned())));
        assert_eq!(request(2, Direction::Back).path, format!("/reports/{id}/void"));
    }
}
