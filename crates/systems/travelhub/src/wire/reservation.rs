//! A reservation as clients see it.

use serde::{Deserialize, Serialize};
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use super::day;
use super::money::Money;

/// How far a reservation has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    /// The room is kept, for a while.
    Held,
    /// Somebody is paying: the room is kept until it is known what became of that.
    Paying,
    Confirmed,
    Cancelled,
    Expired,
}

impl Status {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Paying => "paying",
            Self::Confirmed => "confirmed",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
        }
    }
}

/// The answer to `GET /reservations/{id}`, and to what changes one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reservation {
    pub(crate) reservation_id: Uuid,
    pub(crate) status: Status,
    pub(crate) offer_id: Uuid,
    pub(crate) offer_name: String,
    #[serde(with = "day")]
    pub(crate) check_in: Date,
    pub(crate) nights: u16,
    pub(crate) guests: u16,
    pub(crate) customer: String,
    pub(crate) price: Money,
    #[serde(with = "time::serde::rfc3339")]
    pub(crate) held_until: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    pub(crate) created_at: OffsetDateTime,
    /// `pending` while a refund is still to be made, `done` after it.
    pub(crate) refund: Option<String>,
}
