//! A shard that is away holds up what moves with it, and nothing else.

use standfast_reshard::coordinator::{Coordinator, ReshardError};
use standfast_reshard::core::{Ending, SlotSet};

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
