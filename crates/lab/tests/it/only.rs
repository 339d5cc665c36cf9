//! Experiments that bring up a part of their system.

use std::collections::BTreeMap;
use std::sync::Arc;

use standfast_lab::instance::{Data, Instance};
use standfast_lab::spec::{ExperimentSource, SpecError, SystemSource};

use crate::instance_bench::{Bench, get};

const SHOP: &str = r#"name = "shop"
title = "A shop with more than one experiment needs"
[engine.cache]
kind = "valkey"
port = 6379
[engine.sessions]
kind = "valkey"
port = 6380
[service.web]
run = ["python3", "web.py", "{port}"]
port = 5000
env = { GREETING = "hello", CACHE = "{cache.url}" }
ready = { http = "/" }
[service.login]
run = ["python3", "web.py", "{port}"]
port = 5001
env = { GREETING = "who", SESSIONS = "{sessions.url}" }
[scenario.home]
service = "web"
path = "/"
[scenario.enter]
service = "login"
path = "/"
"#;

const EXPERIMENT: &str = r#"title = "The shop stays open"
system = "shop"
duration = "20s"
only = ["web"]
[[load]]
scenario = "home"
rate = "50/s"
[[timeline]]
at = "25 %"
fault = { kind = "stop", target = "cache" }
for = "5s"
[[claim]]
that = "availability"
at_least = "100 %"
"#;

fn load(text: &str) -> Result<standfast_lab::spec::Experiment, SpecError> {
    let (name, system) = ("shop".to_owned(), SHOP.to_owned());
    let shipped = SystemSource::Embedded { name, text: system, files: Vec::new() };
    ExperimentSource::embedded("shop", "open", text).load(&[shipped])
}

#[test]
fn an_experiment_names_what_it_brings_up() {
    let experiment = load(EXPERIMENT).unwrap();
    assert_eq!(experiment.system.start_order, ["cache", "web"]);
    let all = load(&EXPERIMENT.replace("only = [\"web\"]\n", "")).unwrap();
    assert_eq!(all.system.start_order.len(), 4);
}

#[test]
fn whatever_names_a_process_that_is_left_out_is_refused_at_its_line() {
    let shown = |from: &str, to: &str| {
        assert!(EXPERIMENT.contains(from), "nothing to change: {from}");
        load(&EXPERIMENT.replacen(from, to, 1)).unwrap_err().to_string()
    };
    let reading = "[[final]]\nname = \"all\"\nservices = [\"login\"]\npath = \"/\"\nfields = {}\n";
    let metric = "that = \"metric\"\nname = \"up\"\nservice = \"login\"\nas = \"last\"\nequals = 1";
    let shown = [
        shown("[\"web\"]", "[\"wbe\"]"),
        shown("[\"web\"]", "[]"),
        shown("scenario = \"home\"", "scenario = \"enter\""),
        shown("target = \"cache\"", "target = \"sessions\""),
        shown("\"stop\", target = \"cache\"", "\"cut\", target = \"login:sessions\""),
        shown("[[load]]", "[environment.login]\nGREETING = \"x\"\n[[load]]"),
        shown("[[timeline]]", &format!("{reading}[[timeline]]")),
        shown("that = \"availability\"\nat_least = \"100 %\"", metric),
    ];
    insta::assert_snapshot!("only_mistakes", shown.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_part_of_a_system_is_copied_from_one_template() {
    let bench = Bench::new(SHOP);
    let part = |names: &[&str], environment: &BTreeMap<_, _>| {
        let system = (*bench.system).clone();
        Arc::new(system.with_only(names.iter().copied(), environment))
    };
    let no_cache = BTreeMap::from([("CACHE".to_owned(), "none".to_owned())]);
    let alone = BTreeMap::from([("web".to_owned(), no_cache)]);
    for (names, environment, expected) in [
        (vec!["web"], BTreeMap::new(), vec!["cache", "web"]),
        (vec!["sessions", "web"], alone, vec!["sessions", "web"]),
    ] {
        let (mut options, _events) = bench.options("shop");
        options.environment.clone_from(&environment);
        let system = part(&names, &environment);
        let instance = Instance::provision(&system, options).await.unwrap();
        let processes = instance.processes();
        let up: Vec<&str> = processes.iter().map(|process| process.name.as_str()).collect();
        assert_eq!(up, expected);
        assert_eq!(get(&instance, "/").await.as_deref(), Some("hello"));
        instance.shutdown(Data::Delete).await.unwrap();
    }
    let templates = std::fs::read_dir(bench.home.templates()).unwrap().flatten();
    assert_eq!(templates.filter(|entry| entry.path().is_dir()).count(), 1);
}
