//! What a ghost has half done: a commit under way, a slot in the making; and copies that fail.

use std::time::Duration;

use standfast_reshard::coordinator::Progress;
use standfast_reshard::core::{Action, Ending, Options, Outcome, SlotSet, Wish};
use tokio::time::sleep;

use super::stand::{Stand, patient};

/// A coordinator has looked by then, also on a busy machine, or the test says less.
const A_WHILE: Duration = Duration::from_millis(400);

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_under_way_is_waited_for_before_anybody_believes_that_slots_are_open() {
    let stand = Stand::up(&["a", "b"], &["a"]).await;
    let mut coordinator = stand.coordinator().await;
    let planned = stand.map().await.plan_move(&SlotSet::of(0..8), "b").unwrap();
    let record = coordinator.plan(&planned[0]).await.unwrap();
    stand.catalog().await.leave_wish(record.id, Some(Wish::Abort)).await.unwrap();
    let ghost = stand.client("a").await;
    let close = "BEGIN; UPDATE reshard.slot SET is_open = false WHERE slot < 8";
    ghost.batch_execute(close).await.unwrap();
    let commits = async {
        sleep(A_WHILE).await;
        ghost.batch_execute("COMMIT").await.unwrap();
    };
    let mut watch = |_: Progress<'_>| {};
    let (ending, ()) = tokio::join!(coordinator.run(record, &mut watch), commits);
    assert_eq!(ending.unwrap(), Ending::Aborted);
    drop(coordinator);
    stand.assert_clean().await;
    stand.down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_takes_writes_is_not_emptied_and_the_reason_is_said() {
    let stand = Stand::up(&["a", "b"], &["a"]).await;
    let odd = "UPDATE reshard.slot SET is_open = true WHERE slot = 3; \
               INSERT INTO items VALUES (1, 3, 1)";
    stand.client("b").await.batch_execute(odd).await.unwrap();
    let mut coordinator = stand.coordinator().await;
    let planned = stand.map().await.plan_move(&SlotSet::of(0..8), "b").unwrap();
    let record = coordinator.plan(&planned[0]).await.unwrap();
    let stands = coordinator.run(record, &mut |_| {}).await.unwrap_err().to_string();
    assert!(stands.contains("takes writes of slots") && stands.contains("slot 3"), "{stands}");
    assert_eq!(stand.rows("b").await.len(), 1);
    stand.down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_in_the_making_is_none_yet() {
    let stand = Stand::up(&["a", "b"], &["a"]).await;
    let mut coordinator = stand.coordinator().await;
    let planned = stand.map().await.plan_move(&SlotSet::of(0..8), "b").unwrap();
    let record = coordinator.plan(&planned[0]).await.unwrap();
    let (writer, ghost) = (stand.client("a").await, stand.client("a").await);
    writer.batch_execute("BEGIN; INSERT INTO items VALUES (1, 3, 1)").await.unwrap();
    let make = format!(
        "SELECT pg_create_logical_replication_slot('reshard_{}_forward', 'pgoutput')",
        record.id
    );
    let made = tokio::spawn(async move { ghost.batch_execute(&make).await });
    let mut outcomes = Vec::new();
    let mut watch = |progress: Progress<'_>| {
        if let Progress::Acted { action: Action::MakeSlot(_), outcome, .. } = progress {
            outcomes.push(outcome.clone());
        }
    };
    let commits = async {
        sleep(A_WHILE).await;
        writer.batch_execute("COMMIT").await.unwrap();
    };
    sleep(A_WHILE).await;
    let (ending, ()) = tokio::join!(coordinator.run(record, &mut watch), commits);
    assert_eq!(ending.unwrap(), Ending::Moved);
    made.await.unwrap().unwrap();
    let first = format!("{:?}", outcomes[0]);
    assert!(first.contains("still being made") && outcomes.contains(&Outcome::Done), "{first}");
    stand.assert_clean().await;

    stand.down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_the_target_refuses_is_given_up_and_said() {
    let mut stand = Stand::up(&["a", "b"], &["a"]).await;
    stand.fleet.options = Options { catch_up_max: Duration::from_secs(1), ..patient() };
    stand.client("a").await.batch_execute("INSERT INTO items VALUES (1, 3, 13)").await.unwrap();
    let odd = "ALTER TABLE items ADD CHECK (value <> 13)";
    stand.client("b").await.batch_execute(odd).await.unwrap();
    let mut coordinator = stand.coordinator().await;
    let planned = stand.map().await.plan_move(&SlotSet::of(0..8), "b").unwrap();
    let record = coordinator.plan(&planned[0]).await.unwrap();
    let ending = coordinator.run(record.clone(), &mut |_| {}).await.unwrap();
    let problem = stand.catalog().await.record(record.id).await.unwrap().problem.unwrap();
    assert!(ending == Ending::Aborted && problem.contains("the copy has failed"), "{problem}");
    drop(coordinator);
    stand.assert_clean().await;
    stand.down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slots_of_an_unfinished_copy_go_though_the_follower_cannot_reach_them() {
    let stand = Stand::up(&["a", "b"], &["a"]).await;
    let (a, b) = (stand.client("a").await, stand.client("b").await);
    a.batch_execute("INSERT INTO items VALUES (1, 3, 13)").await.unwrap();
    b.batch_execute("ALTER TABLE items ADD CHECK (value <> 13)").await.unwrap();
    let mut coordinator = stand.coordinator().await;
    let planned = stand.map().await.plan_move(&SlotSet::of(0..8), "b").unwrap();
    let record = coordinator.plan(&planned[0]).await.unwrap();
    let catalog = stand.catalog().await;
    let cut = async {
        let copying = "SELECT count(*) FROM pg_replication_slots WHERE slot_name ~ '_sync_'";
        while a.query_one(copying, &[]).await.unwrap().get::<_, i64>(0) == 0 {
            sleep(Duration::from_millis(5)).await;
        }
        let nowhere = format!(
            "ALTER SUBSCRIPTION reshard_{}_forward CONNECTION 'host=127.0.0.1 port=1'",
            record.id
        );
        b.batch_execute(&nowhere).await.unwrap();
        catalog.leave_wish(record.id, Some(Wish::Abort)).await.unwrap();
    };
    let mut watch = |_: Progress<'_>| {};
    let (ending, ()) = tokio::join!(coordinator.run(record.clone(), &mut watch), cut);
    assert_eq!(ending.unwrap(), Ending::Aborted);
    drop(coordinator);
    stand.assert_clean().await;
    stand.down().await;
}
