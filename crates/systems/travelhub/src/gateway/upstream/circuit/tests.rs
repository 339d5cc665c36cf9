//! How soon the gateway's breakers open and close under fifty requests a second, on a paused clock:
//! the bounds are exact, whatever the machine does.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use super::super::super::settings::Settings;
use super::*;
use crate::service::environment::Environment;

const RATE_PER_S: f64 = 50.0;

/// What is promised of both.
const PROMPT: Duration = Duration::from_secs(1);

/// How a service answers: after how long, and whether well.
#[derive(Clone, Copy, Debug)]
struct Answers {
    after: Duration,
    is_good: bool,
}

/// What became of the calls, as the service saw it: when each ended, and how.
type Ends = Vec<(Instant, Outcome)>;

/// The breaker that a gateway has when nobody tells it anything.
fn circuit(seed: u64) -> Circuit {
    let pairs = [
        ("SEARCH_URLS", "http://a:1"),
        ("RESERVATIONS_URLS", "http://b:1"),
        ("INVENTORY_URLS", "http://c:1"),
        ("MONITOR_URLS", "http://d:1"),
        ("JOURNAL_DIR", "journal"),
    ];
    let settings = Settings::read(&Environment::of(&pairs)).unwrap();
    Circuit::try_new("search", settings.breaker.unwrap(), seed).unwrap()
}

/// Sends calls at random moments until `is_there`; answers when that was, and how calls ended.
async fn call_until(
    circuit: &Circuit,
    answers: Answers,
    rng: &mut StdRng,
    is_there: impl Fn(State) -> bool,
) -> (Instant, Ends) {
    let (mut calls, mut ends) = (JoinSet::new(), Ends::new());
    let patience = Instant::now() + Duration::from_secs(60);
    let mut next = Instant::now();
    loop {
        let pause = -f64::ln(1.0 - rng.random::<f64>()) / RATE_PER_S;
        next += Duration::from_secs_f64(pause);
        loop {
            let (permit, is_good) = tokio::select! {
                () = sleep_until(next) => break,
                Some(ended) = calls.join_next() => ended.unwrap(),
            };
            let outcome = if is_good { Outcome::Success } else { Outcome::Failure };
            circuit.finish(permit, outcome);
            ends.push((Instant::now(), outcome));
            if is_there(circuit.breaker().state()) {
                return (Instant::now(), ends);
            }
        }
        assert!(Instant::now() < patience, "it never comes to that: {:?}", circuit.breaker());
        if let Ok(permit) = circuit.try_acquire() {
            calls.spawn(async move {
                sleep(answers.after).await;
                (permit, answers.is_good)
            });
        }
    }
}

#[tokio::test(start_paused = true)]
async fn it_opens_with_the_fifth_failure_and_closes_soon_after_its_first_probe_succeeds() {
    let ms = Duration::from_millis;
    for seed in 0..200 {
        let (circuit, mut rng) = (circuit(seed), StdRng::seed_from_u64(seed));
        let well = Answers { after: ms(rng.random_range(1..=100)), is_good: true };
        let bad = Answers { after: ms(rng.random_range(1..=400)), is_good: false };
        let is_open = |state| matches!(state, State::Open { .. });
        let (opened, ends) = call_until(&circuit, bad, &mut rng, is_open).await;
        assert_eq!(ends.len(), 5, "seed {seed}: {ends:?}");
        assert!(opened - ends[4].0 <= PROMPT, "seed {seed}");
        let is_closed = |state| state == State::Closed;
        let (closed, ends) = call_until(&circuit, well, &mut rng, is_closed).await;
        let after_first = closed - ends[0].0;
        assert!(after_first <= PROMPT, "seed {seed}: {after_first:?} at {well:?}");
    }
}
