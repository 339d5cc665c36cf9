//! A snapshot gives back the state, or nothing.

use proptest::prelude::*;

use super::super::super::log::{Event, Kind};
use super::*;

const INITIAL: Initial = Initial { products: 3, stock_each: 20 };

fn identity() -> Identity {
    Identity { log: "a-cluster".to_owned(), initial: INITIAL }
}

fn events(seed: &[(bool, u32)]) -> Vec<Event> {
    let event = |(is_reserve, order): &(bool, u32)| Event {
        event_id: Uuid::from_u128(u128::from(*order) << 1 | u128::from(*is_reserve)),
        kind: if *is_reserve { Kind::Reserve } else { Kind::Release },
        order_id: Uuid::from_u128(u128::from(*order)),
        product_id: format!("PROD-{:03}", 1 + order % 3),
        quantity: 1 + order % 6,
    };
    seed.iter().map(event).collect()
}

fn apply(mut stock: Stock, events: &[Event]) -> Stock {
    // As a replica does that reads from the beginning: what it has, it passes over.
    for (offset, event) in (0..).zip(events) {
        if !stock.has_applied(offset) {
            stock.apply(offset, event).unwrap();
        }
    }
    stock
}

proptest! {
    /// Wherever it is stopped and restored, the end is the same: also when it reads again what
    /// the snapshot has.
    #[test]
    fn a_restart_from_any_snapshot_gives_the_same_state(
        seed in prop::collection::vec((any::<bool>(), 0_u32..15), 0..100),
        stops in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
    ) {
        let events = events(&seed);
        let unbroken = apply(Stock::new(INITIAL, Inbox::On), &events);
        let mut ends: Vec<usize> = stops.iter().map(|at| at.index(events.len() + 1)).collect();
        ends.sort_unstable();
        let mut stock = Stock::new(INITIAL, Inbox::On);
        for end in ends {
            stock = apply(stock, &events[..end]);
            stock = decode(&identity(), Inbox::On, &encode(&identity(), &stock)).unwrap();
        }
        prop_assert_eq!(apply(stock, &events), unbroken);
    }

    #[test]
    fn a_torn_or_damaged_snapshot_is_found(
        at in any::<prop::sample::Index>(),
        flip in 1_u8..,
        is_torn in any::<bool>(),
    ) {
        let events = events(&[(true, 1), (false, 2), (true, 3)]);
        let stock = apply(Stock::new(INITIAL, Inbox::On), &events);
        let mut bytes = encode(&identity(), &stock);
        let at = at.index(bytes.len());
        if is_torn {
            bytes.truncate(at);
        } else {
            bytes[at] ^= flip;
        }
        prop_assert!(decode(&identity(), Inbox::On, &bytes).is_err());
    }
}

#[test]
fn a_snapshot_of_another_log_or_catalogue_is_foreign() {
    let bytes = encode(&identity(), &Stock::new(INITIAL, Inbox::On));
    let other_log = Identity { log: "another".to_owned(), ..identity() };
    assert_eq!(decode(&other_log, Inbox::On, &bytes), Err(BadSnapshot::Foreign));
    let other_stock = Identity { initial: Initial { stock_each: 21, ..INITIAL }, ..identity() };
    assert_eq!(decode(&other_stock, Inbox::On, &bytes), Err(BadSnapshot::Foreign));
    assert_eq!(decode(&identity(), Inbox::On, b"{}"), Err(BadSnapshot::Format));
}
