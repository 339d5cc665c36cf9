//! What is in the log: events, the replicas' replies to them, and refusals.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

/// What an order asks of the stock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// Take the quantity out of the stock, if there is as much.
    Reserve,
    /// Give back what the order has reserved.
    Release,
}

/// A record of topic `orders`; its key is the product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Event {
    /// The same for each delivery of one event.
    pub(crate) event_id: Uuid,
    pub(crate) kind: Kind,
    pub(crate) order_id: Uuid,
    pub(crate) product_id: String,
    /// Units, never 0.
    pub(crate) quantity: u32,
}

/// What a replica has done with an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    Reserved,
    Rejected,
    Released,
    /// It had been there before; this delivery changed nothing.
    Duplicate,
}

/// A record of topic `inventory.replies`; its key is the order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reply {
    pub(crate) order_id: Uuid,
    pub(crate) event_id: Uuid,
    /// Who replies, such as `inventory-2`.
    pub(crate) replica: String,
    /// Where in topic `orders` the event is.
    pub(crate) offset: i64,
    pub(crate) outcome: Outcome,
    pub(crate) reason: Option<String>,
}

/// A record of topic `orders.errors`: what could not be applied, or not be published.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Refusal {
    /// Who refused it.
    pub(crate) source: String,
    /// Where in topic `orders` it is; absent when it never came there.
    pub(crate) offset: Option<i64>,
    pub(crate) reason: String,
    /// The record as it is; a string when it is no JSON.
    pub(crate) event: Value,
}

impl Refusal {
    /// The bytes of a record, as they can be shown in JSON.
    pub(crate) fn show(raw: &[u8]) -> Value {
        serde_json::from_slice(raw)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(raw).into_owned()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The formats are a contract between services of different ages.
    #[test]
    fn an_event_and_a_reply_are_written_as_the_design_says() {
        let id = Uuid::now_v7();
        let product_id = "PROD-001".to_owned();
        let event =
            Event { event_id: id, kind: Kind::Reserve, order_id: id, product_id, quantity: 5 };
        let written = json!({
            "event_id": id, "kind": "reserve", "order_id": id, "product_id": "PROD-001",
            "quantity": 5,
        });
        assert_eq!(serde_json::to_value(&event).unwrap(), written);
        assert_eq!(serde_json::from_value::<Event>(written).unwrap(), event);
        let (order_id, event_id, replica) = (id, id, "inventory-2".to_owned());
        let (offset, outcome, reason) = (123, Outcome::Rejected, Some("why".to_owned()));
        let reply = Reply { order_id, event_id, replica, offset, outcome, reason };
        let written = json!({
            "order_id": id, "event_id": id, "replica": "inventory-2", "offset": 123,
            "outcome": "rejected", "reason": "why",
        });
        assert_eq!(serde_json::to_value(&reply).unwrap(), written);
    }

    #[test]
    fn a_negative_quantity_or_an_unknown_field_is_no_event() {
        let id = Uuid::now_v7();
        let event = |quantity: i64| {
            json!({ "event_id": id, "kind": "release", "order_id": id, "product_id": "P",
                    "quantity": quantity })
        };
        assert!(serde_json::from_value::<Event>(event(1)).is_ok());
        assert!(serde_json::from_value::<Event>(event(-1)).is_err());
        let mut more = event(1);
        more["colour"] = json!("red");
        assert!(serde_json::from_value::<Event>(more).is_err());
    }

    #[test]
    fn what_is_no_json_can_be_shown_all_the_same() {
        assert_eq!(Refusal::show(b"{\"a\":1}"), json!({ "a": 1 }));
        assert_eq!(Refusal::show(b"\xff{"), json!("\u{fffd}{"));
    }
}
