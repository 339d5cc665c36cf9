//! The event log: nothing is lost, whatever the order of commits, and nothing is applied twice.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use standfast_tactics::event_log::{
    Broken, Follower, Log, Page, Reply, Retention, RetentionPolicy, Sighting, Step, Watermark,
};
use tokio::time::Instant;

fn sighting(last: u64, next_transaction: u64, oldest_running: u64) -> Sighting {
    Sighting { last, next_transaction, oldest_running }
}

#[test]
fn what_a_running_transaction_may_still_show_is_not_settled() {
    let mut watermark = Watermark::default();
    assert_eq!(watermark.observe(sighting(5, 10, 10)), 5, "nobody writes");
    assert_eq!(watermark.observe(sighting(7, 12, 11)), 5, "11 may hold 6 or 7");
    assert_eq!(watermark.observe(sighting(9, 14, 11)), 5);
    assert_eq!(watermark.observe(sighting(9, 14, 12)), 7, "11 has ended");
    assert_eq!(watermark.observe(sighting(9, 14, 14)), 9);
}

#[test]
fn a_look_that_comes_late_does_no_harm() {
    let mut watermark = Watermark::default();
    watermark.observe(sighting(9, 14, 11));
    assert_eq!(watermark.observe(sighting(7, 12, 12)), 0, "its own numbers are not looked at");
    assert_eq!(watermark.observe(sighting(9, 14, 14)), 9);
    assert_eq!(watermark.observe(sighting(7, 12, 12)), 9, "it never goes back");
}

#[test]
fn a_transaction_that_never_ends_costs_no_memory() {
    let mut watermark = Watermark::default();
    for number in 1..10_000 {
        assert_eq!(watermark.observe(sighting(number, 10 + number, 7)), 0);
    }
    assert_eq!(watermark.observe(sighting(9_999, 20_000, 20_000)), 9_999);
    assert!(format!("{watermark:?}").len() < 1_000, "what waited is gone");
}

/// A database in which transactions begin, take numbers and end in any order.
#[derive(Debug, Default)]
struct World {
    next_transaction: u64,
    last: u64,
    /// Running transactions with the numbers that they hold.
    running: BTreeMap<u64, Vec<u64>>,
    committed: Vec<u64>,
    visible: BTreeMap<u64, ()>,
}

impl World {
    fn begin(&mut self) {
        self.next_transaction += 1;
        self.running.insert(self.next_transaction, Vec::new());
    }

    fn append(&mut self, pick: usize) {
        self.last += 1;
        let count = self.running.len();
        if let Some((_, held)) = self.running.iter_mut().nth(pick % count.max(1)) {
            held.push(self.last);
        }
    }

    fn end(&mut self, pick: usize, commits: bool) {
        let count = self.running.len();
        let Some(transaction) = self.running.keys().nth(pick % count.max(1)).copied() else {
            return;
        };
        let held = self.running.remove(&transaction).unwrap_or_default();
        if commits {
            self.visible.extend(held.iter().map(|number| (*number, ())));
            self.committed.extend(held);
        }
    }

    /// The snapshot is taken after `last` was read, while others go on.
    fn look(&self, last: u64) -> Sighting {
        let next = self.next_transaction + 1;
        sighting(last, next, self.running.keys().next().copied().unwrap_or(next))
    }

    fn page(&self, since: u64, settled: u64, limit: usize) -> Page<u64> {
        let rows = self.visible.range(since + 1..).map(|(number, ())| (*number, *number));
        let rows = rows.take_while(|(number, _)| *number <= settled).take(limit).collect();
        Page { since, settled, rows }
    }
}

fn read(world: &World, watermark: &Watermark, follower: &mut Follower, limit: usize) -> Vec<u64> {
    let page = world.page(follower.since(), watermark.settled(), limit);
    match follower.judge(page) {
        Step::Apply { rows, cursor } => {
            follower.applied(cursor);
            rows.into_iter().map(|(number, _)| number).collect()
        }
        Step::Nothing => Vec::new(),
        Step::Refuse(broken) => panic!("{broken}"),
    }
}

proptest! {
    #[test]
    fn a_follower_gets_every_committed_row_once_and_in_order(
        steps in prop::collection::vec((0_u8..10, any::<prop::sample::Index>()), 1..400),
        limit in 1_usize..5,
    ) {
        let mut world = World::default();
        let (mut watermark, mut follower) = (Watermark::default(), Follower::at(0));
        let (mut applied, mut last_read) = (Vec::new(), 0);
        for (step, pick) in steps {
            let pick = pick.index(1_000);
            match step {
                0 | 1 => world.begin(),
                2..=4 if !world.running.is_empty() => world.append(pick),
                5 => world.end(pick, pick % 4 > 0),
                6 => last_read = world.last,
                7 => { watermark.observe(world.look(last_read)); }
                _ => applied.extend(read(&world, &watermark, &mut follower, limit)),
            }
        }
        // What was delivered so far is a prefix: everything committed below it is in it.
        let delivered_to = applied.last().copied().unwrap_or(0);
        let mut committed = world.committed.clone();
        committed.sort_unstable();
        let prefix: Vec<u64> =
            committed.iter().copied().filter(|number| *number <= delivered_to).collect();
        prop_assert_eq!(&applied, &prefix);
        while !world.running.is_empty() {
            world.end(0, true);
        }
        watermark.observe(world.look(world.last));
        watermark.observe(world.look(world.last));
        prop_assert_eq!(watermark.settled(), world.last);
        for _ in 0..=world.last {
            applied.extend(read(&world, &watermark, &mut follower, limit));
        }
        let mut committed = world.committed.clone();
        committed.sort_unstable();
        prop_assert_eq!(applied, committed);
        prop_assert_eq!(follower.behind(), 0);
    }
}

#[test]
fn the_last_number_that_was_seen_alone_would_lose_rows() {
    // The control: 42 is visible, 41 is not yet.
    let mut world = World { last: 40, ..World::default() };
    world.begin();
    world.begin();
    world.append(0);
    world.append(1);
    world.end(1, true);
    let seen = world.page(40, u64::MAX, 10);
    assert_eq!(seen.rows, [(42, 42)], "whoever goes on from 42 has lost 41");
    let mut watermark = Watermark::default();
    watermark.observe(world.look(world.last));
    assert_eq!(world.page(40, watermark.settled(), 10).rows, [], "so it waits");
}

#[test]
fn a_page_that_answers_another_question_is_refused() {
    let mut follower = Follower::at(10);
    let page = |since, settled, rows: &[u64]| Page {
        since,
        settled,
        rows: rows.iter().map(|number| (*number, ())).collect(),
    };
    let refused = |page| match Follower::at(10).judge(page) {
        Step::Refuse(broken) => broken,
        other @ (Step::Apply { .. } | Step::Nothing) => panic!("{other:?}"),
    };
    let broken = refused(page(11, 20, &[12]));
    assert_eq!(broken, Broken::OtherQuestion { since: 11, applied: 10 });
    let broken = refused(page(10, 20, &[12, 11]));
    assert_eq!(broken, Broken::Unordered { number: 11, before: 12 });
    let broken = refused(page(10, 11, &[12]));
    assert_eq!(broken, Broken::Unsettled { number: 12, settled: 11 });
    let Step::Apply { rows, cursor } = follower.judge(page(8, 20, &[9, 10, 12])) else {
        panic!("what was repeated is left out")
    };
    assert_eq!((rows, cursor), (vec![(12, ())], 12));
    follower.applied(12);
    assert_eq!(follower.behind(), 8);
    assert_eq!(follower.judge(page(8, 20, &[9, 10, 12])), Step::Nothing, "all repeated");
    let Step::Apply { cursor, .. } = follower.judge(page(12, 20, &[])) else {
        panic!("13 to 20 were rolled back")
    };
    assert_eq!(cursor, 20);
    assert!(follower.accept_snapshot(12).is_ok());
    assert_eq!(follower.accept_snapshot(11), Err(Broken::OldSnapshot { at: 11, applied: 12 }));
}

#[test]
fn who_is_too_far_behind_takes_a_snapshot() {
    let log = Log { deleted_to: 100, settled: 500, tail_max: 300 };
    assert_eq!(log.reply(450, 510), Reply::Rows { after: 450, up_to: 500 });
    assert_eq!(log.reply(200, 510), Reply::Rows { after: 200, up_to: 500 });
    assert_eq!(log.reply(199, 510), Reply::Snapshot { at: 500 }, "cheaper than 301 rows");
    let short = Log { tail_max: u64::MAX, ..log };
    assert_eq!(short.reply(100, 510), Reply::Rows { after: 100, up_to: 500 });
    assert_eq!(short.reply(99, 510), Reply::Snapshot { at: 500 }, "100 is deleted");
    assert_eq!(
        log.reply(505, 510),
        Reply::Rows { after: 505, up_to: 505 },
        "another instance knew"
    );
    assert_eq!(log.reply(511, 510), Reply::Ahead { settled: 500 }, "the log was set back");
}

#[test]
fn nothing_is_deleted_that_somebody_still_wants() {
    let (now, hour) = (Instant::now(), Duration::from_secs(3600));
    let policy = RetentionPolicy { keep: 10, forget_after: hour };
    let mut retention = Retention::new(policy, ["inventory", "analytics"], now);
    retention.heard("inventory", 90, now);
    assert_eq!(retention.deletable_to(100, now), 0, "analytics was not heard of yet");
    retention.heard("analytics", 50, now);
    assert_eq!(retention.deletable_to(100, now), 50);
    retention.heard("analytics", 100, now);
    assert_eq!(retention.deletable_to(100, now), 90, "inventory and the reserve agree");
    retention.heard("analytics", 20, now);
    assert_eq!(retention.deletable_to(100, now), 20, "it was set back, and says so");
    let later = now + hour;
    retention.heard("inventory", 100, later);
    assert_eq!(retention.deletable_to(100, later), 90, "analytics is forgotten");
    let held: Vec<_> = retention.consumers(later).collect();
    assert_eq!(held, [("analytics", 20, false), ("inventory", 100, true)]);
    retention.heard("reports", 7, later);
    assert_eq!(retention.deletable_to(100, later), 7, "one that comes anew counts at once");
}
