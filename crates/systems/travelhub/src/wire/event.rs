//! The log of reservations, as `inventory` and `analytics` read it.
//!
//! `GET /events?since=SEQ&limit=N&consumer=NAME` answers an [`EventPage`] of what comes after
//! `SEQ`. Numbers ascend and may be missing, but a page is complete: whatever is not in it up to
//! its last number will never be (see `standfast_tactics::event_log`). What is older than the log
//! is kept for is 410 with [`Gone`]: such a reader takes `GET /events/snapshot` and goes on from
//! there.

use serde::{Deserialize, Serialize};
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use super::day;
use super::money::Money;

/// What became of a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// A room is taken on each night.
    Held,
    /// It is paid.
    Confirmed,
    /// The card was refused; the room stays taken until the hold ends.
    PaymentRefused,
    /// Its room is free again.
    Cancelled,
    /// It was not paid in time: its room is free again.
    Expired,
}

impl Kind {
    /// How many rooms more, or fewer, are taken on each of its nights.
    pub(crate) fn rooms(self) -> i32 {
        match self {
            Self::Held => 1,
            Self::Confirmed | Self::PaymentRefused => 0,
            Self::Cancelled | Self::Expired => -1,
        }
    }
}

/// One entry of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReservationEvent {
    pub(crate) seq: u64,
    #[serde(with = "time::serde::rfc3339")]
    pub(crate) at: OffsetDateTime,
    pub(crate) kind: Kind,
    pub(crate) reservation_id: Uuid,
    pub(crate) offer_id: Uuid,
    #[serde(with = "day")]
    pub(crate) check_in: Date,
    pub(crate) nights: u16,
    pub(crate) price: Money,
}

/// Entries in the order of their numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EventPage {
    /// The number that was asked from.
    pub(crate) since: u64,
    /// The number up to which the log is settled: nothing will come up in it any more.
    pub(crate) settled: u64,
    pub(crate) events: Vec<ReservationEvent>,
}

/// What was asked for is not kept any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Gone {
    /// A snapshot shows everything up to this number, at least.
    pub(crate) snapshot_at: u64,
}

/// What the log up to `at` comes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Snapshot {
    pub(crate) at: u64,
    /// Nights on which rooms are taken.
    pub(crate) taken: Vec<NightTaken>,
    pub(crate) totals: Vec<KindTotal>,
}

/// Rooms of one offer that are taken on one night.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NightTaken {
    pub(crate) offer_id: Uuid,
    #[serde(with = "day")]
    pub(crate) night: Date,
    pub(crate) taken: i32,
}

/// All entries of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KindTotal {
    pub(crate) kind: Kind,
    pub(crate) events: i64,
    pub(crate) cents: i64,
}
