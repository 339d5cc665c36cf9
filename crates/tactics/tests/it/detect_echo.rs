//! The echo: what it concludes, when at the latest, and what it does not hold against a target.

use std::time::Duration;

use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use standfast_tactics::detect::{Change, Echo, EchoId, EchoPolicy, EchoResult, Standing, Symptom};
use tokio::time::Instant;

const MS: Duration = Duration::from_millis(1);
const ROUND_TRIP: Duration = MS;

fn policy() -> EchoPolicy {
    EchoPolicy::default()
}

/// An echo, its clock, and a target that may be ill.
struct Bench {
    echo: Echo,
    now: Instant,
    start: Instant,
    on_their_way: Vec<(Instant, EchoId, EchoResult)>,
    rng: StdRng,
}

impl Bench {
    fn new(policy: EchoPolicy, seed: u64) -> Self {
        let start = Instant::now();
        let echo = Echo::try_new(policy, Standing::Up, start).expect("the policy makes sense");
        let rng = StdRng::seed_from_u64(seed);
        Self { echo, now: start, start, on_their_way: Vec::new(), rng }
    }

    /// Lets time pass until `end`, with a target that shows `symptom`; answers the changes.
    fn run(&mut self, symptom: Option<Symptom>, end: Duration) -> Vec<(Duration, Change)> {
        let (mut changes, end) = (Vec::new(), self.start + end);
        loop {
            let arrival = self.on_their_way.iter().map(|(at, ..)| *at).min();
            let next = arrival.map_or(self.echo.next_tick(), |at| at.min(self.echo.next_tick()));
            if next > end {
                self.now = end;
                return changes;
            }
            self.now = self.now.max(next);
            let due = self.on_their_way.iter().position(|(at, ..)| *at <= self.now);
            let change = if let Some(index) = due {
                let (_, id, result) = self.on_their_way.swap_remove(index);
                self.echo.result(id, result, self.now)
            } else {
                let tick = self.echo.tick(self.now);
                assert!(!tick.was_paused, "the clock of this test does not stand still");
                tick.send.into_iter().for_each(|id| self.send(id, symptom));
                tick.change
            };
            changes.extend(change.map(|change| (self.now - self.start, change)));
        }
    }

    fn send(&mut self, id: EchoId, symptom: Option<Symptom>) {
        let draw: f64 = self.rng.random();
        let bad = Some((ROUND_TRIP, EchoResult::Bad));
        let well = Some((ROUND_TRIP, EchoResult::Well));
        let outcome = match symptom {
            Some(Symptom::Fails) => bad,
            Some(Symptom::FailsSometimes(share)) if draw < share => bad,
            Some(Symptom::Silent) => None,
            Some(Symptom::SilentSometimes(share)) if draw < share => None,
            Some(Symptom::Slow(takes)) => Some((takes, EchoResult::Well)),
            Some(Symptom::FailsSometimes(_) | Symptom::SilentSometimes(_)) | None => well,
        };
        self.on_their_way.extend(outcome.map(|(takes, result)| (self.now + takes, id, result)));
    }
}

/// The time to detection of a fault that begins at `offset`, if it is found within `patience`.
fn detection(
    symptom: Symptom,
    offset: Duration,
    patience: Duration,
    seed: u64,
) -> Option<Duration> {
    let mut bench = Bench::new(policy(), seed);
    assert_eq!(bench.run(None, offset), [], "nothing is wrong yet");
    // What is on its way when the fault begins is lost with it.
    if symptom != Symptom::Fails {
        bench.on_their_way.clear();
    }
    let changes = bench.run(Some(symptom), offset + patience);
    let down = changes.iter().find(|(_, change)| change.to == Standing::Down);
    down.map(|(at, _)| *at - offset)
}

#[test]
fn the_bounds_of_the_default_are_those_of_the_documentation() {
    let bound = |symptom| policy().bound(symptom, Duration::ZERO);
    assert_eq!(bound(Symptom::Fails), Some(600 * MS));
    assert_eq!(bound(Symptom::Silent), Some(1600 * MS));
    let quick = EchoPolicy { period: 100 * MS, timeout: 300 * MS, ..policy() };
    assert_eq!(quick.bound(Symptom::Silent, ROUND_TRIP), Some(600 * MS));
    assert_eq!(bound(Symptom::Slow(1200 * MS)), Some(1600 * MS));
    assert_eq!(bound(Symptom::Slow(900 * MS)), None);
    assert_eq!(bound(Symptom::FailsSometimes(0.5)), None);
    let half = policy().bound_of(Symptom::FailsSometimes(0.5), 0.95, Duration::ZERO).unwrap();
    assert_eq!(half, 7600 * MS);
    let never = policy().bound_of(Symptom::FailsSometimes(0.0), 0.95, Duration::ZERO);
    assert_eq!(never, None);
    let always = policy().bound_of(Symptom::Fails, 0.95, Duration::ZERO);
    assert_eq!(always, Some(600 * MS));
}

#[test]
fn what_the_bound_of_an_intermittent_fault_says_is_what_happens() {
    let symptom = Symptom::FailsSometimes(0.5);
    let within = policy().bound_of(symptom, 0.8, ROUND_TRIP).unwrap();
    let found = (0..400_u64)
        .filter(|seed| detection(symptom, 1000 * MS + MS, within, *seed).is_some())
        .count();
    // 80 % of 400, give or take four deviations.
    assert!((288..=352).contains(&found), "{found} of 400");
}

#[test]
fn a_hang_now_and_then_is_not_hidden_by_quicker_successes() {
    let symptom = Symptom::SilentSometimes(0.75);
    assert!(detection(symptom, 1000 * MS, 20_000 * MS, 3).is_some());
}

#[test]
fn slow_within_the_timeout_is_well() {
    assert_eq!(detection(Symptom::Slow(900 * MS), 1000 * MS, 10_000 * MS, 1), None);
}

#[test]
fn one_failure_makes_suspect_and_one_success_clears_it() {
    let mut bench = Bench::new(policy(), 1);
    bench.run(None, 150 * MS);
    let changes = bench.run(Some(Symptom::Fails), 250 * MS);
    let at = 201 * MS;
    let suspected = Change { from: Standing::Up, to: Standing::Suspect, epoch: 0 };
    assert_eq!(changes, [(at, suspected)]);
    let changes = bench.run(None, 450 * MS);
    assert!(matches!(changes[..], [(_, Change { to: Standing::Up, epoch: 0, .. })]), "{changes:?}");
}

#[test]
fn five_successes_in_a_row_bring_it_back_in_a_new_epoch() {
    let mut bench = Bench::new(policy(), 1);
    bench.run(Some(Symptom::Fails), 2000 * MS);
    assert_eq!((bench.echo.standing(), bench.echo.epoch()), (Standing::Down, 1));
    bench.run(None, 2700 * MS);
    assert_eq!(bench.echo.standing(), Standing::Down, "four are not five");
    bench.run(Some(Symptom::Fails), 2900 * MS);
    assert_eq!(bench.run(None, 3700 * MS), [], "in a row");
    let changes = bench.run(None, 4000 * MS);
    let back = Change { from: Standing::Down, to: Standing::Up, epoch: 2 };
    assert!(matches!(changes[..], [(_, change)] if change == back), "{changes:?}");
}

#[test]
fn our_own_pause_is_not_held_against_the_target() {
    let mut bench = Bench::new(policy(), 1);
    bench.run(None, 1000 * MS);
    // Stopped for a minute with an echo on its way: its answer is read late, and nothing follows.
    let sent = bench.echo.tick(bench.echo.next_tick()).send.unwrap();
    let late = bench.echo.next_tick() + 60_000 * MS;
    assert_eq!(bench.echo.result(sent, EchoResult::Bad, late), None);
    let tick = bench.echo.tick(late);
    assert!(tick.was_paused && tick.change.is_none(), "{tick:?}");
    assert_eq!(bench.echo.standing(), Standing::Up);
    // From here on it judges again.
    (bench.now, bench.start) = (late, late);
    bench.on_their_way.clear();
    tick.send.into_iter().for_each(|id| bench.send(id, Some(Symptom::Fails)));
    let found = bench.run(Some(Symptom::Fails), 601 * MS);
    assert!(found.iter().any(|(_, change)| change.to == Standing::Down), "{found:?}");
}

#[test]
fn a_result_of_an_unknown_echo_or_a_second_one_changes_nothing() {
    let mut echo = Echo::try_new(policy(), Standing::Up, Instant::now()).unwrap();
    let now = echo.next_tick();
    let id = echo.tick(now).send.unwrap();
    assert!(echo.result(id, EchoResult::Bad, now).is_some());
    for _ in 0..9 {
        assert_eq!(echo.result(id, EchoResult::Bad, now), None);
    }
    assert_eq!(echo.standing(), Standing::Suspect);
}

#[test]
fn impossible_policies_are_refused_by_name() {
    let broken = [
        (EchoPolicy { period: Duration::ZERO, ..policy() }, "period"),
        (EchoPolicy { timeout: 100_000 * MS, ..policy() }, "timeout"),
        (EchoPolicy { failures: 0, ..policy() }, "failures"),
        (EchoPolicy { own_pause_max: Duration::ZERO, ..policy() }, "own_pause_max"),
    ];
    for (policy, field) in broken {
        let refused = Echo::try_new(policy, Standing::Up, Instant::now()).unwrap_err();
        assert!(refused.to_string().contains(field), "{refused}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn no_fault_goes_unnoticed_longer_than_its_bound(
        offset_us in 2_000_000..2_400_000_u64,
        symptom in prop::sample::select(vec![
            Symptom::Fails,
            Symptom::Silent,
            Symptom::Slow(1000 * MS),
            Symptom::Slow(5000 * MS),
        ]),
    ) {
        let bound = policy().bound(symptom, ROUND_TRIP).unwrap();
        let offset = Duration::from_micros(offset_us);
        let took = detection(symptom, offset, bound, 1);
        prop_assert!(took.is_some(), "not within {:?}", bound);
        // The bound is tight: what it allows for is one period of bad luck.
        let took = took.unwrap_or_default();
        prop_assert!(took + policy().period + 2 * ROUND_TRIP >= bound, "{:?} of {:?}", took, bound);
    }

    #[test]
    fn who_is_well_again_is_up_within_its_bound(
        ill_for_ms in 2000..3000_u64,
        symptom in prop::sample::select(vec![Symptom::Fails, Symptom::Silent]),
    ) {
        let mut bench = Bench::new(policy(), 1);
        let ill = Duration::from_millis(ill_for_ms);
        bench.run(Some(symptom), ill);
        prop_assert_eq!(bench.echo.standing(), Standing::Down);
        bench.on_their_way.clear();
        bench.run(None, ill + policy().return_bound(symptom, ROUND_TRIP));
        prop_assert_eq!(bench.echo.standing(), Standing::Up);
    }
}
