//! `standfast shard resume` after a coordinator that was killed in several moves: what has begun
//! goes on, whatever became of the moves before it, and what has not can wait.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::time::Duration;

use standfast_reshard::coordinator::{Coordinator, Progress};
use standfast_reshard::core::{Action, Options, Phase, Record, SlotSet, Wish};
use tokio::sync::Notify;

use crate::place::Place;
use crate::shard_stand::ShardStand;

const PATIENCE: Duration = Duration::from_secs(30);

/// Moves `slots` from `a` to `b`, and is cut off where `is_there` says so.
async fn cut_off(
    coordinator: &mut Coordinator,
    slots: SlotSet,
    is_there: impl Fn(&Progress<'_>) -> bool + Sync,
) -> Record {
    let map = coordinator.catalog().map().await.unwrap().unwrap();
    let planned = map.plan_move(&slots, "b").unwrap();
    let record = coordinator.plan(&planned[0]).await.unwrap();
    let reached = Notify::new();
    let mut watch = |progress: Progress<'_>| {
        if is_there(&progress) {
            reached.notify_one();
        }
    };
    tokio::select! {
        biased;
        () = reached.notified() => {}
        ended = coordinator.run(record.clone(), &mut watch) => panic!("{ended:?}"),
    }
    record
}

#[tokio::test(flavor = "multi_thread")]
async fn moves_whose_slots_are_closed_go_on_though_one_before_them_is_rolled_back() {
    let place = Place::new().await;
    let stand = ShardStand::up(&place).await;
    let options = Options { keep: Duration::from_secs(3600), ..stand.fleet().options };
    let fleet = standfast_reshard::coordinator::Fleet { options, ..stand.fleet() };
    let mut killed = Coordinator::begin(fleet, PATIENCE).await.unwrap();
    let is_kept = |progress: &Progress<'_>| {
        let Progress::Phase(record) = progress else { return false };
        matches!(record.phase, Phase::Kept { .. })
    };
    let first = cut_off(&mut killed, SlotSet::of(0..4), is_kept).await;
    drop(killed);
    let mut killed = Coordinator::begin(stand.fleet(), PATIENCE).await.unwrap();
    let is_closed = |progress: &Progress<'_>| {
        let Progress::Acted { action, .. } = progress else { return false };
        matches!(action, Action::Close(_))
    };
    cut_off(&mut killed, SlotSet::of(8..12), is_closed).await;
    let map = killed.catalog().map().await.unwrap().unwrap();
    let third = map.plan_move(&SlotSet::of([14]), "b").unwrap();
    killed.plan(&third[0]).await.unwrap();
    killed.catalog().leave_wish(first.id, Some(Wish::Rollback)).await.unwrap();
    drop(killed);

    let shard = async |words: &[&str]| {
        place.standfast(&[&["shard"], words, &["--config", &stand.config]].concat()).await
    };
    // The server may not have noticed yet that the killed one is gone.
    let free = async || {
        let status = shard(&["status", "--json"]).await.json();
        (status["coordinated"] == false).then_some(())
    };
    standfast_engines::wait_until(PATIENCE, free).await.expect("the lock is free");
    shard(&["remove", "b"]).await.exits(2).says("slots are on their way to shard `b`");
    shard(&["move", "1-15", "b"]).await.exits(2).says("on the move already");
    let resumed = shard(&["resume"]).await.exits(1);
    resumed.says("rolled-back").says("1 moves are planned still");
    let status = shard(&["status", "--json"]).await.exits(0).json();
    let moves: Vec<&str> = status["moves"].as_array().unwrap().iter().map(phase).collect();
    assert_eq!(moves, ["planned", "moved", "rolled-back"], "the newest first, and no others");
    shard(&["resume"]).await.exits(0);
    stand.checksums().await;
    stand.down().await;
}

fn phase(record: &serde_json::Value) -> &str {
    let phase = &record["phase"];
    phase["ending"].as_str().or(phase["name"].as_str()).unwrap_or_default()
}
