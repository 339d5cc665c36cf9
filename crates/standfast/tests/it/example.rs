//! The user's own system: a folder outside of the repository, without a line of Rust.

use std::fs;
use std::path::{Path, PathBuf};

use standfast_engines::{Home, Tool, find};
use standfast_lab::verdict::{ExperimentResult, Outcome, outcome_if_delivered};

use crate::place::Place;
use crate::processes;

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/nginx-two-pythons")
}

/// On a developer's machine that lacks it; continuous integration must have it.
#[expect(clippy::print_stderr, reason = "a test that is skipped must say so")]
fn is_nginx_missing() -> bool {
    let Err(missing) = find(Tool::Nginx, &Home::locate().expect("there is a home")) else {
        return false;
    };
    let is_ci = std::env::var_os("CI").is_some_and(|value| !value.is_empty());
    assert!(!is_ci, "{missing}");
    eprintln!("SKIPPED, though it matters: {missing}");
    true
}

#[tokio::test]
async fn nginx_hides_the_loss_of_one_of_two_python_servers() {
    if is_nginx_missing() {
        return;
    }
    let place = Place::alone().await;
    let folder = place.directory().join("mine");
    fs::create_dir_all(&folder).unwrap();
    for entry in fs::read_dir(example()).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), folder.join(entry.file_name())).unwrap();
    }
    let words = ["run", "mine/experiment.toml", "--json", "--junit", "junit.xml"];
    let run = place.standfast(&words).await;
    let result: ExperimentResult = serde_json::from_value(run.json()).unwrap();
    let (outcome, reasons) = outcome_if_delivered(&result);
    assert_eq!(outcome, Outcome::Holds, "{reasons:?}");
    assert_eq!(result.arms.len(), 2, "with the tactic and without");
    if result.outcome != Outcome::Holds {
        eprintln!("the exit code and JUnit are not judged, the load was not delivered");
        return;
    }
    assert_eq!(run.code, Some(0));
    let junit = fs::read_to_string(place.directory().join("junit.xml")).unwrap();
    assert!(junit.contains("nginx-two-pythons") && junit.contains("failures=\"0\""), "{junit}");
    processes::wait_until_none(&place).await;
    assert_eq!(place.instances(), [""; 0]);
}
