//! Time to recover, against a slow search over every possible moment.

use proptest::prelude::*;
use standfast_checker::{Recovery, SteadyState, time_to_recover};
use standfast_history::{Operation, Outcome};

use crate::read;

const ALL_GOOD: SteadyState = SteadyState { good_share_min: 1.0, settle_us: 100, until_us: 1000 };

fn every_ten_us(good: impl Fn(u64) -> bool) -> Vec<Operation> {
    let outcome = |at| if good(at) { Outcome::Ok } else { Outcome::Fail };
    (0..100).map(|index| read(index * 10, 1, outcome(index * 10))).collect()
}

fn recovery(operations: &[Operation], from_us: u64, steady: &SteadyState) -> Recovery {
    time_to_recover(operations, from_us, steady, |operation| operation.outcome == Outcome::Ok)
}

#[test]
fn a_system_that_never_left_its_steady_state_recovered_at_once() {
    let operations = every_ten_us(|_| true);
    assert_eq!(recovery(&operations, 305, &ALL_GOOD), Recovery::After { us: 0 });
}

#[test]
fn recovery_counts_from_the_heal_to_the_first_lasting_success() {
    let operations = every_ten_us(|at| !(300..500).contains(&at));
    assert_eq!(recovery(&operations, 400, &ALL_GOOD), Recovery::After { us: 100 });
}

#[test]
fn a_success_between_failures_is_no_recovery() {
    let operations = every_ten_us(|at| at >= 600 || at == 450);
    assert_eq!(recovery(&operations, 400, &ALL_GOOD), Recovery::After { us: 200 });
}

#[test]
fn no_recovery_within_the_run_is_a_lower_bound_and_not_a_figure() {
    let operations = every_ten_us(|at| at < 300);
    assert_eq!(recovery(&operations, 400, &ALL_GOOD), Recovery::LongerThan { us: 500 });
}

#[test]
fn without_load_or_room_to_settle_nothing_was_observed() {
    assert_eq!(recovery(&[], 400, &ALL_GOOD), Recovery::Unobserved);
    let operations = every_ten_us(|_| true);
    assert_eq!(recovery(&operations, 950, &ALL_GOOD), Recovery::Unobserved);
}

#[test]
fn the_last_failures_do_not_make_a_recovery_look_quicker() {
    let tolerant = SteadyState { good_share_min: 0.8, ..ALL_GOOD };
    let operations = every_ten_us(|at| !(300..500).contains(&at));
    assert_eq!(recovery(&operations, 400, &tolerant), Recovery::After { us: 100 });
}

/// Tries every attempt as the beginning, each with a fresh count.
fn slow(operations: &[Operation], from_us: u64, steady: &SteadyState) -> Recovery {
    let seen: Vec<&Operation> = operations
        .iter()
        .filter(|op| from_us <= op.intended_us && op.intended_us < steady.until_us)
        .collect();
    if seen.is_empty() || from_us + steady.settle_us > steady.until_us {
        return Recovery::Unobserved;
    }
    for (position, first) in seen.iter().enumerate() {
        let opens = if position == 0 { from_us } else { first.intended_us };
        let closes = opens + steady.settle_us;
        let inside: Vec<_> = seen[position..].iter().filter(|op| op.intended_us < closes).collect();
        let good = inside.iter().filter(|op| op.outcome == Outcome::Ok).count();
        let share = good as f64 / inside.len().max(1) as f64;
        let starts_good = first.outcome == Outcome::Ok && !inside.is_empty();
        if closes <= steady.until_us && starts_good && share >= steady.good_share_min {
            return Recovery::After { us: opens - from_us };
        }
    }
    Recovery::LongerThan { us: steady.until_us - steady.settle_us - from_us }
}

proptest! {
    #[test]
    fn the_sweep_agrees_with_the_slow_search(
        steps in prop::collection::vec((1..60_u64, prop::bool::weighted(0.7)), 0..80),
        from_us in 0..600_u64,
        settle_us in 1..300_u64,
        good_share_min in 0.5..=1.0_f64,
    ) {
        let mut at_us = 0;
        let operations: Vec<Operation> = steps
            .into_iter()
            .map(|(step, good)| {
                at_us += step;
                read(at_us, 1, if good { Outcome::Ok } else { Outcome::Fail })
            })
            .collect();
        let steady = SteadyState { good_share_min, settle_us, until_us: 1000 };
        prop_assert_eq!(
            recovery(&operations, from_us, &steady),
            slow(&operations, from_us, &steady)
        );
    }
}
