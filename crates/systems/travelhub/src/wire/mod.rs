//! What the services say to each other: one type for each body, so that both sides agree.
//!
//! Money is integer cents with a currency, ids are UUIDs of version 7, times are RFC 3339, and a
//! field that nobody knows is an error.

mod charge;
mod event;
mod hex;
mod money;
mod quote;
mod reservation;
mod statement;

pub(crate) use charge::{ChargeAnswer, ChargeKind, ChargeRequest, RefundRequest};
#[cfg(test)]
pub(crate) use event::Kind;
pub(crate) use event::{EventPage, Gone, ReservationEvent, Snapshot};
pub(crate) use hex::Hex;
pub(crate) use money::{Currency, Money};
pub(crate) use quote::Quote;
pub(crate) use reservation::Reservation;
pub(crate) use statement::{ComputeRequest, Introduction, SignedStatement, Statement};

/// A day of the calendar, such as `2027-03-01`.
pub(crate) mod day {
    time::serde::format_description!(format, Date, "[year]-[month]-[day]");
    pub(crate) use format::{deserialize, serialize};
}
