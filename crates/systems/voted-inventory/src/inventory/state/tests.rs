//! The state under any log: duplicates, early releases, restarts.

use proptest::prelude::*;

use super::*;

const INITIAL: Initial = Initial { products: 2, stock_each: 10 };

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn event(kind: Kind, order: u128, product: u32, quantity: u32) -> Event {
    // One event for each order and kind, as the orders service has it.
    let event_id = id(1000 + 2 * order + u128::from(kind == Kind::Release));
    Event { event_id, kind, order_id: id(order), product_id: name_of(product), quantity }
}

/// Applies `events` from offset 0 on.
fn apply(stock: &mut Stock, events: &[Event]) -> Vec<Outcome> {
    let apply = |(offset, event): (i64, &Event)| stock.apply(offset, event).unwrap().outcome;
    (0..).zip(events).map(apply).collect()
}

fn stock_after(events: &[Event]) -> (Vec<Outcome>, Product) {
    let mut stock = Stock::new(INITIAL, Inbox::On);
    let outcomes = apply(&mut stock, events);
    (outcomes, stock.product("PROD-001").unwrap())
}

#[test]
fn a_reserve_takes_and_its_release_gives_back() {
    let reserve = event(Kind::Reserve, 1, 0, 4);
    let (outcomes, product) = stock_after(&[reserve.clone(), event(Kind::Release, 1, 0, 4)]);
    assert_eq!(outcomes, [Outcome::Reserved, Outcome::Released]);
    assert_eq!(product, Product { stock: 10, version: 1 });
    let (_, product) = stock_after(&[reserve]);
    assert_eq!(product, Product { stock: 6, version: 0 });
}

#[test]
fn more_than_there_is_is_rejected_and_changes_no_version() {
    let (outcomes, product) =
        stock_after(&[event(Kind::Reserve, 1, 0, 8), event(Kind::Reserve, 2, 0, 3)]);
    assert_eq!(outcomes, [Outcome::Reserved, Outcome::Rejected]);
    assert_eq!(product, Product { stock: 2, version: 0 });
}

#[test]
fn what_comes_again_has_no_second_effect() {
    let (reserve, release) = (event(Kind::Reserve, 1, 0, 4), event(Kind::Release, 1, 0, 4));
    let again = [reserve.clone(), reserve.clone(), release.clone(), release, reserve];
    let (outcomes, product) = stock_after(&again);
    let duplicate = Outcome::Duplicate;
    let expected = [Outcome::Reserved, duplicate, Outcome::Released, duplicate, duplicate];
    assert_eq!(outcomes, expected);
    assert_eq!(product, Product { stock: 10, version: 2 });
}

#[test]
fn a_release_that_comes_first_bars_the_late_reserve() {
    let (outcomes, product) =
        stock_after(&[event(Kind::Release, 1, 0, 4), event(Kind::Reserve, 1, 0, 4)]);
    assert_eq!(outcomes, [Outcome::Released, Outcome::Rejected]);
    assert_eq!(product, Product { stock: 10, version: BEFORE_LOG });
}

#[test]
fn what_no_replica_can_apply_is_passed_over() {
    let mut stock = Stock::new(INITIAL, Inbox::On);
    let unknown = event(Kind::Reserve, 1, 7, 4);
    assert!(matches!(stock.apply(0, &unknown), Err(Unusable::UnknownProduct(_))));
    let nothing = event(Kind::Reserve, 1, 0, 0);
    assert_eq!(stock.apply(1, &nothing), Err(Unusable::NoQuantity));
    stock.apply(2, &event(Kind::Reserve, 1, 0, 4)).unwrap();
    let moved = stock.apply(3, &event(Kind::Release, 1, 1, 4)).unwrap_err();
    assert!(moved.to_string().contains("`PROD-002`"), "{moved}");
    assert_eq!((stock.applied(), stock.product("PROD-001").unwrap().stock), (3, 6));
}

#[test]
fn without_the_inbox_a_duplicate_takes_twice() {
    let mut stock = Stock::new(INITIAL, Inbox::Off);
    let reserve = event(Kind::Reserve, 1, 0, 4);
    apply(&mut stock, &[reserve.clone(), reserve]);
    assert_eq!(stock.product("PROD-001").unwrap().stock, 2);
}

fn any_event() -> impl Strategy<Value = Event> {
    // Few orders, so that most events come again and most releases meet their reserve. An order is
    // always of the same product and quantity, as the orders service has it.
    (any::<bool>(), 0_u32..12).prop_map(|(is_reserve, order)| {
        let kind = if is_reserve { Kind::Reserve } else { Kind::Release };
        event(kind, u128::from(order), order % 2, 1 + order % 5)
    })
}

proptest! {
    /// Initial stock = stock + what is reserved, at any point of any log: nothing is oversold, and
    /// nothing is lost.
    #[test]
    fn stock_and_reservations_add_up(events in prop::collection::vec(any_event(), 0..120)) {
        let mut stock = Stock::new(INITIAL, Inbox::On);
        for (offset, event) in (0..).zip(&events) {
            stock.apply(offset, event).unwrap();
            for (place, product) in (0..).zip(stock.by_place()) {
                let of_product = stock.orders().values().filter(|order| order.product == place);
                let reserved: u32 = of_product
                    .map(|order| match order.standing {
                        Standing::Reserved { quantity } => quantity,
                        Standing::Rejected | Standing::Released | Standing::Barred => 0,
                    })
                    .sum();
                prop_assert_eq!(product.stock + reserved, INITIAL.stock_each);
            }
        }
    }

    /// Repetitions anywhere behind the first occurrence change nothing but the offsets.
    #[test]
    fn duplicates_change_nothing(
        events in prop::collection::vec(any_event(), 1..60),
        repeats in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..60), 0..30),
    ) {
        let mut seen = std::collections::HashSet::new();
        let once: Vec<Event> =
            events.into_iter().filter(|event| seen.insert(event.event_id)).collect();
        let mut often: Vec<Event> = once.clone();
        for (which, behind) in repeats {
            let event = once[which.index(once.len())].clone();
            let first = often.iter().position(|one| *one == event).unwrap();
            often.insert((first + 1 + behind).min(often.len()), event);
        }
        let (mut plain, mut repeated) =
            (Stock::new(INITIAL, Inbox::On), Stock::new(INITIAL, Inbox::On));
        let outcomes = apply(&mut plain, &once);
        let repeated_outcomes = apply(&mut repeated, &often);
        let stocks = |stock: &Stock| -> Vec<u32> {
            stock.by_place().iter().map(|product| product.stock).collect()
        };
        prop_assert_eq!(stocks(&plain), stocks(&repeated));
        prop_assert_eq!(plain.orders(), repeated.orders());
        let first: Vec<Outcome> = repeated_outcomes
            .into_iter()
            .filter(|outcome| *outcome != Outcome::Duplicate)
            .collect();
        prop_assert_eq!(outcomes, first);
    }
}
