//! What can be chosen of a breaker: window, recovery, abandoned calls, keys; and that its
//! invariants hold for every choice.

use std::time::Duration;

use proptest::prelude::*;
use standfast_tactics::circuit_breaker::{
    Abandoned, Cause, CircuitBreaker, Judged, KeyedBreakers, Mode, Options, Outcome, Policy, Ramp,
    Recovery, State, Ticket, Transition, Undecided,
};
use tokio::time::Instant;

const MS: Duration = Duration::from_millis(1);
const SPAN: Duration = Duration::from_secs(10);
const RAMP: Ramp = Ramp { shares: [0.05, 0.1, 0.25, 1.0], results: 4, in_flight_max: 6 };

fn policy() -> Policy {
    Policy {
        window: 10,
        calls_min: 4,
        failure_rate: 0.5,
        failures_in_a_row: 1000,
        slow_after: 100 * MS,
        slow_rate: 0.8,
        break_base: 100 * MS,
        break_max: 1000 * MS,
        break_growth: 2.0,
        break_jitter: 0.2,
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
    fn new(options: Options) -> Self {
        let breaker = CircuitBreaker::try_with(policy(), options);
        let breaker = breaker.expect("the policy of this test makes sense");
        Self { breaker, now: Instant::now() }
    }

    fn call(&mut self, outcome: Outcome) -> Option<Transition> {
        let ticket = self.breaker.admit(self.now).expect("the breaker lets it through");
        self.now += MS;
        self.breaker.finish(ticket, outcome, self.now, 0.5)
    }

    fn admit(&mut self) -> Option<Ticket> {
        self.breaker.admit(self.now).ok()
    }

    fn break_over(&mut self) {
        while self.call(Outcome::Failure).is_none() {}
        let State::Open { until, .. } = self.breaker.state() else { panic!("it has just opened") };
        self.now = until;
    }
}

#[test]
fn a_window_of_time_forgets_by_time_and_not_by_calls() {
    let judged = Judged::Time { span: SPAN };
    let mut bench = Bench::new(Options { judged, ..Options::default() });
    for _ in 0..3 {
        assert_eq!(bench.call(Outcome::Failure), None);
    }
    bench.now += SPAN;
    for _ in 0..3 {
        assert_eq!(bench.call(Outcome::Failure), None, "the first three are forgotten");
    }
    let opened = bench.call(Outcome::Failure);
    assert_eq!(opened, Some(Transition::Opened(Cause::FailureRate)));
}

#[test]
fn probes_far_apart_decide_although_the_window_is_one_of_time() {
    let judged = Judged::Time { span: 100 * MS };
    let mut bench = Bench::new(Options { judged, ..Options::default() });
    bench.break_over();
    assert_eq!(bench.call(Outcome::Success), None);
    bench.now += 200 * MS;
    assert_eq!(bench.call(Outcome::Success), Some(Transition::Closed));
}

#[test]
fn more_probes_than_the_window_is_long_decide_all_the_same() {
    let policy = Policy { window: 1, calls_min: 1, probes: 3, ..policy() };
    let breaker = CircuitBreaker::try_new(policy).unwrap();
    let mut bench = Bench { breaker, now: Instant::now() };
    bench.break_over();
    assert_eq!(bench.call(Outcome::Success), None);
    assert_eq!(bench.call(Outcome::Success), None);
    assert_eq!(bench.call(Outcome::Success), Some(Transition::Closed));
}

#[test]
fn a_ramp_lets_through_its_shares_and_closes_after_the_last() {
    let mut bench = Bench::new(Options { recovery: Recovery::Ramp(RAMP), ..Options::default() });
    bench.break_over();
    let mut asked = Vec::new();
    let mut since = 0;
    for _ in 0..1000 {
        since += 1;
        let before = bench.breaker.ramp_share();
        let Some(ticket) = bench.admit() else { continue };
        let closed = bench.breaker.finish(ticket, Outcome::Success, bench.now, 0.5);
        if bench.breaker.ramp_share() != before {
            asked.push(since);
            since = 0;
        }
        if closed == Some(Transition::Closed) {
            break;
        }
    }
    // The first call after the break is let through at once. Four results decide each stage: of one
    // call in 20, one in 10, one in 4, and every one.
    assert_eq!(asked, [1, 59, 40, 16, 4]);
    assert_eq!(bench.breaker.state(), State::Closed);
}

#[test]
fn a_ramp_goes_back_when_a_stage_fails() {
    let mut bench = Bench::new(Options { recovery: Recovery::Ramp(RAMP), ..Options::default() });
    bench.break_over();
    let mut results = [Outcome::Success, Outcome::Failure].into_iter().cycle();
    let reopened = (0..200).find_map(|_| {
        let ticket = bench.admit()?;
        let outcome = results.next().unwrap_or(Outcome::Failure);
        bench.breaker.finish(ticket, outcome, bench.now, 0.5)
    });
    assert_eq!(reopened, Some(Transition::Reopened(Cause::FailureRate)));
}

#[test]
fn what_nobody_waited_for_counts_as_it_was_chosen() {
    let opens_after = |abandoned, other: Option<Outcome>| {
        let mut bench = Bench::new(Options { abandoned, ..Options::default() });
        (1..=50).find(|index| {
            let outcome = other.filter(|_| index % 3 == 0).unwrap_or(Outcome::Abandoned);
            bench.call(outcome).is_some()
        })
    };
    assert_eq!(opens_after(Abandoned::Ignored, None), None);
    assert_eq!(opens_after(Abandoned::Failure, None), Some(4));
    assert_eq!(opens_after(Abandoned::FailureIfAll, None), Some(4));
    let somebody_stays = Some(Outcome::Success);
    assert_eq!(opens_after(Abandoned::FailureIfAll, somebody_stays), None, "it does answer");
    assert_eq!(opens_after(Abandoned::Failure, somebody_stays), Some(4));
    let says_nothing = Some(Outcome::Ignored);
    assert_eq!(opens_after(Abandoned::FailureIfAll, says_nothing), Some(5));
}

#[test]
fn probes_that_all_are_abandoned_reopen_it_where_that_tells_something() {
    let abandoned = Abandoned::FailureIfAll;
    let mut bench = Bench::new(Options { abandoned, ..Options::default() });
    bench.break_over();
    assert_eq!(bench.call(Outcome::Abandoned), None);
    let reopened = bench.call(Outcome::Abandoned);
    assert_eq!(reopened, Some(Transition::Reopened(Cause::AllAbandoned)));
}

#[test]
fn half_open_without_a_decision_leads_where_it_was_chosen_and_tells_once() {
    let ends = [
        (Undecided::Opens, Transition::Reopened(Cause::ProbesUndecided)),
        (Undecided::Closes, Transition::Closed),
    ];
    for (undecided, transition) in ends {
        let mut bench = Bench::new(Options { undecided, ..Options::default() });
        bench.break_over();
        let _lost = (bench.admit().unwrap(), bench.admit().unwrap());
        assert_eq!(bench.breaker.take_untold(), None);
        bench.now += policy().half_open_max;
        assert_eq!(bench.admit().is_some(), undecided == Undecided::Closes);
        assert_eq!(bench.breaker.take_untold(), Some(transition));
        assert_eq!(bench.breaker.take_untold(), None);
    }
}

#[test]
fn a_caller_may_call_an_answer_slow() {
    let mut bench = Bench::new(Options::default());
    for _ in 0..3 {
        assert_eq!(bench.call(Outcome::Slow), None);
    }
    assert_eq!(bench.call(Outcome::Slow), Some(Transition::Opened(Cause::SlowRate)));
}

#[test]
fn every_call_is_counted_once() {
    let mut bench = Bench::new(Options::default());
    let ours = [Outcome::Success, Outcome::Slow, Outcome::Ignored, Outcome::Abandoned];
    assert_eq!(ours.map(|outcome| bench.call(outcome)), [None; 4]);
    let late = bench.admit().unwrap();
    bench.break_over();
    bench.breaker.impose(Mode::ForcedOpen);
    assert_eq!(bench.admit(), None);
    bench.breaker.finish(late, Outcome::Success, bench.now, 0.5);
    let counts = bench.breaker.counts();
    assert_eq!((counts.succeeded, counts.slow, counts.late, counts.refused), (2, 1, 1, 1));
    assert_eq!((counts.ignored, counts.abandoned, counts.opened), (1, 1, 1));
    let ended = counts.succeeded + counts.failed + counts.ignored + counts.abandoned + counts.late;
    assert_eq!(counts.admitted, ended);
}

#[test]
fn impossible_options_are_refused_by_name() {
    let ramp = |ramp| Options { recovery: Recovery::Ramp(ramp), ..Options::default() };
    let span = Duration::from_nanos(5);
    let broken = [
        (Options { judged: Judged::Time { span }, ..Options::default() }, "span"),
        (ramp(Ramp { results: 0, ..RAMP }), "results"),
        (ramp(Ramp { shares: [0.5, 0.1, 0.2, 1.0], ..RAMP }), "shares"),
        (ramp(Ramp { shares: [f64::NAN, 0.1, 0.2, 1.0], ..RAMP }), "shares"),
    ];
    for (options, field) in broken {
        let refused = CircuitBreaker::try_with(policy(), options).unwrap_err().to_string();
        assert!(refused.contains(field), "{refused}");
    }
    let endless = Policy { break_max: Duration::MAX, ..policy() };
    assert!(CircuitBreaker::try_new(endless).is_err(), "its end could not be computed");
}

#[tokio::test(start_paused = true)]
async fn each_key_has_its_own_breaker_and_their_number_is_bounded() {
    let breakers: KeyedBreakers<String> =
        KeyedBreakers::try_new(policy(), Options::default(), 3, 7).unwrap();
    let fail = |key: &str| {
        for _ in 0..4 {
            breakers.try_acquire(&key.to_owned()).unwrap().finish(Outcome::Failure);
        }
    };
    fail("shard-1");
    let refused = breakers.try_acquire(&"shard-1".to_owned()).unwrap_err();
    assert!(refused.to_string().contains("`shard-1`: circuit open"), "{refused}");
    for shard in 2..100 {
        assert!(breakers.try_acquire(&format!("shard-{shard}")).is_ok());
        assert!(breakers.len() <= 3);
    }
    assert!(breakers.try_acquire(&"shard-1".to_owned()).is_err(), "what is known is kept longest");
}

fn options() -> impl Strategy<Value = Options> {
    let judged = prop_oneof![Just(Judged::Calls), Just(Judged::Time { span: SPAN })];
    let recovery = prop_oneof![Just(Recovery::Probes), Just(Recovery::Ramp(RAMP))];
    let undecided = prop_oneof![Just(Undecided::Opens), Just(Undecided::Closes)];
    let abandoned =
        prop::sample::select(vec![Abandoned::Ignored, Abandoned::Failure, Abandoned::FailureIfAll]);
    (judged, recovery, undecided, abandoned).prop_map(|(judged, recovery, undecided, abandoned)| {
        Options { judged, recovery, undecided, abandoned }
    })
}

/// One step of an arbitrary history.
#[derive(Clone, Debug)]
enum Step {
    Admit,
    /// Ends one of the calls in flight.
    Finish(usize, Outcome),
    /// Loses one of them: it never comes back.
    Lose(usize),
    Wait(u64),
    Impose(Mode),
}

fn step() -> impl Strategy<Value = Step> {
    let outcomes = vec![
        Outcome::Success,
        Outcome::Slow,
        Outcome::Failure,
        Outcome::Ignored,
        Outcome::Abandoned,
    ];
    let modes = vec![Mode::Automatic, Mode::Disabled, Mode::MetricsOnly, Mode::ForcedOpen];
    prop_oneof![
        40 => Just(Step::Admit),
        40 => (any::<usize>(), prop::sample::select(outcomes))
            .prop_map(|(index, outcome)| Step::Finish(index, outcome)),
        5 => any::<usize>().prop_map(Step::Lose),
        20 => (0..300_u64).prop_map(Step::Wait),
        1 => prop::sample::select(modes).prop_map(Step::Impose),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn invariants_hold_for_every_choice_under_any_history(
        options in options(),
        steps in prop::collection::vec(step(), 0..300),
    ) {
        let mut bench = Bench::new(options);
        let probes_max = match options.recovery {
            Recovery::Probes => policy().probes,
            Recovery::Ramp(ramp) => ramp.in_flight_max,
        };
        let mut in_flight = Vec::new();
        for step in steps {
            match step {
                Step::Admit => {
                    let (before, mode) = (bench.breaker.state(), bench.breaker.mode());
                    let ticket = bench.admit();
                    let is_open = matches!(before, State::Open { until, .. } if bench.now < until);
                    match mode {
                        Mode::Automatic => prop_assert!(!is_open || ticket.is_none()),
                        Mode::ForcedOpen => prop_assert!(ticket.is_none()),
                        Mode::Disabled | Mode::MetricsOnly => prop_assert!(ticket.is_some()),
                    }
                    in_flight.extend(ticket);
                }
                Step::Finish(index, outcome) if !in_flight.is_empty() => {
                    let ticket = in_flight.swap_remove(index % in_flight.len());
                    let (before, late) = (bench.breaker.state(), bench.breaker.late());
                    let change = bench.breaker.finish(ticket, outcome, bench.now, 0.5);
                    let is_late = bench.breaker.late() > late;
                    prop_assert!(!is_late || change.is_none(), "a late result changes nothing");
                    prop_assert_eq!(change.is_some(), bench.breaker.state() != before);
                }
                Step::Lose(index) if !in_flight.is_empty() => {
                    let _lost = in_flight.swap_remove(index % in_flight.len());
                }
                Step::Finish(..) | Step::Lose(_) => {}
                Step::Wait(ms) => bench.now += Duration::from_millis(ms),
                Step::Impose(mode) => bench.breaker.impose(mode),
            }
            prop_assert!(bench.breaker.probes_in_flight() <= probes_max);
        }
        // No state holds for ever: whatever has happened, a healthy dependency is used again.
        if bench.breaker.mode() != Mode::MetricsOnly {
            bench.breaker.impose(Mode::Automatic);
        }
        for _ in 0..2000 {
            bench.now += policy().half_open_max;
            if let Some(ticket) = bench.admit() {
                bench.breaker.finish(ticket, Outcome::Success, bench.now, 0.5);
            }
            if bench.breaker.state() == State::Closed {
                return Ok(());
            }
        }
        prop_assert!(false, "still {:?}", bench.breaker.state());
    }
}
