//! Moves that do not come to be: aborted, rolled back, refused, or in vain.

use std::time::Duration;

use standfast_reshard::coordinator::Progress;
use standfast_reshard::core::{Action, Ending, Options, Record, SlotSet, Wish};
use standfast_reshard::shard::Share;

use super::stand::{Stand, patient};
use super::writers::{Writers, assert_held};

/// Plans to move the first slots of `a` to `b`, leaves `wish` in `phase`, and sees how it ends.
/// Before that, `writers` must have followed the slots, if there are any.
async fn wishing(
    stand: &Stand,
    (wish, phase): (Wish, &str),
    writers: Option<&Writers>,
) -> (Record, Ending) {
    let mut coordinator = stand.coordinator().await;
    let planned = stand.map().await.plan_move(&SlotSet::of(0..8), "b").unwrap();
    let record = coordinator.plan(&planned[0]).await.unwrap();
    let (ask, mut asked) = tokio::sync::mpsc::unbounded_channel();
    let mut watch = |progress: Progress<'_>| {
        if let Progress::Phase(record) = progress
            && record.phase.name() == phase
        {
            ask.send(()).unwrap();
        }
    };
    let catalog = stand.catalog().await;
    let wishes = async {
        asked.recv().await.unwrap();
        if let Some(writers) = writers {
            writers.until_refused().await;
        }
        catalog.leave_wish(record.id, Some(wish)).await.unwrap();
    };
    let (ending, ()) = tokio::join!(coordinator.run(record.clone(), &mut watch), wishes);
    (coordinator.catalog().record(record.id).await.unwrap(), ending.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_is_aborted_or_rolled_back_without_losing_what_was_written_meanwhile() {
    let mut stand = Stand::up(&["a", "b"], &["a", "b"]).await;
    stand.fleet.options = Options { keep: Duration::from_secs(300), ..patient() };
    let writers = Writers::start(&stand, 2).await;
    let before = stand.map().await;
    let (record, ending) = wishing(&stand, (Wish::Abort, "copying"), None).await;
    assert_eq!(ending, Ending::Aborted);
    assert_eq!(record.problem.as_deref(), Some("an operator asked for it"));
    assert_eq!(stand.map().await, before, "nothing has changed hands");
    stand.assert_clean().await;

    let (_, ending) = wishing(&stand, (Wish::Rollback, "kept"), Some(&writers)).await;
    assert_eq!(ending, Ending::RolledBack);
    let after = stand.map().await;
    assert_eq!((after.owners, after.epoch), (before.owners, before.epoch + 2), "there and back");
    let acknowledged = writers.stop().await;
    stand.assert_clean().await;
    assert_held(&stand, &acknowledged).await;

    let (_, ending) = wishing(&stand, (Wish::Finish, "kept"), None).await;
    assert_eq!(ending, Ending::Moved, "the time of the old copy is cut short");
    stand.assert_clean().await;
    assert_held(&stand, &acknowledged).await;
    stand.down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_does_not_end_makes_the_move_fail_and_not_the_writers() {
    let mut stand = Stand::up(&["a", "b"], &["a"]).await;
    stand.fleet.options =
        Options { pause_max: Duration::from_millis(300), pauses_max: 2, ..patient() };
    let client = stand.client("a").await;
    client.batch_execute("BEGIN; INSERT INTO items VALUES (1, 3, 1)").await.unwrap();
    let mut coordinator = stand.coordinator().await;
    let planned = stand.map().await.plan_move(&SlotSet::of(0..8), "b").unwrap();
    // Making the slot would wait for the transaction, so it begins once that is made.
    client.batch_execute("COMMIT").await.unwrap();
    let record = coordinator.plan(&planned[0]).await.unwrap();
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let mut watch = |progress: Progress<'_>| {
        if let Progress::Phase(record) = progress {
            tell.send(record.phase.name()).unwrap();
        }
    };
    let sits = async {
        while told.recv().await.unwrap() != "catching-up" {}
        client.batch_execute("BEGIN; UPDATE items SET value = 2 WHERE slot = 3").await.unwrap();
    };
    let (ending, ()) = tokio::join!(coordinator.run(record.clone(), &mut watch), sits);
    assert_eq!(ending.unwrap(), Ending::Aborted);
    let problem = stand.catalog().await.record(record.id).await.unwrap().problem.unwrap();
    assert_eq!(problem, "a pause would have been longer than 300ms, 2 times");
    client.batch_execute("COMMIT").await.unwrap();
    stand.assert_clean().await;
    assert_eq!(stand.rows("a").await[&1], (3, 2), "the writer did not notice");
    stand.down().await;
}

/// Its marks, and whether somebody was made to wait.
fn note(progress: &Progress<'_>, marks: &mut Vec<u64>, holds: &mut usize) {
    let Progress::Acted { action, .. } = progress else { return };
    *holds += usize::from(matches!(action, Action::Hold { .. }));
    if let Action::Mark { value, .. } = action {
        marks.push(*value);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_in_vain_is_forgotten_and_the_next_one_trusts_none_of_its_marks() {
    let mut stand = Stand::up(&["a", "b"], &["a"]).await;
    let keep = Duration::from_secs(300);
    stand.fleet.options =
        Options { pause_max: Duration::from_millis(300), pauses_max: 2, keep, ..patient() };
    let (client, catalog) = (stand.client("b").await, stand.catalog().await);
    let mut coordinator = stand.coordinator().await;
    let planned = stand.map().await.plan_move(&SlotSet::of(0..8), "b").unwrap();
    let record = coordinator.plan(&planned[0]).await.unwrap();
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let (mut marks, mut holds) = (Vec::new(), 0);
    let mut watch = |progress: Progress<'_>| {
        note(&progress, &mut marks, &mut holds);
        if let Progress::Phase(record) = progress {
            tell.send(record.phase.name()).unwrap();
        }
    };
    let wishes = async {
        while told.recv().await.unwrap() != "kept" {}
        client.batch_execute("BEGIN; INSERT INTO items VALUES (1, 3, 1)").await.unwrap();
        catalog.leave_wish(record.id, Some(Wish::Rollback)).await.unwrap();
    };
    let (stands, ()) = tokio::join!(coordinator.run(record.clone(), &mut watch), wishes);
    let stands = stands.unwrap_err().to_string();
    assert!(stands.contains("a pause would have been longer"), "{stands}");

    let (before, record) = (holds, catalog.record(record.id).await.unwrap());
    let mut watch = |progress: Progress<'_>| note(&progress, &mut marks, &mut holds);
    coordinator.run(record.clone(), &mut watch).await.unwrap_err();
    client.batch_execute("COMMIT").await.unwrap();
    catalog.leave_wish(record.id, Some(Wish::Rollback)).await.unwrap();
    let mut watch = |progress: Progress<'_>| note(&progress, &mut marks, &mut holds);
    let ending = coordinator.run(record, &mut watch).await.unwrap();
    assert_eq!((ending, holds - before), (Ending::RolledBack, 1), "none without a wish");
    assert!(marks.is_sorted_by(|one, next| one < next), "each is a new one: {marks:?}");
    drop(coordinator);
    stand.assert_clean().await;
    assert_eq!(stand.rows("a").await[&1], (3, 1));
    stand.down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_break_later_is_refused_at_once_and_what_nobody_owns_is_swept() {
    let mut stand = Stand::up(&["a", "b"], &["a"]).await;
    let client = stand.client("a").await;
    for (table, problem) in [
        ("keyless (id bigint PRIMARY KEY, slot int NOT NULL)", "replica identity"),
        ("serial (id bigserial, slot int NOT NULL, PRIMARY KEY (slot, id))", "draws id"),
        (
            "included (id bigint, slot int NOT NULL, PRIMARY KEY (id) INCLUDE (slot))",
            "replica identity",
        ),
        (
            "deferred (id bigint, slot int NOT NULL, PRIMARY KEY (slot, id) DEFERRABLE)",
            "replica identity",
        ),
        ("lonely (id bigint, slot int NOT NULL, PRIMARY KEY (slot, id))", "has no table"),
    ] {
        client.batch_execute(&format!("CREATE TABLE {table}")).await.unwrap();
        let name = table.split(' ').next().unwrap();
        let items = std::mem::replace(&mut stand.fleet.tables, vec![name.parse().unwrap()]);
        let shard = stand.shard("a").await;
        let owned = stand.map().await.slots_of("a");
        let share = Share { slots: stand.fleet.slots, owned: &owned, epoch: 1, is_first: false };
        shard.install(&stand.fleet.tables, share).await.unwrap();
        let mut coordinator = stand.coordinator().await;
        let planned = stand.map().await.plan_move(&SlotSet::of([5]), "b").unwrap();
        let record = coordinator.plan(&planned[0]).await.unwrap();
        stand.fleet.tables = items;
        let ending = coordinator.run(record.clone(), &mut |_| {}).await.unwrap();
        assert_eq!(ending, Ending::Aborted);
        let found = stand.catalog().await.record(record.id).await.unwrap().problem.unwrap();
        assert!(found.contains(problem), "{table}: {found}");
    }
    // A file that has forgotten a table.
    for shard in ["a", "b"] {
        let orders = "CREATE TABLE orders (id bigint, slot int NOT NULL, PRIMARY KEY (slot, id))";
        stand.client(shard).await.batch_execute(orders).await.unwrap();
    }
    let items = vec!["items".parse().unwrap()];
    stand.fleet.tables = vec!["items".parse().unwrap(), "orders".parse().unwrap()];
    stand.fleet.install(&[]).await.unwrap();
    stand.fleet.tables = items;
    let mut coordinator = stand.coordinator().await;
    let planned = stand.map().await.plan_move(&SlotSet::of([5]), "b").unwrap();
    let record = coordinator.plan(&planned[0]).await.unwrap();
    assert_eq!(coordinator.run(record.clone(), &mut |_| {}).await.unwrap(), Ending::Aborted);
    let found = stand.catalog().await.record(record.id).await.unwrap().problem.unwrap();
    assert!(found.contains("orders") && found.contains("not among the tables"), "{found}");
    drop(coordinator);
    stand.assert_clean().await;
    let make = "SELECT pg_create_logical_replication_slot('reshard_99_forward', 'pgoutput')";
    client.execute(make, &[]).await.unwrap();
    client.batch_execute("CREATE PUBLICATION reshard_98_reverse").await.unwrap();
    let swept = stand.coordinator().await.sweep().await.unwrap();
    assert_eq!((swept.removed.len(), swept.kept.len()), (2, 0), "{swept:?}");
    stand.assert_clean().await;
    stand.down().await;
}
