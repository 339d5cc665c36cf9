//! Bulkheads: never more than may, first come first served, nothing lost.

use std::time::Duration;

use proptest::prelude::*;
use standfast_tactics::bulkhead::{Asked, Bulkhead, Limits, Queue, Refused};
use tokio::time::{Instant, advance};

const LIMITS: Limits = Limits { running_max: 2, waiting_max: 3 };
const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn a_waiter_gets_the_place_that_comes_free() {
    let bulkhead = Bulkhead::new(Limits { running_max: 1, waiting_max: 1 });
    let deadline = Instant::now() + SECOND;
    let first = bulkhead.enter(deadline).await.unwrap();
    let waiter = {
        let bulkhead = bulkhead.clone();
        tokio::spawn(async move { bulkhead.enter(deadline).await.map(drop) })
    };
    tokio::task::yield_now().await;
    assert_eq!(bulkhead.occupancy(), (1, 1));
    assert_eq!(bulkhead.enter(deadline).await.map(drop), Err(Refused::Full));
    drop(first);
    assert_eq!(waiter.await.unwrap(), Ok(()));
    assert_eq!(bulkhead.occupancy(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_waiter_leaves_at_its_deadline() {
    let bulkhead = Bulkhead::new(Limits { running_max: 1, waiting_max: 1 });
    let seat = bulkhead.enter(Instant::now() + SECOND).await.unwrap();
    let refused = bulkhead.enter(Instant::now() + SECOND).await.map(drop);
    assert_eq!(refused, Err(Refused::Deadline));
    assert_eq!(bulkhead.occupancy(), (1, 0));
    drop(seat);
    assert_eq!(bulkhead.occupancy(), (0, 0));
    let past = bulkhead.enter(Instant::now()).await.map(drop);
    assert_eq!(past, Err(Refused::Deadline), "it would be late before it began");
}

#[tokio::test(start_paused = true)]
async fn a_place_given_to_a_waiter_that_was_cancelled_is_not_lost() {
    let bulkhead = Bulkhead::new(Limits { running_max: 1, waiting_max: 2 });
    let deadline = Instant::now() + SECOND;
    let seat = bulkhead.enter(deadline).await.unwrap();
    let waiter = {
        let bulkhead = bulkhead.clone();
        tokio::spawn(async move { bulkhead.enter(deadline).await.map(drop) })
    };
    tokio::task::yield_now().await;
    // The place is on its way to the waiter, which ends before it can take it.
    drop(seat);
    waiter.abort();
    let _cancelled_or_done = waiter.await;
    assert_eq!(bulkhead.occupancy(), (0, 0));
}

/// One step of an arbitrary history.
#[derive(Clone, Debug)]
enum Step {
    Ask(u64),
    Free(u64),
    Leave(usize),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..200_u64).prop_map(Step::Ask),
        2 => (0..300_u64).prop_map(Step::Free),
        1 => any::<usize>().prop_map(Step::Leave),
        1 => (0..100_u64).prop_map(Step::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn places_are_kept_under_any_history(steps in prop::collection::vec(step(), 0..200)) {
        let mut queue = Queue::new(LIMITS);
        let mut now = Instant::now();
        let (mut running, mut waiting, mut has_ended) = (0_usize, Vec::new(), false);
        for step in steps {
            match step {
                Step::Ask(patience_ms) => {
                    match queue.ask(now, now + Duration::from_millis(patience_ms)) {
                        Asked::Runs => running += 1,
                        Asked::Waits(waiter) => waiting.push(waiter),
                        Asked::Refused(Refused::Full) => {
                            prop_assert_eq!(queue.waiting(), LIMITS.waiting_max);
                        }
                        Asked::Refused(Refused::Deadline) => prop_assert_eq!(patience_ms, 0),
                        Asked::Refused(Refused::TooLate) => prop_assert!(has_ended),
                    }
                }
                Step::Free(held_ms) if running > 0 => {
                    has_ended = true;
                    match queue.free(now, Duration::from_millis(held_ms)) {
                        Some(waiter) => {
                            // Whoever asked earlier has either left, or been skipped as too late.
                            let position = waiting.iter().position(|id| *id == waiter);
                            prop_assert!(position.is_some());
                            waiting.drain(..=position.unwrap_or_default());
                        }
                        None => running -= 1,
                    }
                }
                Step::Leave(index) if !waiting.is_empty() => {
                    let waiter = waiting.remove(index % waiting.len());
                    queue.leave(waiter);
                }
                Step::Free(_) | Step::Leave(_) => {}
                Step::Wait(ms) => now += Duration::from_millis(ms),
            }
            prop_assert_eq!(queue.running(), running);
            prop_assert!(running <= LIMITS.running_max);
            prop_assert!(queue.waiting() <= LIMITS.waiting_max);
        }
    }
}

/// Four times as many calls as can be done, each of use for 150 ms: what is done is of use.
#[tokio::test(start_paused = true)]
async fn under_overload_the_work_that_is_begun_is_finished_in_time() {
    const TAKES: Duration = Duration::from_millis(20);
    let bulkhead = Bulkhead::new(Limits { running_max: 2, waiting_max: 64 });
    let mut crowd = tokio::task::JoinSet::new();
    let start = Instant::now();
    for call in 0..2000_u32 {
        let bulkhead = bulkhead.clone();
        let begin = start + call * Duration::from_micros(2500);
        crowd.spawn(async move {
            tokio::time::sleep_until(begin).await;
            let deadline = begin + Duration::from_millis(150);
            let seat = bulkhead.enter(deadline).await;
            let waited = begin.elapsed();
            let Ok(_seat) = seat else { return (None, waited) };
            tokio::time::sleep(TAKES).await;
            (Some(Instant::now() <= deadline), waited)
        });
    }
    let outcomes = crowd.join_all().await;
    let in_time = outcomes.iter().filter(|(done, _)| *done == Some(true)).count();
    let in_vain = outcomes.iter().filter(|(done, _)| *done == Some(false)).count();
    // Two places for 5 s at 20 ms a call are 500 calls.
    assert!(in_time >= 480, "{in_time} of 500 that could be done were, {in_vain} in vain");
    assert!(in_vain <= 5, "{in_vain} calls were begun in vain");
    let refused = outcomes.iter().filter(|(done, _)| done.is_none());
    let at_once = refused.clone().filter(|(_, waited)| *waited < TAKES).count();
    assert!(at_once * 10 >= refused.count() * 9, "most of the surplus is refused at once");
}

#[tokio::test(start_paused = true)]
async fn under_a_crowd_no_more_run_than_may_and_all_get_their_turn() {
    let bulkhead = Bulkhead::new(Limits { running_max: 3, waiting_max: 100 });
    let mut crowd = tokio::task::JoinSet::new();
    for _ in 0..60 {
        let bulkhead = bulkhead.clone();
        crowd.spawn(async move {
            let _seat = bulkhead.enter(Instant::now() + 60 * SECOND).await.unwrap();
            tokio::time::sleep(SECOND).await;
            bulkhead.occupancy().0
        });
    }
    let start = Instant::now();
    let most = crowd.join_all().await.into_iter().max();
    assert_eq!(most, Some(3));
    assert_eq!(start.elapsed().as_secs(), 20, "60 turns of a second, three at a time");
    advance(SECOND).await;
    assert_eq!(bulkhead.occupancy(), (0, 0));
}
