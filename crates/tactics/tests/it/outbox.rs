//! The outbox: what may go, what waits for what, and what becomes of a row that nobody takes.

use std::time::Duration;

use standfast_tactics::outbox::{
    AfterParking, Arrival, End, Judgement, Lag, Numbering, Order, Outbox, Page, Policy, Row,
    Stored, arrive, judge,
};
use tokio::time::Instant;

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

fn row(id: u64, transaction: u64, key: &'static str) -> Row<&'static str> {
    Row { id, transaction, key, attempts: 0, age: Duration::ZERO }
}

/// Offers a page; answers the ids that go, run by run.
fn offer(outbox: &mut Outbox<&'static str>, page: Page<&'static str>) -> Vec<Vec<u64>> {
    let runs = outbox.offer(page, Instant::now());
    runs.into_iter().map(|run| run.rows).collect()
}

#[test]
fn an_id_that_commits_late_is_not_lost() {
    let mut outbox = Outbox::new(Policy::default());
    let page = Page { horizon: 7, rows: vec![row(42, 8, "b")] };
    let runs = outbox.offer(page, Instant::now());
    let back = outbox.finish(runs[0].id, 1, End::Done, Instant::now(), 0.5);
    outbox.marked(&back.published);
    outbox.begin_page(Instant::now());
    let page = Page { horizon: 9, rows: vec![row(41, 7, "a")] };
    assert_eq!(offer(&mut outbox, page), [[41]]);
}

#[test]
fn with_a_horizon_nothing_goes_before_an_older_transaction_has_ended() {
    let policy = Policy { order: Order::ByHorizon, ..Policy::default() };
    let mut outbox = Outbox::new(policy);
    let mut old = row(42, 8, "b");
    old.age = 3 * SECOND;
    let waiting = Page { horizon: 7, rows: vec![old.clone()] };
    assert!(offer(&mut outbox, waiting).is_empty());
    assert_eq!(outbox.lag(), Lag { rows: 1, behind_horizon: 1, oldest: 3 * SECOND });
    let both = Page { horizon: 9, rows: vec![old, row(41, 7, "a")] };
    assert_eq!(offer(&mut outbox, both), [[41], [42]]);
}

/// Transaction 100 began first and wrote the key last; 105 wrote it before, and 103 still runs.
#[test]
fn a_row_past_the_horizon_waits_for_the_earlier_one_of_its_key_that_is_not() {
    let policy = Policy { order: Order::ByHorizon, ..Policy::default() };
    let mut outbox = Outbox::new(policy);
    let rows = vec![row(7, 105, "a"), row(8, 100, "a"), row(9, 101, "b")];
    let page = Page { horizon: 103, rows: rows.clone() };
    assert_eq!(offer(&mut outbox, page), [[9]], "the horizon alone would send 8 before 7");
    let page = Page { horizon: 106, rows };
    assert_eq!(offer(&mut outbox, page), [[7, 8]]);
}

#[test]
fn a_key_has_one_run_at_a_time_and_it_stops_at_the_first_failure() {
    let (mut outbox, now) = (Outbox::new(Policy::default()), Instant::now());
    let rows = vec![row(1, 1, "a"), row(2, 1, "a"), row(3, 1, "a"), row(4, 1, "b")];
    let page = || Page { horizon: 9, rows: rows.clone() };
    let runs = outbox.offer(page(), now);
    assert_eq!(runs.iter().map(|run| run.rows.len()).collect::<Vec<_>>(), [3, 1]);
    assert!(offer(&mut outbox, page()).is_empty(), "both keys are out");
    let back = outbox.finish(runs[0].id, 1, End::Rejected, now, 1.0);
    assert_eq!((back.published, back.rejected, back.parked), (vec![1], Some((2, 1)), None));
    assert_eq!(outbox.begin_page(now).len(), 2, "one waits, one is out");
    let later = now + 50 * MS;
    assert_eq!(outbox.begin_page(later), ["b"]);
    let runs = outbox.offer(page(), later);
    assert_eq!(runs[0].rows, [2, 3], "1 is published, though not yet marked");
}

#[test]
fn a_poisoned_row_is_parked_and_only_its_key_is_held() {
    for (after_parking, follows) in [(AfterParking::HoldKey, 0), (AfterParking::SkipRow, 1)] {
        let policy = Policy { after_parking, tries_max: 3, ..Policy::default() };
        let (mut outbox, mut now) = (Outbox::new(policy), Instant::now());
        let mut rows = vec![row(1, 1, "a"), row(2, 1, "a")];
        // Another process has tried it once.
        rows[0].attempts = 1;
        for tries in 2..=3 {
            let runs = outbox.offer(Page { horizon: 9, rows: rows.clone() }, now);
            let back = outbox.finish(runs[0].id, 0, End::Rejected, now, 1.0);
            assert_eq!(back.rejected, Some((1, tries)));
            assert_eq!(back.parked, (tries == 3).then_some(1));
            now += SECOND;
        }
        outbox.begin_page(now);
        rows.push(row(3, 1, "b"));
        let runs = outbox.offer(Page { horizon: 9, rows: rows.clone() }, now);
        let of_key = |key| runs.iter().filter(|run| run.key == key).count();
        assert_eq!((of_key("a"), of_key("b")), (follows, 1));
        if after_parking == AfterParking::HoldKey {
            outbox.release(&"a");
            let runs = outbox.offer(Page { horizon: 9, rows }, now);
            assert_eq!(runs[0].rows, [2], "the operator has resolved 1");
        }
    }
}

#[test]
fn a_queue_that_is_away_is_held_against_no_row() {
    let (mut outbox, mut now) = (Outbox::new(Policy::default()), Instant::now());
    let page = || Page { horizon: 9, rows: vec![row(1, 1, "a")] };
    let (mut waits, mut runs) = (Vec::new(), outbox.offer(page(), now));
    for _ in 0..10 {
        let back = outbox.finish(runs[0].id, 0, End::Unavailable, now, 1.0);
        assert_eq!((back.rejected, back.parked), (None, None));
        let begin = now;
        runs = outbox.offer(page(), now);
        while runs.is_empty() {
            now += 50 * MS;
            runs = outbox.offer(page(), now);
        }
        waits.push((now - begin).as_millis());
    }
    assert_eq!(waits, [50, 100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
    assert_eq!(outbox.finish(runs[0].id, 1, End::Done, now, 1.0).published, [1]);
    assert_eq!(offer(&mut outbox, Page { horizon: 9, rows: vec![row(2, 1, "a")] }), [[2]]);
}

#[test]
fn no_more_rows_are_out_than_may() {
    let policy = Policy { rows_max: 5, run_max: 2, ..Policy::default() };
    let mut outbox = Outbox::new(policy);
    let keys = ["a", "a", "a", "b", "c", "d"];
    let rows = keys.iter().zip(1..).map(|(key, id)| row(id, 1, key)).collect();
    assert_eq!(
        offer(&mut outbox, Page { horizon: 9, rows }),
        [vec![1, 2], vec![4], vec![5], vec![6]]
    );
    assert_eq!(outbox.rows_out(), 5);
    let rows = vec![row(7, 1, "e")];
    assert!(offer(&mut outbox, Page { horizon: 9, rows }).is_empty());
}

#[test]
fn a_page_that_was_read_before_the_mark_does_not_repeat_it() {
    let (mut outbox, now) = (Outbox::new(Policy::default()), Instant::now());
    let page = || Page { horizon: 9, rows: vec![row(1, 1, "a")] };
    let runs = outbox.offer(page(), now);
    outbox.begin_page(now);
    let back = outbox.finish(runs[0].id, 1, End::Done, now, 0.5);
    assert_eq!(outbox.unmarked().collect::<Vec<_>>(), [1]);
    outbox.marked(&back.published);
    assert!(offer(&mut outbox, page()).is_empty(), "its snapshot is older than the mark");
}

#[test]
fn a_consumer_applies_once_repeats_the_answer_and_sees_a_gap() {
    assert_eq!(judge::<u8>(None, 1), Judgement::Apply);
    assert_eq!(judge(Some(Stored { fingerprint: 1, answer: 9 }), 1), Judgement::Repeat(9));
    assert_eq!(judge(Some(Stored { fingerprint: 1, answer: 9 }), 2), Judgement::Conflict);
    let dense = |applied, number| arrive(applied, number, Numbering::Dense);
    assert_eq!(dense(None, 1), Arrival::Next);
    assert_eq!(dense(Some(1), 1), Arrival::Repeated);
    assert_eq!(dense(Some(1), 2), Arrival::Next);
    assert_eq!(dense(Some(1), 4), Arrival::Gap { expected: 2 });
    assert_eq!(dense(None, 3), Arrival::Gap { expected: 1 });
    assert_eq!(arrive(Some(1), 4, Numbering::Sparse), Arrival::Next);
    assert_eq!(arrive(Some(4), 4, Numbering::Sparse), Arrival::Repeated);
    assert_eq!(arrive(None, 0, Numbering::Sparse), Arrival::Next);
}
