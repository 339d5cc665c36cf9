//! The search with a model of one's own: a counter that answers what it has come to.

use standfast_checker::{Limits, Model, Search, Timed, search};

struct Counter;

impl Model for Counter {
    type State = u32;
    /// What the increment answered.
    type Call = u32;

    fn step(&self, state: &u32, answered: &u32) -> Option<u32> {
        (state + 1 == *answered).then_some(*answered)
    }
}

fn check(calls: &[(u32, u64, Option<u64>)]) -> Search {
    let timed = |(call, start, end): &(u32, u64, Option<u64>)| Timed {
        call: *call,
        start: *start,
        end: *end,
    };
    let calls: Vec<_> = calls.iter().map(timed).collect();
    search(&Counter, 0, &calls, Limits::default(), &mut 0)
}

#[test]
fn concurrent_calls_take_effect_in_whatever_order_explains_them() {
    assert_eq!(check(&[(2, 0, Some(9)), (1, 1, Some(8)), (3, 2, Some(7))]), Search::Linearizable);
    assert_eq!(check(&[(2, 0, Some(1)), (1, 2, Some(3))]), Search::Not { failed: 0 });
    assert_eq!(check(&[(1, 0, Some(1)), (1, 2, Some(3))]), Search::Not { failed: 1 });
}

#[test]
fn a_call_without_an_end_explains_others_or_never_happened() {
    assert_eq!(check(&[(1, 0, None), (2, 5, Some(6))]), Search::Linearizable);
    assert_eq!(check(&[(2, 0, None), (1, 5, Some(6))]), Search::Linearizable);
    assert_eq!(check(&[(2, 5, Some(6)), (1, 7, None)]), Search::Not { failed: 0 });
}

#[test]
fn more_open_calls_than_it_can_remember_are_unknown() {
    let mut calls: Vec<_> = (0..129).map(|index| (1_000, index, None)).collect();
    calls.push((1, 200, Some(201)));
    assert!(matches!(check(&calls), Search::Unknown { .. }));
}

#[test]
fn a_long_history_of_few_clients_is_searched_in_time() {
    // Ten calls overlap at any time, in ten thousand.
    let calls: Vec<_> = (0..10_000_u32)
        .map(|index| (index + 1, u64::from(index), Some(u64::from(index) + 10)))
        .collect();
    assert_eq!(check(&calls), Search::Linearizable);
}
