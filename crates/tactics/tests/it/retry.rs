//! Retries: where they may be made, when, and never more than the budget pays for.

use std::cell::RefCell;
use std::time::Duration;

use proptest::prelude::*;
use standfast_tactics::deadline::Deadline;
use standfast_tactics::retry::{
    Budget, BudgetPolicy, Failure, GiveUp, Policy, Retrier, Retries, Safety,
};
use tokio::time::{Instant, sleep};

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const REFUSED: Failure = Failure::Refused { retry_after: None };

fn full() -> Budget {
    Budget::try_new(BudgetPolicy::default()).expect("the default makes sense")
}

fn after(safety: Safety, failure: Failure, left: Duration) -> Result<Duration, GiveUp> {
    let now = Instant::now();
    let mut retries = Retries::new(Policy::default(), safety, Deadline::after(now, left));
    retries.after(failure, &mut full(), now, 1.0)
}

#[test]
fn only_what_may_run_twice_is_retried_when_nobody_knows_whether_it_ran() {
    for safety in [Safety::Idempotent, Safety::Keyed] {
        for failure in [Failure::Unknown, Failure::NotSent, REFUSED] {
            assert_eq!(after(safety, failure, SECOND), Ok(10 * MS));
        }
    }
    assert_eq!(after(Safety::Once, Failure::Unknown, SECOND), Err(GiveUp::NotSafe));
    assert_eq!(after(Safety::Once, Failure::NotSent, SECOND), Ok(10 * MS), "it did not run");
    assert_eq!(after(Safety::Once, REFUSED, SECOND), Ok(10 * MS));
    for safety in [Safety::Idempotent, Safety::Keyed, Safety::Once] {
        assert_eq!(after(safety, Failure::Final, SECOND), Err(GiveUp::Final));
    }
}

#[test]
fn waits_double_up_to_their_maximum_and_the_jitter_is_full() {
    let policy = Policy { attempts_max: 20, wait_max: 100 * MS, ..Policy::default() };
    let now = Instant::now();
    let waits = |draw| -> Vec<u128> {
        let mut retries =
            Retries::new(policy, Safety::Idempotent, Deadline::after(now, 60 * SECOND));
        let mut budget = full();
        let wait = |_| retries.after(Failure::NotSent, &mut budget, now, draw);
        (0..6).map(wait).map(|wait| wait.unwrap().as_millis()).collect()
    };
    assert_eq!(waits(1.0), [10, 20, 40, 80, 100, 100]);
    assert_eq!(waits(0.5), [5, 10, 20, 40, 50, 50]);
    assert_eq!(waits(0.0), [0; 6]);
}

#[test]
fn an_attempt_that_could_not_end_in_time_is_not_begun() {
    assert_eq!(after(Safety::Keyed, Failure::NotSent, 15 * MS), Ok(10 * MS), "10 and 5");
    let late = after(Safety::Keyed, Failure::NotSent, 14 * MS);
    assert_eq!(late, Err(GiveUp::Deadline));
    let asked_for_more = Failure::Refused { retry_after: Some(SECOND) };
    assert_eq!(after(Safety::Keyed, asked_for_more, SECOND), Err(GiveUp::Deadline));
    assert_eq!(after(Safety::Keyed, asked_for_more, 2 * SECOND), Ok(1010 * MS));
    let for_ever = Failure::Refused { retry_after: Some(Duration::MAX) };
    assert_eq!(after(Safety::Keyed, for_ever, SECOND), Err(GiveUp::Deadline));
}

#[test]
fn what_is_given_up_for_another_reason_costs_no_budget() {
    let (mut budget, now) = (full(), Instant::now());
    let deadline = Deadline::after(now, 2 * MS);
    for failure in [Failure::Final, Failure::Unknown, Failure::NotSent] {
        let mut retries = Retries::new(Policy::default(), Safety::Once, deadline);
        assert!(retries.after(failure, &mut budget, now, 1.0).is_err());
    }
    assert!((budget.saved() - 10.0).abs() < 1e-9);
}

#[test]
fn impossible_budgets_are_refused_by_name() {
    let default = BudgetPolicy::default();
    let broken = [
        (BudgetPolicy { share: 1.5, ..default }, "share"),
        (BudgetPolicy { per_second: f64::NAN, ..default }, "per_second"),
        (BudgetPolicy { saved_max: 0.0, ..default }, "saved_max"),
    ];
    for (policy, field) in broken {
        let refused = Budget::try_new(policy).unwrap_err().to_string();
        assert!(refused.contains(field), "{refused}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_is_made_until_it_succeeds() {
    let retrier = Retrier::try_new(Policy::default(), BudgetPolicy::default(), 7).unwrap();
    let deadline = Deadline::after(Instant::now(), SECOND);
    let answer = retrier
        .run(Safety::Idempotent, deadline, |attempt| async move {
            if attempt.number < 3 { Err((Failure::NotSent, "refused")) } else { Ok(attempt.number) }
        })
        .await;
    assert_eq!(answer, Ok(3));
    assert!((retrier.saved() - 8.1).abs() < 0.1, "two spent, a tenth earned: {}", retrier.saved());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_hangs_ends_with_its_deadline() {
    let retrier = Retrier::try_new(Policy::default(), BudgetPolicy::default(), 7).unwrap();
    let start = Instant::now();
    let gave_up = retrier
        .run(Safety::Idempotent, Deadline::after(start, 300 * MS), |_| async {
            sleep(60 * SECOND).await;
            Ok::<(), _>(()).map_err(|()| (Failure::Unknown, "never said"))
        })
        .await
        .unwrap_err();
    assert_eq!((gave_up.why, gave_up.attempts, gave_up.last), (GiveUp::Deadline, 1, None));
    assert_eq!(start.elapsed(), 300 * MS);
}

#[tokio::test(start_paused = true)]
async fn a_dependency_that_is_down_gets_hardly_more_load_than_without_retries() {
    let retrier = Retrier::try_new(Policy::default(), BudgetPolicy::default(), 7).unwrap();
    let (attempts, start) = (RefCell::new(0_u32), Instant::now());
    for _ in 0..1000 {
        let deadline = Deadline::after(Instant::now(), SECOND);
        let call = |_| {
            *attempts.borrow_mut() += 1;
            async { Err::<(), _>((Failure::NotSent, "refused")) }
        };
        let gave_up = retrier.run(Safety::Idempotent, deadline, call).await.unwrap_err();
        assert!(matches!(gave_up.why, GiveUp::Attempts | GiveUp::Budget), "{gave_up}");
    }
    let retries = attempts.into_inner() - 1000;
    let paid_for = 10 + u32::try_from(start.elapsed().as_secs()).unwrap() + 1;
    assert!(retries <= paid_for, "{retries} retries, {paid_for} were paid for");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn retries_never_exceed_the_budget(
        share in 0.0..=1.0_f64,
        per_second in 0.0..20.0_f64,
        saved_max in 1.0..50.0_f64,
        steps in prop::collection::vec((0..4_u8, 0..400_000_u64), 0..500),
    ) {
        let policy = BudgetPolicy { share, per_second, saved_max };
        let mut budget = Budget::try_new(policy).unwrap();
        let start = Instant::now();
        let (mut now, mut successes, mut retries) = (start, 0_u32, 0_u32);
        for (step, micros) in steps {
            if step == 0 {
                now += Duration::from_micros(micros);
            } else if step == 1 {
                budget.earn();
                successes += 1;
            } else {
                let deadline = Deadline::after(now, SECOND);
                let mut call = Retries::new(Policy::default(), Safety::Keyed, deadline);
                let before = budget.saved();
                match call.after(Failure::Unknown, &mut budget, now, 0.5) {
                    Ok(_) => retries += 1,
                    Err(why) => {
                        prop_assert_eq!(why, GiveUp::Budget);
                        prop_assert!(before < 1.0, "there were {}", before);
                    }
                }
            }
            let seconds = (now - start).as_secs_f64();
            let earned = share * f64::from(successes) + per_second * seconds;
            prop_assert!(f64::from(retries) <= saved_max + earned + 1e-6);
            prop_assert!(budget.saved() <= saved_max + 1e-6);
        }
    }
}
