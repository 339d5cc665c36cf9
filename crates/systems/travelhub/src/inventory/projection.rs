//! What the log comes to: how many rooms are taken, by house and night.

use std::collections::BTreeMap;

use serde::Serialize;
use time::{Date, Duration};
use tokio_postgres::{Client, Error};
use uuid::Uuid;

use super::super::following::{Projection, Span, cursor_of, move_to};
use super::super::wire::{ReservationEvent, Snapshot, day};

const CURSOR: &str = "SELECT seq FROM inventory.cursor";
const APPLY: &str = "SELECT inventory.apply_deltas($1, $2, $3)";
const REPLACE: &str = "SELECT inventory.take_snapshot($1, $2, $3)";

/// Rooms more, or fewer, that are taken on one night.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
struct Delta {
    offer_id: Uuid,
    #[serde(with = "day")]
    night: Date,
    rooms: i32,
}

/// The rooms of the site.
pub(super) struct Rooms;

impl Projection for Rooms {
    async fn cursor(client: &Client) -> Result<u64, Error> {
        cursor_of(client, CURSOR).await
    }

    async fn apply(
        client: &Client,
        entries: &[ReservationEvent],
        span: Span,
    ) -> Result<u64, Error> {
        move_to(client, APPLY, &deltas(entries), span).await
    }

    async fn replace(client: &Client, snapshot: &Snapshot, span: Span) -> Result<u64, Error> {
        move_to(client, REPLACE, &snapshot.taken, span).await
    }
}

/// What the entries change altogether, each night once.
fn deltas(entries: &[ReservationEvent]) -> Vec<Delta> {
    let mut changes: BTreeMap<(Uuid, Date), i32> = BTreeMap::new();
    for entry in entries {
        let rooms = entry.kind.rooms();
        if rooms == 0 {
            continue;
        }
        for number in 0..i64::from(entry.nights) {
            let night = entry.check_in + Duration::days(number);
            *changes.entry((entry.offer_id, night)).or_default() += rooms;
        }
    }
    let changed = changes.into_iter().filter(|(_, rooms)| *rooms != 0);
    changed.map(|((offer_id, night), rooms)| Delta { offer_id, night, rooms }).collect()
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;
    use time::macros::date;

    use super::super::super::wire::{Currency, Kind, Money};
    use super::*;

    fn entry(seq: u64, kind: Kind, check_in: Date, nights: u16) -> ReservationEvent {
        ReservationEvent {
            seq,
            at: OffsetDateTime::UNIX_EPOCH,
            kind,
            reservation_id: Uuid::nil(),
            offer_id: Uuid::nil(),
            check_in,
            nights,
            price: Money { cents: 100, currency: Currency::EUR },
        }
    }

    #[test]
    fn entries_of_one_page_are_one_change_for_each_night() {
        let first = date!(2027 - 03 - 31);
        let entries = [
            entry(1, Kind::Held, first, 2),
            entry(2, Kind::Held, first, 1),
            entry(3, Kind::Confirmed, first, 2),
            entry(5, Kind::PaymentRefused, first, 1),
            entry(6, Kind::Expired, first, 1),
        ];
        let delta = |night, rooms| Delta { offer_id: Uuid::nil(), night, rooms };
        assert_eq!(deltas(&entries), [delta(first, 1), delta(date!(2027 - 04 - 01), 1)]);
        assert_eq!(
            deltas(&[entry(1, Kind::Held, first, 1), entry(2, Kind::Cancelled, first, 1)]),
            []
        );
    }
}
