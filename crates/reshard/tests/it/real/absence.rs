//! A shard that is away holds up what moves with it, and nothing else.

use standfast_reshard::coordinator::{Coordinator, Progress, ReshardError};
use standfast_reshard::core::{Action, Ending, Phase, Record, SlotSet};
use tokio::sync::Notify;

use super::stand::{PATIENCE, Stand};

#[tokio::test(flavor = "multi_thread")]
async fn moves_between_others_end_while_a_shard_is_away_and_its_own_when_it_is_back() {
    let stand = Stand::up(&["a", "b", "c"], &["a", "b"]).await;
    let first = stand.coordinator().await;
    let map = stand.map().await;
    let (to_c, to_b) = (SlotSet::of([1]), SlotSet::of([2]));
    // The older one is the one that cannot go on.
    let waits = first.plan(&map.plan_move(&to_c, "c").unwrap()[0]).await.unwrap();
    let goes = first.plan(&map.plan_move(&to_b, "b").unwrap()[0]).await.unwrap();
    drop(first);
    stand.engine("c").kill().await.unwrap();

    let left_out = stand.fleet.install(&["a".to_owned()]).await.unwrap();
    assert_eq!(left_out.len(), 1, "a process that starts now starts all the same: {left_out:?}");
    let mut second = Coordinator::begin(stand.fleet.clone(), PATIENCE).await.unwrap();
    let standing = second.run(waits.clone(), &mut |_| {}).await.unwrap_err();
    let is_said = matches!(&standing, ReshardError::Stands { id, .. } if *id == waits.id);
    assert!(is_said && standing.to_string().contains("`c`"), "{standing}");
    assert_eq!(second.run(goes, &mut |_| {}).await.unwrap(), Ending::Moved);
    let swept = second.sweep().await.unwrap();
    let unreached: Vec<&str> = swept.unreached.iter().map(|one| one.shard.as_str()).collect();
    assert_eq!(unreached, ["c"]);
    let refused = second.reach_for(&map.plan_move(&to_c, "c").unwrap()).await;
    assert!(refused.is_err(), "whoever would rather not begin is told before");

    stand.engine("c").start().await.unwrap();
    assert_eq!(second.run(waits, &mut |_| {}).await.unwrap(), Ending::Moved);
    assert_eq!(second.sweep().await.unwrap().unreached, []);
    drop(second);
    stand.assert_clean().await;
    stand.down().await;
}

/// Moves slot 40 from `b` to `c` and is cut off where `is_there` says so.
async fn cut_off(stand: &Stand, is_there: impl Fn(&Progress<'_>) -> bool + Sync) -> Record {
    let mut first = stand.coordinator().await;
    let planned = stand.map().await.plan_move(&SlotSet::of([40]), "c").unwrap();
    let record = first.plan(&planned[0]).await.unwrap();
    let reached = Notify::new();
    let mut watch = |progress: Progress<'_>| {
        if is_there(&progress) {
            reached.notify_one();
        }
    };
    tokio::select! {
        biased;
        () = reached.notified() => {}
        ended = first.run(record.clone(), &mut watch) => panic!("{ended:?}"),
    }
    drop(first);
    stand.catalog().await.record(record.id).await.unwrap()
}

async fn is_open(stand: &Stand, shard: &str) -> bool {
    let open = "SELECT is_open FROM reshard.slot WHERE slot = 40";
    stand.client(shard).await.query_one(open, &[]).await.unwrap().get(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn slots_that_were_left_closed_are_opened_though_the_other_shard_is_away() {
    let stand = Stand::up(&["a", "b", "c"], &["a", "b"]).await;
    let is_closed = |progress: &Progress<'_>| {
        let Progress::Acted { action, .. } = progress else { return false };
        matches!(action, Action::Close(_))
    };
    let record = cut_off(&stand, is_closed).await;
    assert_eq!((record.phase, is_open(&stand, "b").await), (Phase::CuttingOver, false));
    stand.engine("c").kill().await.unwrap();
    let mut second = stand.coordinator().await;
    let standing = second.run(record.clone(), &mut |_| {}).await.unwrap_err();
    assert!(matches!(standing, ReshardError::Stands { .. }), "{standing}");
    assert!(is_open(&stand, "b").await, "the old owner is there, and takes writes again");
    stand.engine("c").start().await.unwrap();
    let record = second.catalog().record(record.id).await.unwrap();
    assert_eq!(second.run(record, &mut |_| {}).await.unwrap(), Ending::Aborted);
    drop(second);
    stand.assert_clean().await;

    let is_switched = |progress: &Progress<'_>| {
        let Progress::Phase(record) = progress else { return false };
        record.phase.name() == "switched"
    };
    let record = cut_off(&stand, is_switched).await;
    assert!(!is_open(&stand, "b").await && !is_open(&stand, "c").await);
    stand.engine("b").kill().await.unwrap();
    let mut second = stand.coordinator().await;
    let standing = second.run(record.clone(), &mut |_| {}).await.unwrap_err();
    assert!(matches!(standing, ReshardError::Stands { .. }), "{standing}");
    assert!(is_open(&stand, "c").await, "the new owner is there, and takes writes");
    stand.engine("b").start().await.unwrap();
    assert_eq!(second.run(record, &mut |_| {}).await.unwrap(), Ending::Moved);

    let mut fleet = stand.fleet.clone();
    fleet.shards.retain(|address| address.name != "b");
    let planned = stand.map().await.plan_move(&SlotSet::of([41]), "c").unwrap();
    let record = second.plan(&planned[0]).await.unwrap();
    drop(second);
    let mut third = Coordinator::begin(fleet, PATIENCE).await.unwrap();
    let standing = third.run(record, &mut |_| {}).await.unwrap_err().to_string();
    assert!(standing.contains("no shard is called `b`") && standing.contains("stands still"));
    stand.down().await;
}
