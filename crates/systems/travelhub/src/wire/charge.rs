//! What `reservations` asks of `cashier`.
//!
//! Both calls may come any number of times for one reservation: the ledger holds at most one row of
//! each kind. A refund of what was never charged bars the charge, so that one which comes late, or
//! is still on its way, does not happen.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::money::Money;
use super::quote::Quote;

/// The body of `POST /charges`. 200 with a [`ChargeAnswer`]; 402 when the card is refused, which is
/// final for this card; 409 when a refund has barred it; 503 when nobody decided, to be asked
/// again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChargeRequest {
    pub(crate) quote: Quote,
    pub(crate) card_token: String,
}

/// The body of `POST /refunds`. 200 with a [`ChargeAnswer`], whose amount is what was charged
/// before, or zero; 503 when it is to be asked again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RefundRequest {
    pub(crate) quote: Quote,
}

/// Which row of the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ChargeKind {
    Charge,
    Refund,
}

/// A row of the ledger, and who said otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ChargeAnswer {
    pub(crate) charge_id: Uuid,
    pub(crate) reservation_id: Uuid,
    pub(crate) kind: ChargeKind,
    pub(crate) amount: Money,
    /// Replicas that disagreed with what was decided.
    #[serde(default)]
    pub(crate) dissenters: Vec<String>,
}
