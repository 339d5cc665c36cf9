//! `standfast shard move` killed by SIGKILL after any line of its progress: the next one goes on or
//! brings the slots back, no write is lost or done twice, and nothing is left behind.

use std::collections::BTreeMap;

use serde_json::Value;
use standfast_engines::process::Signal;

use crate::place::Place;
use crate::program::Running;
use crate::shard_stand::{ROWS, ShardStand};

/// After every line with `KILL_EVERY=1`, which takes two minutes or so.
const KILL_EVERY: usize = 7;

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_is_killed_after_any_line_loses_nothing_and_leaves_nothing() {
    let place = Place::new().await;
    let stand = ShardStand::up(&place).await;
    let whole = stand.checksums().await[0].clone();
    let writer = stand.writer().await;
    let every = std::env::var("KILL_EVERY").ok().and_then(|every| every.parse().ok());
    let every: usize = every.unwrap_or(KILL_EVERY);
    // Where it was killed, and how the move ended.
    let (mut line, mut owner, mut kills) = (1, 0, Vec::<[String; 2]>::new());
    loop {
        let target = ["b", "a"][owner];
        let words = ["shard", "move", "0-15", target, "--progress", "json", "--config"];
        let running = place.start(&[&words[..], &[&stand.config]].concat());
        let Some(phase) = killed_after(running, line).await else {
            owner = 1 - owner;
            break;
        };
        // In turn: the next one goes on, or somebody wants the slots back.
        let is_turned_back = kills.len() % 2 == 1;
        let ending = end_of(&place, &stand, is_turned_back).await;
        owner = if ending == "moved" { 1 - owner } else { owner };
        let sums = stand.checksums().await;
        assert_eq!(sums[owner], whole, "killed after line {line} ({phase}), then {ending}");
        assert_eq!(sums[1 - owner], (0, "0".to_owned()), "after line {line} ({phase}), {ending}");
        place
            .must(&["shard", "sweep", "--config", &stand.config])
            .await
            .says("nothing was left behind");
        kills.push([phase, ending]);
        line += every;
    }
    let written = writer.stop().await;
    let expected: BTreeMap<i64, i64> =
        (1..=ROWS).map(|id| (id, written.get(&id).copied().unwrap_or(0))).collect();
    assert_eq!(stand.values().await, expected, "each acknowledged write once");
    assert_eq!(stand.checksums().await[owner], whole);
    let acknowledged: i64 = written.values().sum();
    println!("{} kills, {acknowledged} writes acknowledged: {kills:?}", kills.len());
    assert!(kills.len() * every > 30, "a move has more lines than {} kills", kills.len());
    let endings: Vec<&str> = kills.iter().map(|[_, ending]| ending.as_str()).collect();
    assert!(endings.contains(&"moved") && endings.contains(&"aborted"), "{endings:?}");
    stand.down().await;
}

/// Kills it when it has told `line` lines; answers the phase of the last one, or nothing when it
/// has ended before.
async fn killed_after(mut running: Running, line: usize) -> Option<String> {
    let told = running.until_lines(line).await?;
    let was_killed = running.is_signalled(Signal::SIGKILL);
    let finished = running.end().await;
    // Between its last lines and its end is no time: it may have come to it before the signal.
    if !was_killed || finished.code == Some(0) {
        assert_eq!(finished.code, Some(0), "{finished:?}");
        return None;
    }
    let last: Value = serde_json::from_str(told.lines().last().unwrap_or_default())
        .unwrap_or_else(|error| panic!("{error}: {told}"));
    Some(last["phase"].as_str().unwrap_or_default().to_owned())
}

/// Goes on with what is under way, or turns it back; answers how the move ended.
async fn end_of(place: &Place, stand: &ShardStand, is_turned_back: bool) -> String {
    let config = stand.config.as_str();
    let status =
        async || place.must(&["shard", "status", "--json", "--config", config]).await.json();
    let is_open = |status: &Value| status["moves"][0]["phase"]["name"] != "ended";
    // The server may not have noticed yet that the killed one is gone, and with it its lock.
    let free = async || (status().await["coordinated"] == false).then_some(());
    let patience = std::time::Duration::from_secs(60);
    let freed = standfast_engines::wait_until(patience, free).await;
    freed.expect("the lock of a process that is gone is free");
    if is_turned_back && is_open(&status().await) {
        // It answers 0 or, while cleaning, that there is nothing to turn back any more.
        place.standfast(&["shard", "rollback", "--config", config]).await;
    }
    let resumed = place.standfast(&["shard", "resume", "--config", config]).await;
    assert!(matches!(resumed.code, Some(0 | 1)), "{resumed:?}");
    let status = status().await;
    assert!(!is_open(&status), "{status}");
    status["moves"][0]["phase"]["ending"].as_str().unwrap_or_default().to_owned()
}
