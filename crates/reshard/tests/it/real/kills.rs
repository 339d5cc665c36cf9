//! A coordinator that is gone after any of its actions is continued by the next one.

use standfast_reshard::coordinator::Progress;
use standfast_reshard::core::{Ending, SlotSet};
use tokio::sync::Notify;

use super::stand::Stand;
use super::writers::{Writers, assert_held};

/// Every action of a move is killed after in turn with `KILL_EVERY=1`, which takes a minute or two.
const KILL_EVERY: usize = 5;

#[tokio::test(flavor = "multi_thread")]
async fn a_coordinator_that_is_killed_after_any_action_is_continued_by_the_next() {
    let stand = Stand::up(&["a", "b"], &["a", "b"]).await;
    let writers = Writers::start(&stand, 2).await;
    let slots = SlotSet::of(0..16);
    let every = std::env::var("KILL_EVERY").ok().and_then(|every| every.parse().ok());
    let every: usize = every.unwrap_or(KILL_EVERY);
    let (mut kill_at, mut target, mut kills) = (1, "b", 0);
    loop {
        let planned = stand.map().await.plan_move(&slots, target).unwrap();
        let mut coordinator = stand.coordinator().await;
        let record = coordinator.plan(&planned[0]).await.unwrap();
        let (mut actions, reached) = (0, Notify::new());
        let mut watch = |progress: Progress<'_>| {
            actions += usize::from(matches!(progress, Progress::Acted { .. }));
            if actions == kill_at {
                reached.notify_one();
            }
        };
        // Whatever it does when the word comes is cut off there.
        let ended = tokio::select! {
            biased;
            () = reached.notified() => None,
            ended = coordinator.run(record.clone(), &mut watch) => Some(ended.unwrap()),
        };
        if ended.is_some() {
            assert_eq!(ended, Some(Ending::Moved));
            break;
        }
        kills += 1;
        drop(coordinator);
        let mut successor = stand.coordinator().await;
        let ended = successor.resume(&mut |_| {}).await.unwrap();
        // Killed after its last action, it has left nothing to do.
        assert!(ended.len() <= 1, "{ended:?}");
        let record = successor.catalog().record(record.id).await.unwrap();
        let outcome = (record.ending(), record.problem.as_deref());
        assert_eq!(outcome, (Some(Ending::Moved), None), "after {kill_at}");
        drop(successor);
        stand.assert_clean().await;
        target = if target == "a" { "b" } else { "a" };
        kill_at += every;
    }
    assert!(kills * every > 30, "a move has more actions than {kills} kills");
    let acknowledged = writers.stop().await;
    stand.assert_clean().await;
    assert_held(&stand, &acknowledged).await;
    stand.down().await;
}
