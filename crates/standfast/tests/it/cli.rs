//! The command line as a contract: help, exit codes, messages, JSON, broken pipes.

use serde_json::Value;
use standfast_lab::fault::FaultKind;
use standfast_lab::verdict::{ExperimentResult, Outcome, outcome_if_delivered};

use crate::place::{Place, free_ports};
use crate::program::Running;

/// A cache and a web server, which come up in a moment.
const SHOP: &str = r#"name = "shop"
title = "A shop"
[engine.cache]
kind = "valkey"
port = 6379
[service.web]
run = ["python3", "-m", "http.server", "{port}", "--bind", "127.0.0.1"]
port = 5000
needs = ["cache"]
ready = { http = "/", within = "20s" }
[tactic.politeness]
title = "Greet"
[scenario.home]
service = "web"
path = "/"
"#;

const EXPERIMENT: &str = r#"title = "The shop stays open"
system = "."
trials = 1
duration = "2s"
warm_up = "200ms"
settle = "200ms"
[[load]]
scenario = "home"
rate = "20/s"
[[timeline]]
at = "500ms"
fault = { kind = "pause", target = "cache" }
for = "500ms"
[[claim]]
that = "availability"
during = "fault"
at_least = "1 %"
"#;

/// A place with the shop and its experiment, the latter changed as said.
pub(crate) async fn shop(changes: &[(&str, &str)]) -> Place {
    let place = Place::new().await;
    place.write("shop/system.toml", SHOP);
    let experiment = changes.iter().fold(EXPERIMENT.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "nothing to change: {from}");
        text.replacen(from, to, 1)
    });
    place.write("shop/open.toml", &experiment);
    place
}

/// Runs the changed experiment, which must be refused before anything starts.
async fn refused(changes: &[(&str, &str)], parts: &[&str]) {
    let place = shop(changes).await;
    let mut finished = place.standfast(&["run", "shop/open.toml"]).await.exits(2);
    for part in parts {
        finished = finished.says(part);
    }
    assert!(place.instances().is_empty(), "nothing was brought up");
    assert!(!place.directory().join("runs").exists(), "nothing was run");
}

#[tokio::test]
async fn help_is_what_it_was() {
    let place = Place::new().await;
    let help = place.must(&["--help"]).await;
    insta::assert_snapshot!("help", help.stdout);
    for command in ["up", "run", "fault", "load", "failover"] {
        let help = place.must(&[command, "--help"]).await;
        insta::assert_snapshot!(format!("help_{command}"), help.stdout);
    }
}

#[tokio::test]
async fn bad_usage_is_2_and_says_what_would_be_right() {
    let place = Place::new().await;
    for (words, part) in [
        (vec!["brew"], "unrecognized subcommand"),
        (vec!["run", "stale-falback"], "did you mean `stale-fallback`?"),
        (vec!["run", "cache-fallback", "--without", "stale-falback"], "has no tactic"),
        (vec!["run", "--trials", "0"], "0"),
        (vec!["up", "cache-falback"], "did you mean `cache-fallback`?"),
        (vec!["up", "cache-fallback", "--engine", "primary"], "NAME=URL"),
        (vec!["ps", "--instance", "nobody"], "nobody"),
        (vec!["logs", "--instance", "nobody"], "there is no instance `nobody`"),
        (vec!["start", "--instance", "nobody"], "there is no instance `nobody`"),
        (vec!["fault", "failures", "--instance", "nobody"], "there is no instance `nobody`"),
        (vec!["fault", "failures", "--instance", "../../etc"], "no instance `../../etc`"),
        (vec!["load", "s/x", "--instance", "nobody", "--rps", "1", "--duration", "1"], "`nobody`"),
        (vec!["load", "http://127.0.0.1:9/", "--rps", "1", "--duration", "0s"], "no time at all"),
        (vec!["up", "cache-fallback", "--without", "nosuch"], "is no tactic of cache-fallback"),
        (vec!["up", "cache-fallback", "--engine", "nosuch=redis://h"], "is no engine of"),
        (vec!["up", "cache-fallback", "--engine", "cache=ftp://h"], "is no URL like"),
        (vec!["run", "cache-fallback/cache-mis"], "did you mean `cache-miss`?"),
        (vec!["run", "cache-fallback/nosuch"], "has no experiment `nosuch`; it has cache-"),
        (vec!["run", "baseline"], "and travelhub: write SYSTEM/baseline"),
        (vec!["fault", "pause", "--target", "x", "--for", "10"], "has no unit"),
        (vec!["serve", "cache-fallback/ofers", "--port", "1"], "ofers"),
        (vec!["report", "no-such-run"], "no-such-run"),
        (vec!["compare", "no-such-run", "nor-this"], "no-such-run"),
    ] {
        place.standfast(&words).await.exits(2).says(part);
    }
    assert!(place.instances().is_empty());
}

#[tokio::test]
async fn a_name_that_is_a_path_is_refused_before_anything_is_written() {
    let place = Place::new().await;
    let elsewhere = place.directory().join("elsewhere");
    for detach in [None, Some("--detach")] {
        let words = ["up", "cache-fallback", "--name", elsewhere.to_str().unwrap()];
        let words: Vec<&str> = words.into_iter().chain(detach).collect();
        place.standfast(&words).await.exits(2).says("is no name for an instance");
        assert!(!elsewhere.exists(), "its log would have gone there");
    }
}

#[tokio::test]
async fn that_nothing_is_up_is_3_whoever_notices_it() {
    let place = Place::new().await;
    for words in [
        vec!["stop"],
        vec!["start"],
        vec!["restart"],
        vec!["down"],
        vec!["logs", "offers"],
        vec!["fault", "status"],
        vec!["fault", "pause", "--target", "cache"],
        vec!["failover", "status"],
        vec!["load", "cache-fallback/health", "--rps", "1", "--duration", "1"],
    ] {
        place.standfast(&words).await.exits(3).says("up");
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_written_is_noticed_before_the_run() {
    let place = shop(&[]).await;
    let run = place.standfast(&["run", "shop/open.toml", "--junit", "no/such/folder.xml"]).await;
    run.exits(2).says("cannot write `no/such/folder.xml`");
    assert!(!place.directory().join("runs").exists(), "nothing was run");
    let load = ["load", "http://127.0.0.1:9/", "--rps", "1", "--duration", "60"];
    let history = ["--history", "no/such/folder.jsonl"];
    let begun = tokio::time::Instant::now();
    let load = place.standfast(&[&load[..], &history].concat()).await;
    load.exits(2).says("cannot write `no/such/folder.jsonl`");
    assert!(begun.elapsed().as_secs() < 60, "no load was sent for nothing");
}

#[tokio::test]
async fn a_folder_of_several_runs_names_them() {
    let place = Place::new().await;
    place.write("runs/several/suite.json", "{}");
    place.write("runs/several/open/result.json", "{}");
    place.write("runs/several/closed/result.json", "{}");
    let several = "runs/several";
    for words in [
        vec!["report", several],
        vec!["compare", several, several],
        vec!["check", several, "--model", "kv"],
    ] {
        let part = "`runs/several` holds several runs; name one of them: closed, open";
        place.standfast(&words).await.exits(2).says(part);
    }
}

#[tokio::test]
async fn a_mistake_in_an_experiment_is_2_with_its_line_and_what_was_meant() {
    let title = ("title = ", "titel = ");
    refused(&[title], &["open.toml:1", "titel", "title"]).await;
    let target = ("target = \"cache\"", "target = \"cahce\"");
    refused(&[target], &["open.toml:12", "cahce", "did you mean `cache`"]).await;
    let tactic = ("trials = 1", "tactic = \"politness\"");
    refused(&[tactic], &["open.toml:3", "did you mean `politeness`"]).await;
    refused(&[("at = \"500ms\"", "at = \"3s\"")], &["open.toml:11"]).await;
    refused(&[("scenario = \"home\"", "scenario = \"hme\"")], &["did you mean `home`"]).await;
    refused(&[("at_least = \"1 %\"", "at_least = \"101 %\"")], &["open.toml:14", "101 %"]).await;
    let flush = ("kind = \"pause\", target = \"cache\"", "kind = \"flush\", target = \"web\"");
    refused(&[flush], &["flush", "web"]).await;
}

#[tokio::test]
async fn a_database_cannot_be_flushed() {
    let place = Place::new().await;
    let text = EXPERIMENT
        .replace("system = \".\"", "system = \"cache-fallback\"")
        .replace("scenario = \"home\"", "scenario = \"health\"")
        .replace("kind = \"pause\", target = \"cache\"", "kind = \"flush\", target = \"primary\"");
    place.write("flush.toml", &text);
    place.standfast(&["run", "flush.toml"]).await.exits(2).says("primary").says("flush");
}

#[tokio::test]
async fn a_claim_whose_window_is_empty_is_unknown() {
    // All load has ended before the fault.
    let place =
        shop(&[("rate = \"20/s\"", "rate = \"20/s\"\nfrom = \"0s\"\nfor = \"300ms\"")]).await;
    let run = place.standfast(&["run", "shop/open.toml", "--json"]).await.exits(4);
    let result: ExperimentResult = serde_json::from_value(run.json()).unwrap();
    assert_eq!(result.outcome, Outcome::Unknown);
    let (outcome, reasons) = outcome_if_delivered(&result);
    assert_eq!(outcome, Outcome::Unknown);
    assert!(reasons.iter().any(|reason| reason.contains("no operation")), "{reasons:?}");
    assert!(place.instances().is_empty(), "its instance is gone");
}

#[tokio::test]
async fn a_fault_without_effect_is_unknown() {
    let flush = (
        "kind = \"pause\", target = \"cache\" }\nfor = \"500ms\"",
        "kind = \"flush\", target = \"cache\" }",
    );
    let all = ("during = \"fault\"", "during = \"all\"");
    let place = shop(&[flush, all]).await;
    let run = place.standfast(&["run", "shop/open.toml"]).await.exits(4);
    let run = run.says("unknown").says("it held no keys");
    assert!(run.stdout.starts_with("unknown"), "{}", run.stdout);
    let reports = place.directory().join("runs");
    assert_eq!(std::fs::read_dir(reports).unwrap().count(), 1, "the evidence is kept");
}

#[tokio::test]
async fn what_programs_read_is_json() {
    let place = Place::new().await;
    let list = place.must(&["list", "--json"]).await.json();
    let systems = list["systems"].as_array().unwrap();
    let experiments = systems[0]["experiments"].as_array().unwrap();
    assert_eq!(systems[0]["name"], "cache-fallback");
    assert!(experiments.iter().any(|experiment| experiment["tactic"] == "stale-fallback"));
    assert_eq!(list["faults"].as_array().unwrap().len(), FaultKind::ALL.len());

    let doctor = place.must(&["doctor", "--json"]).await.json();
    let tools = doctor["tools"].as_array().unwrap();
    let postgres = tools.iter().find(|tool| tool["found"]["tool"] == "postgres").unwrap();
    assert_eq!(postgres["needed"], true);
    assert!(postgres["found"]["version"].is_string());

    for format in ["system", "experiment", "result"] {
        let schema = place.must(&["schema", format]).await.json();
        assert!(schema["$schema"].is_string() && schema["properties"].is_object(), "{format}");
    }
    assert_eq!(place.must(&["ps", "--json"]).await.json(), Value::Array(Vec::new()));
}

#[tokio::test]
async fn what_is_missing_is_named_with_the_command_that_brings_it() {
    let place = Place::new().await;
    let mut command = place.command(env!("CARGO_BIN_EXE_standfast"));
    command.args(["doctor"]).env("STANDFAST_POSTGRES_BIN", "/nonexistent");
    let doctor = Running::of(&mut command).end().await.exits(3);
    doctor.says("missing").says("standfast setup postgres");
}

#[tokio::test]
async fn doctor_names_declared_ports_that_are_taken_and_data_that_is_kept() {
    let place = shop(&[]).await;
    // Another test, or another program, may hold it: it is taken either way.
    let held = std::net::TcpListener::bind("127.0.0.1:5432");
    let holder = held.as_ref().ok().map(|_held| format!("pid {} ", std::process::id()));
    let base = free_ports(2).to_string();
    place.must(&["up", "shop", "-d", "--name", "kept", "--port-base", &base]).await;
    place.must(&["doctor"]).await.says("5432").says(holder.as_deref().unwrap_or(""));
    place.must(&["stop"]).await;
    let kept = "`kept` (shop) is stopped and keeps its data";
    place.must(&["doctor"]).await.says(kept).says("standfast down --data --instance kept");
    let doctor = place.must(&["doctor", "--json"]).await.json();
    let ports = doctor["ports_taken"].as_array().unwrap();
    let taken = ports.iter().find(|taken| taken["port"] == 5432).unwrap();
    let processes = taken["processes"].as_array().unwrap();
    assert!(processes.contains(&"cache-fallback/primary".into()), "{taken}");
    assert_eq!(doctor["stopped"][0]["name"], "kept");
    place.must(&["down", "--data"]).await;
}

#[tokio::test]
async fn a_quick_suite_leaves_out_what_takes_long() {
    let long = ("trials = 1", "suite = \"full\"");
    let place = shop(&[long]).await;
    place.standfast(&["run", "shop", "--quick"]).await.exits(2).says("without --quick");
    place.write("shop/closed.toml", &EXPERIMENT.replace("500ms", "400ms"));
    let run = place.standfast(&["run", "shop", "--quick", "--json"]).await;
    let run = run.says("Left out, since they take long: open");
    let experiments = run.json()["experiments"].as_array().unwrap().clone();
    let names: Vec<_> = experiments.iter().map(|one| one["experiment"].clone()).collect();
    assert_eq!(names, ["closed"]);
}

#[tokio::test]
async fn a_reader_that_goes_away_is_no_reason_to_panic() {
    let place = Place::new().await;
    let script = "\"$0\" list | head -1; \"$0\" schema result | head -1; \"$0\" --help | head -1";
    let mut command = place.command("bash");
    command.args(["-o", "pipefail", "-c", script]).arg(env!("CARGO_BIN_EXE_standfast"));
    let finished = Running::of(&mut command).end().await;
    assert_eq!(finished.stdout.lines().count(), 3, "{finished:?}");
    assert_eq!(finished.stderr, "", "no panic, no complaint");
}

#[tokio::test]
async fn a_service_of_the_binary_can_be_started_by_hand() {
    let place = Place::new().await;
    let port = free_ports(1).to_string();
    let words = ["serve", "cache-fallback/offers", "--port", &port];
    place.standfast(&words).await.exits(2).says("POSTGRES_URL");
}
