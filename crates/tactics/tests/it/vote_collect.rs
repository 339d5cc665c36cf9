//! The collector: as soon as a majority agrees, and what becomes of those who are slower.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use standfast_tactics::vote::{
    Agreed, Ballot, Exact, Mode, NoQuorum, Panel, Reply, Seat, Standing, Stragglers, Terms,
    Undecided, collect,
};
use tokio::time::{Instant, sleep};

const MS: Duration = Duration::from_millis(1);

/// How long a replica takes, and what it says.
#[derive(Clone, Copy)]
struct Replica(u64, Reply<u64>);

type Outcome = (Result<Agreed<u64>, NoQuorum>, Stragglers<u64, Exact>);

async fn vote(replicas: &'static [Replica], seats: &[Seat], calls: &Arc<AtomicUsize>) -> Outcome {
    let faults = (replicas.len() - 1) / 2;
    let panel = Panel::try_new(replicas.len(), Mode::Masking { faults }).expect("2f + 1 replicas");
    let now = Instant::now();
    let terms = Terms { opened_at: now, deadline: now + 300 * MS, version_min: 0 };
    let ballot = Ballot::open(panel, Exact, terms, seats);
    collect(ballot, |replica| {
        let (Replica(takes_ms, reply), calls) = (replicas[replica], Arc::clone(calls));
        async move {
            calls.fetch_add(1, Ordering::SeqCst);
            sleep(Duration::from_millis(takes_ms)).await;
            calls.fetch_add(100, Ordering::SeqCst);
            reply
        }
    })
    .await
}

const SAYS: Reply<u64> = Reply::Answer { value: 12, version: 4 };
const LIES: Reply<u64> = Reply::Answer { value: 99, version: 4 };

#[tokio::test(start_paused = true)]
async fn the_answer_comes_with_the_second_fastest_of_three() {
    let start = Instant::now();
    let replicas = &[Replica(900, SAYS), Replica(10, SAYS), Replica(25, SAYS)];
    let (agreed, stragglers) = vote(replicas, &[Seat::Counts; 3], &Arc::default()).await;
    assert_eq!(agreed.unwrap().value, 12);
    assert_eq!(start.elapsed(), 25 * MS);
    assert_eq!(stragglers.outstanding(), 1);
}

#[tokio::test(start_paused = true)]
async fn stragglers_are_scored_within_a_bound_and_then_cancelled() {
    let calls = Arc::default();
    let replicas = &[
        Replica(10, SAYS),
        Replica(20, SAYS),
        Replica(30, SAYS),
        Replica(90, LIES),
        Replica(500, SAYS),
    ];
    let start = Instant::now();
    let (agreed, stragglers) = vote(replicas, &[Seat::Counts; 5], &calls).await;
    assert_eq!(agreed.unwrap().tally.silent(), [3, 4]);
    let tally = stragglers.score(start + 200 * MS).await;
    assert_eq!(start.elapsed(), 200 * MS);
    assert_eq!((tally.dissenters(), tally.late(), tally.silent()), (vec![3], vec![3], vec![4]));
    assert_eq!(tally.scores[3].after, Some(90 * MS));
    sleep(Duration::from_secs(1)).await;
    assert_eq!(calls.load(Ordering::SeqCst), 405, "five were begun, and four ran to their end");
}

#[tokio::test(start_paused = true)]
async fn silence_costs_the_deadline_and_no_more() {
    let start = Instant::now();
    let replicas = &[Replica(10, SAYS), Replica(10_000, SAYS), Replica(10_000, SAYS)];
    let (outcome, _stragglers) = vote(replicas, &[Seat::Counts; 3], &Arc::default()).await;
    let refused = outcome.unwrap_err();
    assert_eq!(refused.why, Undecided::Deadline);
    assert_eq!(start.elapsed(), 300 * MS);
    assert!(refused.to_string().contains("2 of 3 had to agree"), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn two_failures_of_three_are_refused_without_waiting() {
    let start = Instant::now();
    let replicas = &[Replica(5, Reply::Failed), Replica(7, Reply::Failed), Replica(900, SAYS)];
    let (outcome, _stragglers) = vote(replicas, &[Seat::Counts; 3], &Arc::default()).await;
    assert_eq!(outcome.unwrap_err().why, Undecided::Unreachable);
    assert_eq!(start.elapsed(), 7 * MS);
}

#[tokio::test(start_paused = true)]
async fn who_has_no_seat_is_not_called_and_a_shadow_is() {
    let calls = Arc::default();
    let replicas = &[
        Replica(10, LIES),
        Replica(20, SAYS),
        Replica(30, SAYS),
        Replica(5, SAYS),
        Replica(40, SAYS),
    ];
    let seats = [Seat::Shadow, Seat::Counts, Seat::Counts, Seat::Absent, Seat::Counts];
    let (agreed, stragglers) = vote(replicas, &seats, &calls).await;
    let tally = agreed.unwrap().tally;
    assert_eq!(tally.scores[0].standing, Standing::Dissents);
    assert_eq!(tally.scores[3].standing, Standing::Absent);
    assert_eq!(stragglers.outstanding(), 0);
    assert_eq!(calls.load(Ordering::SeqCst), 404);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_panics_is_a_failed_reply() {
    let panel = Panel::try_new(3, Mode::Masking { faults: 1 }).unwrap();
    let now = Instant::now();
    let terms = Terms { opened_at: now, deadline: now + 300 * MS, version_min: 0 };
    let ballot = Ballot::open(panel, Exact, terms, &[Seat::Counts; 3]);
    let (agreed, _stragglers) = collect(ballot, |replica| async move {
        assert!(replica != 0, "this replica's client is broken");
        sleep(MS).await;
        SAYS
    })
    .await;
    assert_eq!(agreed.unwrap().tally.scores[0].standing, Standing::Failed);
}

#[tokio::test(start_paused = true)]
async fn a_vote_that_is_lost_beforehand_calls_nobody() {
    let calls = Arc::default();
    let replicas = &[Replica(5, SAYS), Replica(5, SAYS), Replica(5, SAYS)];
    let seats = [Seat::Counts, Seat::Absent, Seat::Shadow];
    let (outcome, stragglers) = vote(replicas, &seats, &calls).await;
    assert_eq!(outcome.unwrap_err().why, Undecided::Unreachable);
    assert_eq!((stragglers.outstanding(), calls.load(Ordering::SeqCst)), (0, 0));
}
