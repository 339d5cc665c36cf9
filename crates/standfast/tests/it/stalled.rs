//! A machine that stands still in the middle of a trial: the trial is run again, and says so.

use std::time::Duration;

use nix::unistd::geteuid;
use standfast_engines::process::Signal;
use standfast_lab::run::{RunFolder, StoredRun};
use standfast_lab::verdict::ArmResult;

use crate::cli::shop;

/// Of 44 sends at 20/s, so many become due in it that far more than 1 % are late.
const STANDSTILL: Duration = Duration::from_millis(600);

#[tokio::test]
async fn a_trial_in_which_the_machine_stood_still_is_run_again() {
    let place = shop(&[]).await;
    let mut run = place.start(&["run", "shop/open.toml", "--json"]);
    run.wait_for("pause cache: in effect").await;
    // To the generator, not to run is what it is to have no processor.
    run.signal(Signal::SIGSTOP);
    tokio::time::sleep(STANDSTILL).await;
    run.signal(Signal::SIGCONT);
    let finished = run.end().await.says("run again as trial 2: load not delivered");

    let folders = std::fs::read_dir(place.directory().join("runs")).unwrap();
    let folder = RunFolder::at(folders.into_iter().next().unwrap().unwrap().path());
    let stored = StoredRun::read(&folder).unwrap();
    assert_eq!(serde_json::to_value(&stored.result).unwrap(), finished.json());
    let arm: &ArmResult = &stored.result.arms[0];
    let replaced: Vec<_> = arm.replaced.iter().map(|old| (old.trial, old.by, old.seed)).collect();
    assert_eq!(replaced, [(1, 2, 1)], "at most as often as was planned");
    assert_eq!((arm.trials, arm.runs[0].trial, arm.runs[0].seed), (1, 2, 2));
    let warnings = &stored.result.warnings;
    assert!(warnings.iter().any(|text| text.starts_with("treatment trial 1 was run again")));
    for trial in [1, 2] {
        let of_trial = stored.operations.iter().filter(|tagged| tagged.trial == trial);
        assert_eq!(of_trial.count(), 44, "2.2 s at 20/s, all of them kept");
        assert!(folder.logs().join(format!("treatment-{trial}")).is_dir());
    }
    let first = stored.operations.iter().filter(|tagged| tagged.trial == 1);
    let woken = first.filter(|tagged| tagged.record.woken_us.is_some()).count();
    // Ordinary users have no real-time priority, and then nobody knows why it slept.
    assert!(woken >= 5 || !geteuid().is_root(), "{woken} sends were overslept");
    let page = std::fs::read_to_string(folder.report()).unwrap();
    assert!(page.contains("Trials that were run again"));
}
