//! A shard comes and goes while clients write.

use std::collections::BTreeSet;

use standfast_reshard::coordinator::Progress;
use standfast_reshard::core::{Action, Ending, Outcome};

use super::stand::Stand;
use super::writers::{Writers, assert_held};

#[tokio::test(flavor = "multi_thread")]
async fn two_shards_become_three_and_two_again_and_no_write_is_lost_or_doubled() {
    let stand = Stand::up(&["a", "b", "c"], &["a", "b"]).await;
    let writers = Writers::start(&stand, 4).await;
    let mut coordinator = stand.coordinator().await;
    let (mut compared, mut phases) = (0, BTreeSet::new());
    let mut watch = |progress: Progress<'_>| match progress {
        Progress::Phase(record) => drop(phases.insert(record.phase.name())),
        Progress::Acted { action: Action::Compare(_), outcome, .. } => {
            let Outcome::Compared(comparison) = outcome else { panic!("{outcome:?}") };
            assert_eq!(comparison.differences, [], "both shards at one point of the log");
            compared += 1;
        }
        Progress::Acted { .. } => {}
    };
    for planned in stand.map().await.plan_add("c").unwrap() {
        coordinator.plan(&planned).await.unwrap();
    }
    let ended = coordinator.resume(&mut watch).await.unwrap();
    assert_eq!(ended.iter().map(|(_, ending)| *ending).collect::<Vec<_>>(), [Ending::Moved; 2]);
    let map = stand.map().await;
    assert_eq!((map.epoch, map.slots_of("c").len()), (3, 21), "a third, by two moves");
    writers.until_refused().await;
    for planned in map.plan_remove("c").unwrap() {
        coordinator.plan(&planned).await.unwrap();
    }
    coordinator.resume(&mut watch).await.unwrap();
    let acknowledged = writers.stop().await;
    assert!(acknowledged.len() > 50, "there was something to lose: {}", acknowledged.len());
    stand.assert_clean().await;
    assert_held(&stand, &acknowledged).await;
    assert_eq!((compared, phases.len()), (8, 11), "two comparisons a move, every phase");
    stand.down().await;
}
