//! Shared loads: one run for all, whoever leaves.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use standfast_tactics::coalesce::{CoalesceError, Coalescer, Limits, Role, Shared, Wait};
use tokio::time::{Instant, sleep};

const SECOND: Duration = Duration::from_secs(1);

struct Bench {
    coalescer: Coalescer<&'static str, usize>,
    runs: Arc<AtomicUsize>,
}

impl Bench {
    fn new(flights_max: usize) -> Self {
        let limits = Limits { flights_max, share_max: 10 * SECOND };
        Self { coalescer: Coalescer::new(limits), runs: Arc::default() }
    }

    /// A load that takes a second and answers how many ran before it.
    async fn get(
        &self,
        key: &'static str,
        patience: Duration,
        share_for: Duration,
    ) -> Result<Shared<usize>, CoalesceError> {
        let runs = Arc::clone(&self.runs);
        let load = || async move {
            let before = runs.fetch_add(1, Ordering::SeqCst);
            sleep(SECOND).await;
            before
        };
        let wait = Wait { deadline: Instant::now() + patience, share_for };
        self.coalescer.run(key, wait, load, |_| true).await
    }

    fn runs(&self) -> usize {
        self.runs.load(Ordering::SeqCst)
    }
}

#[tokio::test(start_paused = true)]
async fn a_thousand_callers_share_one_run() {
    let bench = Arc::new(Bench::new(10));
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..1000 {
        let bench = Arc::clone(&bench);
        callers.spawn(async move { bench.get("key", 2 * SECOND, Duration::ZERO).await });
    }
    let answers = callers.join_all().await;
    let led = answers.iter().flatten().filter(|shared| shared.role == Role::Led).count();
    assert!(answers.iter().all(|answer| answer.map(|shared| shared.value) == Ok(0)));
    assert_eq!((bench.runs(), led), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn the_run_survives_the_caller_that_started_it() {
    let bench = Arc::new(Bench::new(10));
    let leader = {
        let bench = Arc::clone(&bench);
        tokio::spawn(async move { bench.get("key", 9 * SECOND, Duration::ZERO).await })
    };
    sleep(SECOND / 2).await;
    leader.abort();
    assert!(leader.await.unwrap_err().is_cancelled());
    let follower = bench.get("key", 9 * SECOND, Duration::ZERO).await.unwrap();
    assert_eq!(follower, Shared { value: 0, role: Role::Followed });
    assert_eq!(bench.runs(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_impatient_caller_leaves_alone() {
    let bench = Bench::new(10);
    let (impatient, patient) = tokio::join!(
        bench.get("key", SECOND / 10, Duration::ZERO),
        bench.get("key", 2 * SECOND, Duration::ZERO),
    );
    assert_eq!(impatient, Err(CoalesceError::Deadline));
    assert_eq!(patient.unwrap().value, 0);
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_shared_for_as_long_as_a_later_caller_accepts() {
    let bench = Bench::new(10);
    bench.get("key", 2 * SECOND, Duration::ZERO).await.unwrap();
    sleep(SECOND / 2).await;
    let second = bench.get("key", 2 * SECOND, SECOND).await.unwrap();
    assert_eq!(second, Shared { value: 0, role: Role::Followed });
    let strict = bench.get("key", 2 * SECOND, Duration::ZERO).await.unwrap();
    assert_eq!(strict, Shared { value: 1, role: Role::Led });
}

#[tokio::test(start_paused = true)]
async fn what_must_not_linger_does_not() {
    let bench = Bench::new(10);
    let wait = Wait { deadline: Instant::now() + SECOND, share_for: SECOND };
    let failed = bench.coalescer.run("key", wait, || async { 99 }, |_| false).await;
    assert_eq!(failed.unwrap().value, 99);
    assert_eq!(bench.get("key", 2 * SECOND, SECOND).await.unwrap().value, 0);
}

#[tokio::test(start_paused = true)]
async fn a_load_that_panics_is_lost_and_blocks_nobody_after_it() {
    let bench = Bench::new(10);
    let wait = Wait { deadline: Instant::now() + SECOND, share_for: SECOND };
    let load = || async { panic!("the load is broken") };
    let lost = bench.coalescer.run("key", wait, load, |_| true).await;
    assert_eq!(lost.unwrap_err(), CoalesceError::Lost);
    assert_eq!(bench.get("key", 2 * SECOND, Duration::ZERO).await.unwrap().role, Role::Led);
}

#[tokio::test(start_paused = true)]
async fn the_number_of_flights_is_bounded_and_old_ones_make_room() {
    let bench = Bench::new(2);
    let (a, b, c) = tokio::join!(
        bench.get("a", 2 * SECOND, Duration::ZERO),
        bench.get("b", 2 * SECOND, Duration::ZERO),
        bench.get("c", 2 * SECOND, Duration::ZERO),
    );
    assert!(a.is_ok() && b.is_ok());
    assert_eq!(c, Err(CoalesceError::Full));
    sleep(10 * SECOND).await;
    assert!(bench.get("c", 2 * SECOND, Duration::ZERO).await.is_ok());
    assert_eq!(bench.coalescer.flights(), 1);
}
