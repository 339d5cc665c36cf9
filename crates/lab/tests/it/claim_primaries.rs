//! The claim that a cluster never has two primaries, on records made by hand.

#![expect(clippy::unwrap_used, reason = "helpers of a test fail by panicking, as tests do")]

use standfast_history::Event;
use standfast_lab::claim::{TrialRecord, judge_trial};
use standfast_lab::verdict::Verdict;

use crate::claim_shop::load;

const SYSTEM: &str = r#"name = "shop"
title = "A shop"
[engine.a]
kind = "postgres"
port = 5432
database = "shop"
user = "shop"
managed_by = "watchdog"
[engine.b]
kind = "postgres"
port = 5433
replica_of = "a"
managed_by = "watchdog"
[service.watchdog]
run = ["watchdog"]
port = 8000
actuates = ["a", "b"]
[scenario.look]
service = "watchdog"
path = "/status"
"#;

const EXPERIMENT: &str = r#"title = "There is one primary"
system = "shop"
duration = "20s"
[[load]]
scenario = "look"
rate = "5/s"
[[timeline]]
at = "5s"
fault = { kind = "kill", target = "a" }
for = "5s"
[[timeline]]
at = "7s"
fault = { kind = "start_by_hand", target = "a" }
[[claim]]
that = "two_primaries"
"#;

fn reigned(server: &str, from_us: u64, until_us: u64) -> Event {
    let event = Event::new(until_us, "lab", "reigned").about(server).with("cluster", "watchdog");
    event.with("from_us", from_us).with("until_us", until_us)
}

fn check(events: Vec<Event>, expected: (Verdict, &str)) {
    let experiment = load(SYSTEM, EXPERIMENT).unwrap();
    let record = TrialRecord { end_us: 9_000_000, events, ..TrialRecord::default() };
    let trial = judge_trial(&experiment.claims[0], &record);
    let told = trial.reason.clone().unwrap_or_else(|| trial.evidence.join("; "));
    assert_eq!((trial.verdict, told.as_str()), expected);
}

#[test]
fn two_servers_that_took_writes_at_once_refute_it() {
    let one_after_the_other = vec![reigned("a", 0, 5_000_000), reigned("b", 5_300_000, 9_000_000)];
    check(one_after_the_other, (Verdict::Holds, ""));
    let at_once = vec![reigned("a", 0, 5_500_000), reigned("b", 5_300_000, 9_000_000)];
    let told = "two primaries of watchdog: a and b took writes for 200 ms";
    check(at_once, (Verdict::Refuted, told));
}

#[test]
fn when_nobody_was_seen_to_take_writes_nothing_is_known() {
    let other = Event::new(1, "watchdog", "promoted").about("a");
    check(vec![other], (Verdict::Unknown, "no server was seen to take writes"));
}

#[test]
fn it_is_about_databases_and_the_whole_run() {
    let problem = |system: &str, experiment: &str| {
        let error = load(system, experiment).unwrap_err().to_string();
        error.split_once("claim 1: ").unwrap().1.lines().next().unwrap().to_owned()
    };
    let with = |more: &str| format!("{EXPERIMENT}{more}\n");
    assert_eq!(
        problem(SYSTEM, &with("of = \"look\"")),
        "two_primaries is about databases, not `of` a scenario"
    );
    assert_eq!(
        problem(SYSTEM, &with("during = \"fault\"")),
        "it is of the whole run, not of a phase"
    );
    let plain = SYSTEM.replace("managed_by = \"watchdog\"\n", "").replace("actuates", "#");
    let plain_experiment = EXPERIMENT.replace("start_by_hand", "kill").replace("7s", "12s");
    assert_eq!(
        problem(&plain, &plain_experiment),
        "two_primaries needs databases with `managed_by`, and there are none"
    );
}

#[test]
fn who_is_started_by_hand_was_kept_down_by_somebody() {
    let plain = SYSTEM.replace("managed_by = \"watchdog\"\n", "").replace("actuates", "#");
    let error = load(&plain, EXPERIMENT).unwrap_err().to_string();
    let told = "cannot start_by_hand `a`: nobody keeps it down: it has no `managed_by`";
    assert!(error.contains(told), "{error}");
}
