//! The backlog in front of a simulated service, which decides orders one after the other.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::Duration;

use proptest::prelude::*;
use tokio::time::Instant;

use super::state::{Backlog, Limits, Refused};

const TICK_MS: u64 = 2;
const DEADLINE_MS: u64 = 5000;
const FLOOR: usize = 64;
const LIMITS: Limits = Limits { floor: FLOOR, deadline: Duration::from_millis(DEADLINE_MS) };

/// What came of it.
#[derive(Debug, Default)]
struct Outcome {
    /// When an order was refused.
    refused: Vec<u64>,
    /// When an order was decided, and how long it had waited.
    waits: Vec<(u64, u64)>,
    backlog_max: usize,
    backlog_end: usize,
}

impl Outcome {
    fn wait_max(&self, within: Range<u64>) -> u64 {
        let waits = self.waits.iter().filter(|(at, _)| within.contains(at));
        waits.map(|(_, wait)| *wait).max().unwrap_or(0)
    }

    fn decided(&self, within: Range<u64>) -> usize {
        self.waits.iter().filter(|(at, _)| within.contains(at)).count()
    }

    fn refused(&self, within: Range<u64>) -> usize {
        self.refused.iter().filter(|at| within.contains(at)).count()
    }
}

fn run(
    lasts_ms: u64,
    offered: impl Fn(u64) -> f64,
    capacity: impl Fn(u64, usize) -> f64,
) -> Outcome {
    let (mut backlog, start) = (Backlog::new(LIMITS), Instant::now());
    let mut waiting = VecDeque::new();
    let mut outcome = Outcome::default();
    let (mut due, mut able) = (0.0, 0.0);
    let tick = TICK_MS as f64 / 1000.0;
    for at in (0..lasts_ms).step_by(TICK_MS as usize) {
        let now = start + Duration::from_millis(at);
        due += offered(at) * tick;
        while due >= 1.0 {
            due -= 1.0;
            match backlog.admit(now, LIMITS.deadline) {
                Ok(()) => waiting.push_back(at),
                Err(Refused { .. }) => outcome.refused.push(at),
            }
        }
        able += capacity(at, waiting.len()) * tick;
        while able >= 1.0 {
            able -= 1.0;
            if let Some(began) = waiting.pop_front() {
                backlog.decided(now);
                outcome.waits.push((at, at - began));
            }
        }
        assert_eq!(backlog.undecided(), waiting.len());
        outcome.backlog_max = outcome.backlog_max.max(waiting.len());
    }
    outcome.backlog_end = waiting.len();
    outcome
}

#[test]
fn a_failover_of_two_seconds_is_a_late_answer_and_not_a_refusal() {
    let away = 20_000..22_000;
    let outcome = run(60_000, |_| 100.0, |at, _| if away.contains(&at) { 0.0 } else { 130.0 });
    assert_eq!(outcome.refused, Vec::<u64>::new());
    assert!((200..=260).contains(&outcome.backlog_max), "{}", outcome.backlog_max);
    assert!(outcome.wait_max(0..60_000) < DEADLINE_MS);
    assert!(outcome.backlog_end < 5, "it has caught up: {}", outcome.backlog_end);
}

#[test]
fn a_lasting_overload_is_shed_and_what_is_taken_is_decided_in_time() {
    let outcome = run(120_000, |at| if at < 90_000 { 150.0 } else { 50.0 }, |_, _| 100.0);
    assert!(outcome.backlog_max <= 400, "{}", outcome.backlog_max);
    assert!(outcome.wait_max(0..120_000) < DEADLINE_MS);
    // Once it is seen that the backlog stands, a wait is a quarter of the deadline.
    assert!(outcome.wait_max(30_000..90_000) < 1500, "{}", outcome.wait_max(30_000..90_000));
    assert!(outcome.decided(30_000..90_000) > 5900, "the service is never idle");
    let excess = outcome.refused(30_000..90_000);
    assert!((2900..=3100).contains(&excess), "{excess}");
    assert_eq!(outcome.refused(92_000..120_000), 0, "it drains when the load falls");
    assert!(outcome.backlog_end < 5, "{}", outcome.backlog_end);
}

#[test]
fn an_overload_ends_although_a_long_backlog_makes_the_service_slower() {
    // Orders come at what the service can do, and after an outage of 4 s it would lag behind for
    // ever.
    let away = 30_000..34_000;
    let outcome = run(
        180_000,
        |_| 100.0,
        |at, waiting| match waiting {
            _ if away.contains(&at) => 0.0,
            0..200 => 104.0,
            _ => 90.0,
        },
    );
    assert_eq!(outcome.refused(0..34_000), 0, "not while the database is away");
    assert!(outcome.wait_max(0..180_000) < DEADLINE_MS, "{}", outcome.wait_max(0..180_000));
    assert!(outcome.refused.len() < 600, "{}", outcome.refused.len());
    assert_eq!(outcome.refused(60_000..180_000), 0, "it has recovered");
    assert!(outcome.wait_max(120_000..180_000) < 100, "{}", outcome.wait_max(120_000..180_000));
}

#[test]
fn what_is_away_for_longer_than_the_deadline_is_not_waited_for() {
    let away = 20_000..40_000;
    let outcome = run(60_000, |_| 100.0, |at, _| if away.contains(&at) { 0.0 } else { 200.0 });
    assert_eq!(outcome.refused(0..25_000), 0, "it may yet be back");
    assert!(outcome.backlog_max <= 700, "{}", outcome.backlog_max);
    assert!(outcome.refused(27_000..40_000) >= 1290, "all, since none would be decided in time");
    assert_eq!(outcome.refused(45_000..60_000), 0, "and it is taken up again");
}

#[test]
fn a_service_that_was_idle_is_not_taken_for_a_slow_one() {
    // 5 orders a second, then 300 at once: nothing was known but that it can do 5.
    let offered = |at| {
        if at < 30_000 {
            5.0
        } else if at < 31_000 {
            300.0
        } else {
            5.0
        }
    };
    let outcome = run(40_000, offered, |_, _| 200.0);
    assert_eq!(outcome.refused, Vec::<u64>::new());
}

#[test]
fn a_client_with_less_time_is_refused_earlier_and_told_when_to_come_back() {
    let (mut backlog, start) = (Backlog::new(LIMITS), Instant::now());
    for _ in 0..300 {
        backlog.admit(start, LIMITS.deadline).unwrap();
    }
    // 100 a second.
    for at in 1..=100 {
        backlog.decided(start + Duration::from_millis(10 * at));
    }
    let now = start + Duration::from_millis(1000);
    let patient = backlog.admit(now, LIMITS.deadline);
    assert_eq!(patient, Ok(()), "200 are decided in 2 s");
    let refused = backlog.admit(now, Duration::from_secs(1)).unwrap_err();
    assert!(refused.retry_after >= Duration::from_secs(1), "{refused:?}");
    assert!(refused.retry_after <= Duration::from_secs(2), "{refused:?}");
}

#[test]
fn orders_that_were_given_up_are_no_measure_of_the_service() {
    let (mut backlog, start) = (Backlog::new(LIMITS), Instant::now());
    for _ in 0..1000 {
        backlog.restore();
    }
    for at in 1..=400 {
        backlog.given_up(start + Duration::from_millis(20 * at));
    }
    assert_eq!(backlog.undecided(), 600);
    let now = start + Duration::from_secs(8);
    assert!(backlog.admit(now, LIMITS.deadline).is_err(), "nothing was decided for 8 s");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn no_failover_is_refused_that_a_client_can_wait_for(
        rate in 10.0..300.0_f64,
        headroom in 1.3..3.0_f64,
        begins in 0..20_000_u64,
        lasts in 200..2_500_u64,
    ) {
        let away = begins..begins + lasts;
        let capacity =
            |at, _: usize| if away.contains(&at) { 0.0 } else { rate * headroom };
        let outcome = run(begins + lasts + 20_000, |_| rate, capacity);
        prop_assert_eq!(outcome.refused.len(), 0);
    }

    #[test]
    fn under_any_overload_a_backlog_is_bounded_by_the_deadline_and_drains(
        capacity in 40.0..200.0_f64,
        overload in 1.1..2.5_f64,
    ) {
        let offered =
            |at| if at < 60_000 { capacity * overload } else { capacity / 2.0 };
        let outcome = run(90_000, offered, |_, _| capacity);
        let wait_max = outcome.wait_max(0..90_000);
        prop_assert!(wait_max < DEADLINE_MS, "{wait_max} ms");
        // The floor is more than a quarter of the deadline for the slowest of these.
        let stands = outcome.wait_max(40_000..60_000);
        prop_assert!(stands < 2000, "{stands} ms");
        let decided = outcome.decided(20_000..60_000) as f64;
        prop_assert!(decided > capacity * 40.0 * 0.98, "{decided}");
        prop_assert_eq!(outcome.refused(65_000..90_000), 0);
        prop_assert!(outcome.backlog_end < 10);
    }

    #[test]
    fn whatever_happens_the_floor_is_taken(
        steps in prop::collection::vec((0..3_u8, 0..2000_u64), 1..400),
    ) {
        let (mut backlog, mut now) = (Backlog::new(LIMITS), Instant::now());
        for (what, passes_ms) in steps {
            now += Duration::from_millis(passes_ms);
            let before = backlog.undecided();
            match what {
                0 => backlog.decided(now),
                1 => backlog.given_up(now),
                _ => for _ in 0..20 {
                    let undecided = backlog.undecided();
                    let taken = backlog.admit(now, Duration::from_millis(passes_ms));
                    prop_assert!(taken.is_ok() || undecided >= FLOOR);
                    prop_assert_eq!(backlog.undecided(), undecided + usize::from(taken.is_ok()));
                },
            }
            if what < 2 {
                prop_assert_eq!(backlog.undecided(), before.saturating_sub(1));
            }
        }
    }
}
