//! What a person sees who watches a run: in a real terminal, which tmux is.

use std::time::Duration;

use standfast_engines::wait_until;

use crate::place::Place;
use crate::processes;
use crate::program::Running;

/// Bounds a test that fails.
const PATIENCE: Duration = Duration::from_secs(60);

const EXPERIMENT: &str = r#"title = "The cache hangs"
system = "cache-fallback"
trials = 1
duration = "4s"
warm_up = "500ms"
settle = "500ms"
[[load]]
scenario = "read-offer"
rate = "50/s"
[[timeline]]
at = "1s"
fault = { kind = "pause", target = "cache" }
for = "2s"
[[claim]]
that = "availability"
during = "fault"
at_least = "50 %"
"#;

/// tmux with a server of its own, which the place's folder names.
async fn tmux(place: &Place, words: &[&str]) -> String {
    let mut command = place.command("tmux");
    command.arg("-S").arg(place.directory().join("tmux")).args(words).env_remove("TMUX");
    let finished = Running::of(&mut command).end().await;
    assert_eq!(finished.code, Some(0), "{words:?}: {}", finished.stderr);
    finished.stdout
}

async fn wait_for_screen(place: &Place, parts: &[&str]) -> String {
    let seen = wait_until(PATIENCE, || async {
        let screen = tmux(place, &["capture-pane", "-p"]).await;
        parts.iter().all(|part| screen.contains(part)).then_some(screen)
    });
    match seen.await {
        Some(screen) => screen,
        None => panic!("never {parts:?}: {}", tmux(place, &["capture-pane", "-p"]).await),
    }
}

#[tokio::test]
async fn a_run_shows_one_line_that_is_rewritten_and_then_the_verdict() {
    let place = Place::new().await;
    if place.command("tmux").arg("-V").output().await.is_err() {
        eprintln!("skipped: tmux is not here");
        return;
    }
    place.write("hangs.toml", EXPERIMENT);
    // As in a terminal of a person, not in continuous integration.
    let run = format!("env -u CI {} run hangs.toml; cat", env!("CARGO_BIN_EXE_standfast"));
    tmux(&place, &["new-session", "-d", "-x", "100", "-y", "40", &run]).await;
    let screen = wait_for_screen(&place, &["answered", "pause cache"]).await;
    let lines = screen.lines().filter(|line| line.contains("answered"));
    assert_eq!(lines.count(), 1, "one line, rewritten: {screen}");
    let screen = wait_for_screen(&place, &["Report:"]).await;
    assert!(screen.contains("holds") && screen.contains("≥ 50 %"), "{screen}");
    assert!(!screen.contains("answered"), "the line is gone: {screen}");
    assert!(screen.lines().all(|line| line.chars().count() <= 100), "{screen}");
    tmux(&place, &["kill-server"]).await;
    processes::wait_until_none(&place).await;
}
