//! Which operations other programs explain: those of spans in which they made threads wait.

use proptest::prelude::*;
use standfast_checker::{
    Crowding, FOREIGN_SHARE_MIN, LATE_US_MIN, SLOW_FAILURE_US_MIN, WAITS_MAX, Window,
};
use standfast_history::{MachineSample, Outcome};

use crate::read;

const SPAN_US: u64 = 200_000;

/// A fifth of a second, the `number`th of the trial.
fn sample(number: u64, foreign: f64, late_us: u64) -> MachineSample {
    let from_us = number * SPAN_US;
    MachineSample { from_us, to_us: from_us + SPAN_US, own: 0.3, foreign, stolen: 0.0, late_us }
}

fn check(foreign: f64, late_us: u64, is_crowded: bool) {
    let crowding = Crowding::of(&[sample(0, foreign, late_us)]);
    assert_eq!(crowding.is_empty(), !is_crowded, "{foreign} {late_us}");
}

#[test]
fn crowded_is_where_others_work_and_somebody_waits() {
    check(0.6, 4_000, true);
    check(FOREIGN_SHARE_MIN, LATE_US_MIN, true);
    // A processor was free, or they made way.
    check(0.6, LATE_US_MIN - 1, false);
    // Whom it waited for was the system itself.
    check(FOREIGN_SHARE_MIN - 0.01, 40_000, false);
    check(0.0, 0, false);
}

#[test]
fn a_slow_operation_of_a_crowded_span_is_disturbed_and_a_longer_one_is_not() {
    let crowding = Crowding::of(&[sample(1, 0.9, 5_000), sample(2, 0.0, 60)]);
    for (at_us, latency_us) in [(210_000, 500), (150_000, 100_000), (390_000, 30_000)] {
        assert!(crowding.disturb(&read(at_us, latency_us, Outcome::Ok)), "{at_us}");
    }
    for (at_us, latency_us) in [(100_000, 50_000), (400_000, 500), (100_000, 1_000_000)] {
        assert!(!crowding.disturb(&read(at_us, latency_us, Outcome::Ok)), "{at_us}");
    }
    assert_eq!(crowding.covered_us(Window { from_us: 0, to_us: 1_000_000 }), SPAN_US);
}

#[test]
fn what_fails_at_once_did_not_wait_for_a_processor() {
    let crowding = Crowding::of(&[sample(1, 0.9, 5_000)]);
    let fails_after = |latency_us| crowding.disturb(&read(210_000, latency_us, Outcome::Fail));
    assert!(!fails_after(SLOW_FAILURE_US_MIN - 1));
    assert!(fails_after(SLOW_FAILURE_US_MIN));
}

#[test]
fn what_lasts_for_ever_waits_for_something_else() {
    let all: Vec<_> = (0..20).map(|number| sample(number, 0.9, 5_000)).collect();
    let lasts = |latency_us| Crowding::of(&all).disturb(&read(0, latency_us, Outcome::Fail));
    assert!(lasts(5_000 * WAITS_MAX) && !lasts(5_000 * WAITS_MAX + 1));
    // One longer wait on the way explains more.
    let mut all = all.clone();
    all[1].late_us = 30_000;
    let crowding = Crowding::of(all.iter().rev());
    assert!(crowding.disturb(&read(0, 30_000 * WAITS_MAX, Outcome::Fail)));
    assert!(!crowding.disturb(&read(400_000, 1_000_000, Outcome::Fail)), "it was over by then");
}

proptest! {
    #[test]
    fn a_machine_that_is_ours_explains_nothing(
        samples in prop::collection::vec((0.0..FOREIGN_SHARE_MIN, 0..1_000_000_u64), 0..20),
        (at_us, latency_us) in (0..4_000_000_u64, 0..4_000_000_u64),
    ) {
        let samples: Vec<_> = samples
            .iter()
            .zip(0..)
            .map(|((foreign, late_us), number)| sample(number, *foreign, *late_us))
            .collect();
        prop_assert!(!Crowding::of(&samples).disturb(&read(at_us, latency_us, Outcome::Fail)));
    }
}
