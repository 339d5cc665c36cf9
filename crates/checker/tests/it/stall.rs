//! Which operations a machine that stands still explains, against a count of microseconds.

use proptest::prelude::*;
use standfast_checker::{STALL_MARGIN_US, Stalls};
use standfast_history::{Operation, Outcome};

use crate::read;

/// A send that was due at `at_us` and waited for the machine until `woken_us`.
fn overslept(at_us: u64, woken_us: u64) -> Operation {
    Operation { woken_us: Some(woken_us), ..read(at_us, woken_us - at_us + 100, Outcome::Ok) }
}

/// The machine stands still from 50 ms to 60 ms; its margins reach from 48 ms to 62 ms.
fn stalls() -> Stalls {
    Stalls::of(&[
        overslept(50_000, 58_000),
        overslept(55_000, 60_000),
        read(90_000, 10, Outcome::Ok),
    ])
}

#[test]
fn an_operation_that_a_stall_fills_is_disturbed() {
    for (at_us, latency_us) in
        [(50_000, 10_100), (47_500, 3_000), (61_000, 2_500), (30_000, 40_000)]
    {
        assert!(stalls().disturb(&read(at_us, latency_us, Outcome::Fail)), "{at_us} {latency_us}");
    }
    assert!(stalls().disturb(&read(61_999, 0, Outcome::Fail)), "refused at once");
}

#[test]
fn a_long_wait_that_a_stall_merely_brushes_is_not() {
    for (at_us, latency_us) in [(40_000, 8_000), (62_000, 100), (62_000, 0), (1_000, 1_000_000)] {
        assert!(!stalls().disturb(&read(at_us, latency_us, Outcome::Fail)), "{at_us} {latency_us}");
    }
}

#[test]
fn waiting_for_a_connection_is_no_stall() {
    let queued = Operation { sent_us: Some(900_000), ..read(100, 1_000_000, Outcome::Ok) };
    assert!(Stalls::of(&[queued]).is_empty(), "the system held every connection");
}

proptest! {
    #[test]
    fn disturbed_is_what_stalls_cover_to_a_third(
        stalls in prop::collection::vec((3_000..9_000_u64, 1_000..3_000_u64), 0..4),
        (at_us, latency_us) in (0..15_000_u64, 0..9_000_u64),
    ) {
        let history: Vec<_> = stalls.iter().map(|(at, long)| overslept(*at, at + long)).collect();
        let judged = read(at_us, latency_us, Outcome::Ok);
        let is_covered = |us: &u64| {
            let margin = STALL_MARGIN_US;
            stalls.iter().any(|(at, long)| at - margin <= *us && *us < at + long + margin)
        };
        let span = at_us..(at_us + latency_us.max(1));
        let (length, covered) = (span.clone().count(), span.filter(is_covered).count());
        let expected = covered > 0 && covered * 3 >= length;
        prop_assert_eq!(Stalls::of(&history).disturb(&judged), expected);
    }

    #[test]
    fn without_a_late_send_nothing_is_disturbed(
        spans in prop::collection::vec((0..1_000_000_u64, 0..1_000_000_u64), 1..50),
    ) {
        let failed = |(at, long): &(u64, u64)| read(*at, *long, Outcome::Fail);
        let history: Vec<_> = spans.iter().map(failed).collect();
        let stalls = Stalls::of(&history);
        prop_assert!(history.iter().all(|operation| !stalls.disturb(operation)));
    }
}
