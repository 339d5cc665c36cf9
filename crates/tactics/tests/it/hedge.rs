//! Hedges: sent when a call is late, to somebody else, and never more than the budget pays for.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;
use standfast_tactics::deadline::Deadline;
use standfast_tactics::hedge::{Hedge, Hedger, Latencies, Policy, Raced, Verdict, Why};
use standfast_tactics::retry::{Budget, BudgetPolicy};
use tokio::time::{Instant, sleep, timeout};

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

fn budget(saved_max: f64) -> Budget {
    Budget::try_new(BudgetPolicy { share: 0.1, per_second: 0.0, saved_max })
        .expect("the numbers make sense")
}

fn usual(calls: u32, took: Duration) -> Latencies {
    let mut usual = Latencies::default();
    (0..calls).for_each(|_| usual.record(took));
    usual
}

#[test]
fn nothing_is_sent_before_enough_is_known() {
    let now = Instant::now();
    let mut hedge = Hedge::new(Policy::default(), now, Deadline::after(now, SECOND));
    let known = usual(19, MS);
    assert_eq!(hedge.due(&known), None);
    let verdict = hedge.decide(&known, &mut budget(10.0), now + 500 * MS);
    assert_eq!(verdict, Verdict::Never(Why::TooLittleKnown));
}

#[test]
fn a_hedge_is_sent_once_at_its_time_and_paid_for() {
    let (now, known, mut budget) = (Instant::now(), usual(100, 10 * MS), budget(1.0));
    let mut hedge = Hedge::new(Policy::default(), now, Deadline::after(now, SECOND));
    let due = hedge.due(&known).unwrap();
    assert!((10..=12).contains(&(due - now).as_millis()));
    assert_eq!(hedge.decide(&known, &mut budget, now + 9 * MS), Verdict::Wait(due));
    assert_eq!(hedge.decide(&known, &mut budget, due), Verdict::Send);
    assert!(budget.saved() < 1.0);
    assert_eq!(hedge.decide(&known, &mut budget, due), Verdict::Never(Why::CallsMax));
    let mut other = Hedge::new(Policy::default(), now, Deadline::after(now, SECOND));
    assert_eq!(other.decide(&known, &mut budget, due), Verdict::Never(Why::Budget));
}

#[test]
fn what_could_not_be_back_in_time_is_not_sent_and_costs_nothing() {
    let (now, known, mut budget) = (Instant::now(), usual(100, 10 * MS), budget(1.0));
    let short = Deadline::after(now, 10 * MS);
    let hedge = Hedge::new(Policy::default(), now, short);
    assert_eq!(hedge.due(&known), None, "due after the deadline");
    let mut hedge = Hedge::new(Policy::default(), now, Deadline::after(now, 30 * MS));
    let verdict = hedge.decide(&known, &mut budget, now + 25 * MS);
    assert_eq!(verdict, Verdict::Never(Why::Deadline));
    assert!((budget.saved() - 1.0).abs() < 1e-9);
}

#[test]
fn what_was_usual_yesterday_is_forgotten() {
    let mut known = usual(100_000, MS);
    (0..4_000).for_each(|_| known.record(50 * MS));
    let median = known.quantile(0.5).unwrap();
    assert!(median >= 50 * MS, "{median:?}");
    assert_eq!(Latencies::default().quantile(0.95), None);
}

proptest! {
    #[test]
    fn a_quantile_is_never_too_small_and_at_most_an_eighth_too_large(
        mut micros in prop::collection::vec(1_u64..10_000_000, 1..1_900),
        share in 0.0_f64..=1.0,
    ) {
        let mut known = Latencies::default();
        micros.iter().for_each(|one| known.record(Duration::from_micros(*one)));
        micros.sort_unstable();
        let rank = ((share * micros.len() as f64).ceil() as usize).max(1);
        let exact = micros[rank - 1];
        let told = known.quantile(share).unwrap().as_micros() as u64;
        prop_assert!(told >= exact, "{told} for {exact}");
        prop_assert!(told <= exact + exact / 8 + 1, "{told} for {exact}");
    }
}

type Call = (Duration, Result<(), &'static str>);

/// Has calls take as long, and end as, `plan` says of each.
async fn race(
    hedger: &Hedger,
    mut plan: impl FnMut(u32) -> Option<Call>,
) -> Raced<Result<(), &'static str>> {
    let deadline = Deadline::after(Instant::now(), SECOND);
    let send = |number| {
        let (takes, result) = plan(number)?;
        Some(async move {
            sleep(takes).await;
            result
        })
    };
    hedger.race(deadline, send).await
}

/// One that knows that calls take 10 ms.
async fn hedger() -> (Hedger, Arc<Mutex<Budget>>) {
    let budget = Arc::new(Mutex::new(budget(2.0)));
    let hedger = Hedger::new(Policy::default(), Arc::clone(&budget));
    for _ in 0..20 {
        race(&hedger, |_| Some((10 * MS, Ok(())))).await.result.expect("all are well");
    }
    (hedger, budget)
}

#[tokio::test(start_paused = true)]
async fn a_late_call_is_overtaken_by_its_hedge() {
    let (hedger, _) = hedger().await;
    let start = Instant::now();
    let takes = [800 * MS, 5 * MS];
    let raced = race(&hedger, |number| Some((takes[number as usize], Ok(())))).await;
    assert_eq!((raced.winner, raced.calls), (1, 2));
    assert!((15..=18).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
    let before = hedger.usual();
    assert_eq!(before.calls(), 21, "the first call counts, though it lost");
}

#[tokio::test(start_paused = true)]
async fn the_first_call_may_still_win_after_the_hedge_was_sent() {
    let (hedger, _) = hedger().await;
    let takes = [20 * MS, 500 * MS];
    let raced = race(&hedger, |number| Some((takes[number as usize], Ok(())))).await;
    assert_eq!((raced.winner, raced.calls), (0, 2));
}

#[tokio::test(start_paused = true)]
async fn a_failure_waits_for_the_call_that_is_in_flight() {
    let (hedger, _) = hedger().await;
    let raced = race(&hedger, |number| {
        Some(if number == 0 { (30 * MS, Err("reset")) } else { (40 * MS, Ok(())) })
    })
    .await;
    assert_eq!((raced.result, raced.winner), (Ok(()), 1));
    let raced = race(&hedger, |number| Some((30 * MS, Err(["first", "second"][number as usize]))));
    let raced = raced.await;
    assert_eq!((raced.result, raced.calls), (Err("second"), 2), "both failed");
    let start = Instant::now();
    let raced = race(&hedger, |_| Some((MS, Err("refused")))).await;
    assert_eq!((raced.result, raced.calls), (Err("refused"), 1), "that is for a retry");
    assert_eq!(start.elapsed(), MS);
}

#[tokio::test(start_paused = true)]
async fn a_spent_budget_leaves_the_call_in_flight_alone() {
    let (hedger, budget) = hedger().await;
    while budget.lock().unwrap().spend(Instant::now()) {}
    let raced = race(&hedger, |_| Some((900 * MS, Ok(())))).await;
    assert_eq!((raced.result, raced.calls), (Ok(()), 1));
}

#[tokio::test(start_paused = true)]
async fn without_another_replica_there_is_no_hedge() {
    let (hedger, _) = hedger().await;
    let raced = race(&hedger, |number| (number == 0).then_some((900 * MS, Ok(())))).await;
    assert_eq!((raced.result, raced.winner, raced.calls), (Ok(()), 0, 1));
}

#[tokio::test(start_paused = true)]
async fn hedging_does_not_shorten_its_own_delay() {
    // One call in ten is slow: nine in ten take 10 ms, so the 95th percentile is a slow one.
    let budget = Arc::new(Mutex::new(budget(1_000.0)));
    let hedger = Hedger::new(Policy { quantile: 0.85, ..Policy::default() }, budget);
    let mut hedged = 0;
    for number in 0..1_000_u32 {
        let first = if number % 10 == 0 { 300 * MS } else { 10 * MS };
        let raced = race(&hedger, |call| Some((if call == 0 { first } else { 10 * MS }, Ok(()))));
        hedged += raced.await.calls - 1;
    }
    assert!((90..=100).contains(&hedged), "{hedged} of 1,000, where 100 are slow");
    let usual = hedger.usual();
    assert!(usual.quantile(0.95).unwrap() > 10 * MS, "what was dropped counts as late");
}

#[tokio::test(start_paused = true)]
async fn whoever_asks_may_leave_at_any_time() {
    let (hedger, _) = hedger().await;
    for _ in 0..5 {
        let left = timeout(5 * MS, race(&hedger, |_| Some((SECOND, Ok(()))))).await;
        assert!(left.is_err());
    }
    assert_eq!(hedger.usual().calls(), 20, "it left before the call was late");
    let left = timeout(100 * MS, race(&hedger, |_| Some((SECOND, Ok(()))))).await;
    assert!(left.is_err());
    assert_eq!(hedger.usual().calls(), 21);
}
