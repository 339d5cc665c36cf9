//! `kill -9` of whatever watches over the processes: none of them survives, and the next start
//! finds its way over the remains.

use std::time::Duration;

use standfast_engines::process::{ProcessId, Signal};
use standfast_engines::wait_until;
use standfast_history::{Event, Operation};

use crate::place::{CACHE_FALLBACK_PORTS, Place, free_ports};
use crate::processes::{self, Process};
use crate::program::Running;

/// Bounds a test that fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// A replica that is frozen for most of the run: frozen backends are the hardest to be rid of,
/// since nothing but SIGKILL ends them.
const FROZEN: &str = r#"title = "The replica hangs"
system = "cache-fallback"
trials = 1
duration = "30s"
warm_up = "500ms"
settle = "1s"
[[load]]
scenario = "read-offer"
rate = "50/s"
[[timeline]]
at = "1s"
fault = { kind = "pause", target = "replica" }
for = "25s"
[[claim]]
that = "availability"
during = "fault"
at_least = "1 %"
"#;

/// Starts a run and waits until its replica is frozen.
async fn frozen_run(place: &Place) -> Running {
    place.write("frozen.toml", FROZEN);
    let mut run = place.start(&["run", "frozen.toml"]);
    run.wait_for("pause replica: in effect").await;
    let processes = processes::of(place);
    assert!(processes.iter().any(|process| process.state == 'T'), "{processes:#?}");
    for part in ["valkey", "postgres", "serve", "guard"] {
        assert!(processes.iter().any(|process| process.command.contains(part)), "no {part}");
    }
    run
}

fn guardian(processes: &[Process]) -> ProcessId {
    let guardian = processes.iter().find(|process| process.command.ends_with(" guard"));
    ProcessId::of(guardian.expect("there is a guardian").pid).expect("it lives")
}

/// A start over the remains works, and removes what belonged to the dead run only.
async fn starts_over_the_remains(place: &Place) {
    let left = place.instances();
    assert_eq!(left.len(), 1, "the dead run had no time to delete its instance: {left:?}");
    let port = free_ports(CACHE_FALLBACK_PORTS).to_string();
    place.must(&["up", "cache-fallback", "-d", "--name", "next", "--port-base", &port]).await;
    assert_eq!(place.instances(), ["next"], "the folder of the dead run is gone");
    place.must(&["down", "--data"]).await;
    processes::wait_until_none(place).await;
}

#[tokio::test]
async fn a_run_that_is_killed_leaves_no_process() {
    let place = Place::new().await;
    let run = frozen_run(&place).await;
    run.signal(Signal::SIGKILL);
    run.end().await;
    processes::wait_until_none(&place).await;
    starts_over_the_remains(&place).await;
}

#[tokio::test]
async fn when_the_guardian_dies_as_well_the_next_start_cleans_up() {
    let place = Place::new().await;
    let run = frozen_run(&place).await;
    let guardian = guardian(&processes::of(&place));
    assert!(guardian.signal(Signal::SIGKILL));
    run.signal(Signal::SIGKILL);
    run.end().await;
    // The kernel ends the direct children; nobody is there for the frozen backends of the replica.
    starts_over_the_remains(&place).await;
}

#[tokio::test]
async fn a_supervisor_that_is_killed_leaves_no_process_and_keeps_the_data() {
    let place = Place::new().await;
    let port = free_ports(CACHE_FALLBACK_PORTS).to_string();
    let up = ["up", "cache-fallback", "-d", "--name", "shop", "--port-base", &port];
    place.must(&up).await;
    kill_supervisor(&place).await;
    processes::wait_until_none(&place).await;
    place.must(&up).await;

    // Without its guardian, nobody is there to end a frozen replica before the next start.
    place.must(&["fault", "pause", "--target", "replica"]).await;
    assert!(guardian(&processes::of(&place)).signal(Signal::SIGKILL));
    kill_supervisor(&place).await;
    place.must(&["start"]).await;
    let status = place.must(&["ps", "--json"]).await.json();
    let all = status[0]["processes"].as_array().expect("a list");
    assert!(all.iter().all(|process| process["state"] == "ready"), "{status}");
    assert_eq!(place.instances(), ["shop"]);
    place.must(&["down", "--data"]).await;
    processes::wait_until_none(&place).await;
}

/// Kills what `up -d` left behind to watch over the system; `ps` then says so.
async fn kill_supervisor(place: &Place) {
    let status = place.must(&["ps", "--json"]).await.json();
    let pid = status[0]["supervisor"].as_u64().and_then(|pid| u32::try_from(pid).ok());
    let supervisor = ProcessId::of(pid.expect("it is supervised")).expect("it lives");
    assert!(supervisor.signal(Signal::SIGKILL));
    // While its threads end one by one, `ps` may still find it, or lose it halfway.
    let is_noticed = wait_until(PATIENCE, || async {
        let ps = place.standfast(&["ps", "--json"]).await;
        (ps.code == Some(0) && ps.json()[0]["supervisor"].is_null()).then_some(())
    });
    assert!(is_noticed.await.is_some(), "`ps` says that nobody looks after it");
}

#[tokio::test]
async fn a_run_that_is_interrupted_heals_cleans_up_and_reports_what_it_has() {
    let place = Place::new().await;
    let run = frozen_run(&place).await;
    run.signal(Signal::SIGINT);
    run.end().await.exits(130).says("interrupted");
    processes::wait_until_none(&place).await;
    assert_eq!(place.instances(), [""; 0], "its instance is gone");
    let runs = std::fs::read_dir(place.directory().join("runs")).unwrap();
    let run = runs.into_iter().next().expect("there is one").unwrap().path();
    let result = std::fs::read_to_string(run.join("result.json")).unwrap();
    let result: serde_json::Value = serde_json::from_str(&result).unwrap();
    assert_eq!(result["outcome"], "interrupted");
    assert!(run.join("report.html").is_file());
    let operations: Vec<Operation> =
        standfast_history::read_jsonl(&run.join("history.jsonl.zst")).unwrap();
    assert!(!operations.is_empty(), "what clients saw until then is kept");
    let events = standfast_history::read_jsonl::<Event>(&run.join("events.jsonl")).unwrap();
    let about_replica: Vec<&str> = events
        .iter()
        .filter(|event| event.source == "lab" && event.target.as_deref() == Some("replica"))
        .map(|event| event.event.as_str())
        .collect();
    assert_eq!(about_replica, ["injecting", "injected", "healing", "healed"]);
}
