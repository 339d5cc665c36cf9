//! The breaker's semantics, each defect found elsewhere, and its invariants under any history.

use std::time::Duration;

use proptest::prelude::*;
use standfast_tactics::circuit_breaker::{
    Cause, CircuitBreaker, Mode, Outcome, Policy, SharedBreaker, State, Ticket, Transition,
};
use tokio::time::Instant;

const MS: Duration = Duration::from_millis(1);

fn policy() -> Policy {
    Policy {
        window: 10,
        calls_min: 4,
        failure_rate: 0.5,
        failures_in_a_row: 3,
        slow_after: 100 * MS,
        slow_rate: 0.8,
        break_base: 100 * MS,
        break_max: 1000 * MS,
        break_growth: 2.0,
        break_jitter: 0.0,
        probes: 2,
        half_open_max: 500 * MS,
    }
}

/// A breaker with its clock.
struct Bench {
    breaker: CircuitBreaker,
    now: Instant,
}

impl Bench {
    fn new(policy: Policy) -> Self {
        Self {
            breaker: CircuitBreaker::try_new(policy).expect("the policy of this test makes sense"),
            now: Instant::now(),
        }
    }

    fn call(&mut self, outcome: Outcome, took: Duration) -> Option<Transition> {
        let ticket = self.breaker.admit(self.now).expect("the breaker lets it through");
        self.now += took;
        self.breaker.finish(ticket, outcome, self.now, 0.5)
    }

    fn admit(&mut self) -> Option<Ticket> {
        self.breaker.admit(self.now).ok()
    }

    fn finish(&mut self, ticket: Ticket, outcome: Outcome) -> Option<Transition> {
        self.breaker.finish(ticket, outcome, self.now, 0.5)
    }

    /// Opens the breaker and lets the break pass.
    fn break_over(&mut self) {
        while self.call(Outcome::Failure, MS).is_none() {}
        let State::Open { until, .. } = self.breaker.state() else { panic!("it has just opened") };
        self.now = until;
    }
}

#[test]
fn opens_after_failures_in_a_row_and_says_when_to_come_back() {
    let mut bench = Bench::new(policy());
    assert_eq!(bench.call(Outcome::Failure, MS), None);
    assert_eq!(bench.call(Outcome::Failure, MS), None);
    let opened = bench.call(Outcome::Failure, MS);
    assert_eq!(opened, Some(Transition::Opened(Cause::FailuresInARow)));
    let rejection = bench.breaker.admit(bench.now + 30 * MS).unwrap_err();
    assert_eq!(rejection.retry_after, 70 * MS);
    assert_eq!(rejection.cause, Some(Cause::FailuresInARow));
}

#[test]
fn opens_by_rate_as_soon_as_enough_calls_are_known() {
    let mut bench = Bench::new(policy());
    for outcome in [Outcome::Failure, Outcome::Success, Outcome::Success] {
        assert_eq!(bench.call(outcome, MS), None);
    }
    let opened = bench.call(Outcome::Failure, MS);
    assert_eq!(opened, Some(Transition::Opened(Cause::FailureRate)), "2 of 4, not 5 of 10");
}

#[test]
fn opens_when_calls_succeed_too_slowly() {
    let mut bench = Bench::new(policy());
    for _ in 0..3 {
        assert_eq!(bench.call(Outcome::Success, 100 * MS), None);
    }
    let opened = bench.call(Outcome::Success, 100 * MS);
    assert_eq!(opened, Some(Transition::Opened(Cause::SlowRate)));
}

#[test]
fn slow_probes_do_not_close_it() {
    let mut bench = Bench::new(policy());
    bench.break_over();
    assert_eq!(bench.call(Outcome::Success, 200 * MS), None);
    let reopened = bench.call(Outcome::Success, 200 * MS);
    assert_eq!(reopened, Some(Transition::Reopened(Cause::SlowRate)));
}

#[test]
fn half_open_admits_as_many_probes_as_decide_and_no_more() {
    let mut bench = Bench::new(policy());
    bench.break_over();
    let first = bench.admit().unwrap();
    let second = bench.admit().unwrap();
    assert_eq!(bench.admit(), None);
    assert_eq!(bench.finish(first, Outcome::Success), None);
    assert_eq!(bench.admit(), None, "two results decide, and one is still to come");
    assert_eq!(bench.finish(second, Outcome::Success), Some(Transition::Closed));
}

#[test]
fn a_probe_that_is_ignored_or_abandoned_gives_its_permit_back() {
    for outcome in [Outcome::Ignored, Outcome::Abandoned] {
        let mut bench = Bench::new(policy());
        bench.break_over();
        for _ in 0..20 {
            assert_eq!(bench.call(outcome, MS), None);
        }
        assert_eq!(bench.call(Outcome::Success, MS), None);
        assert_eq!(bench.call(Outcome::Success, MS), Some(Transition::Closed));
    }
}

#[test]
fn half_open_ends_even_when_a_probe_never_answers() {
    let mut bench = Bench::new(policy());
    bench.break_over();
    let _lost = (bench.admit().unwrap(), bench.admit().unwrap());
    bench.now += 500 * MS;
    assert_eq!(bench.admit(), None);
    assert!(matches!(bench.breaker.state(), State::Open { cause: Cause::ProbesUndecided, .. }));
    bench.now += 200 * MS;
    assert!(bench.admit().is_some(), "the second break is over, and permits are new");
}

#[test]
fn probes_may_be_far_apart_where_calls_are_rare() {
    let mut bench = Bench::new(policy());
    bench.break_over();
    assert_eq!(bench.call(Outcome::Success, MS), None);
    bench.now += 60 * policy().half_open_max;
    let probe = bench.admit().unwrap();
    assert_eq!(bench.admit(), None, "the probe has just begun");
    assert_eq!(bench.finish(probe, Outcome::Success), Some(Transition::Closed));
}

#[test]
fn a_result_of_an_earlier_era_changes_nothing() {
    let mut bench = Bench::new(policy());
    let closed_era = bench.admit().unwrap();
    bench.break_over();
    let probe = bench.admit().unwrap();
    assert_eq!(bench.finish(closed_era, Outcome::Success), None);
    assert_eq!(bench.breaker.late(), 1);
    assert!(matches!(bench.breaker.state(), State::HalfOpen { .. }));
    assert_eq!(bench.finish(probe, Outcome::Success), None);
    assert_eq!(bench.call(Outcome::Success, MS), Some(Transition::Closed));
}

#[test]
fn breaks_grow_to_their_maximum_and_a_healthy_window_resets_them() {
    let mut bench = Bench::new(policy());
    let mut breaks = Vec::new();
    bench.break_over();
    for _ in 0..5 {
        bench.call(Outcome::Failure, MS);
        bench.call(Outcome::Failure, MS);
        let State::Open { until, .. } = bench.breaker.state() else { panic!("probes failed") };
        breaks.push((until - bench.now).as_millis());
        bench.now = until;
    }
    assert_eq!(breaks, [200, 400, 800, 1000, 1000]);
    for _ in 0..12 {
        bench.call(Outcome::Success, MS);
    }
    let before = bench.now;
    bench.break_over();
    assert_eq!(bench.now - before, 103 * MS, "three failures of 1 ms and the first break");
}

#[test]
fn an_operator_can_impose_a_mode() {
    let mut bench = Bench::new(policy());
    bench.breaker.impose(Mode::ForcedOpen);
    assert_eq!(bench.admit(), None);
    bench.now += Duration::from_secs(3600);
    assert_eq!(bench.admit(), None, "no timer ends it");
    bench.breaker.impose(Mode::Disabled);
    for _ in 0..20 {
        assert_eq!(bench.call(Outcome::Failure, MS), None);
    }
    bench.breaker.impose(Mode::MetricsOnly);
    let changes: Vec<_> = (0..6).filter_map(|_| bench.call(Outcome::Failure, MS)).collect();
    assert_eq!(changes, [Transition::Opened(Cause::FailuresInARow)], "told, and not enforced");
    bench.breaker.impose(Mode::Automatic);
    assert!(bench.admit().is_some());
}

#[test]
fn impossible_policies_are_refused_by_name() {
    let broken = [
        (Policy { window: 0, ..policy() }, "window"),
        (Policy { calls_min: 11, ..policy() }, "calls_min"),
        (Policy { failure_rate: 0.0, ..policy() }, "failure_rate"),
        (Policy { slow_rate: f64::NAN, ..policy() }, "slow_rate"),
        (Policy { break_max: MS, ..policy() }, "break_max"),
        (Policy { break_growth: 0.5, ..policy() }, "break_growth"),
        (Policy { break_jitter: 1.0, ..policy() }, "break_jitter"),
        (Policy { half_open_max: Duration::ZERO, ..policy() }, "half_open_max"),
    ];
    for (policy, field) in broken {
        let error = CircuitBreaker::try_new(policy).unwrap_err().to_string();
        assert!(error.contains(field), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_permit_that_is_dropped_counts_as_abandoned() {
    let breaker = SharedBreaker::try_new(policy(), 7).unwrap();
    for _ in 0..3 {
        breaker.try_acquire().unwrap().finish(Outcome::Failure);
    }
    let rejection = breaker.try_acquire().unwrap_err();
    tokio::time::advance(rejection.retry_after).await;
    for _ in 0..10 {
        drop(breaker.try_acquire().unwrap());
    }
    assert_eq!(breaker.try_acquire().unwrap().finish(Outcome::Success), None);
    let closed = breaker.try_acquire().unwrap().finish(Outcome::Success);
    assert_eq!(closed, Some(Transition::Closed));
    assert!(breaker.is_closed());
}

/// One step of an arbitrary history.
#[derive(Clone, Debug)]
enum Step {
    Admit,
    /// Ends one of the calls in flight.
    Finish(usize, Outcome),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let outcomes = vec![Outcome::Success, Outcome::Failure, Outcome::Ignored, Outcome::Abandoned];
    prop_oneof![
        Just(Step::Admit),
        (any::<usize>(), prop::sample::select(outcomes)).prop_map(|(i, o)| Step::Finish(i, o)),
        (0..300_u64).prop_map(Step::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn invariants_hold_under_any_history(steps in prop::collection::vec(step(), 0..300)) {
        let mut bench = Bench::new(policy());
        let mut in_flight = Vec::new();
        for step in steps {
            match step {
                Step::Admit => {
                    let before = bench.breaker.state();
                    let ticket = bench.admit();
                    if let State::Open { until, .. } = before
                        && bench.now < until
                    {
                        prop_assert!(ticket.is_none(), "an open breaker lets no call through");
                    }
                    in_flight.extend(ticket);
                }
                Step::Finish(index, outcome) => {
                    if !in_flight.is_empty() {
                        let ticket = in_flight.swap_remove(index % in_flight.len());
                        bench.finish(ticket, outcome);
                    }
                }
                Step::Wait(ms) => bench.now += Duration::from_millis(ms),
            }
            prop_assert!(bench.breaker.probes_in_flight() <= policy().probes);
        }
        // No state holds for ever: whatever has happened, a healthy dependency is used again.
        for _ in 0..100 {
            bench.now += policy().break_max;
            if let Some(ticket) = bench.admit() {
                bench.finish(ticket, Outcome::Success);
            }
            if bench.breaker.state() == State::Closed {
                return Ok(());
            }
        }
        prop_assert!(false, "still {:?}", bench.breaker.state());
    }

    #[test]
    fn a_long_good_past_does_not_delay_the_opening(successes in 0..5000_usize) {
        // Failures in a row would open it first: this is about the window.
        let policy = Policy { failures_in_a_row: 1000, ..policy() };
        let mut bench = Bench::new(policy);
        for _ in 0..successes {
            bench.call(Outcome::Success, MS);
        }
        let by_rate = (policy.failure_rate * policy.window as f64).ceil() as usize;
        let limit = policy.calls_min.max(by_rate);
        let failures = (1..=limit).find(|_| bench.call(Outcome::Failure, MS).is_some());
        prop_assert!(failures.is_some(), "still closed after {limit} failures");
    }
}
