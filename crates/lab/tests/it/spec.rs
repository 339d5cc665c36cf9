//! Shipped and example files are right, and mistakes are named with their line and what was meant.

#![expect(clippy::unwrap_used, reason = "helpers of a test fail by panicking, as tests do")]

use std::path::{Path, PathBuf};

use standfast_lab::spec::{ExperimentSource, SpecError, Suite, System, SystemSource};

const SYSTEM: &str = r#"name = "shop"
title = "A shop"

[engine.primary]
kind = "postgres"
port = 5432
database = "shop"
user = "shop"
init = ["schema.sql"]
[engine.replica]
kind = "postgres"
port = 5433
replica_of = "primary"
[engine.cache]
kind = "valkey"
port = 6379

[service.web]
run = ["python3", "web.py", "{port}", "{primary.url}"]
port = 5000
needs = ["primary", "cache"]
ready = { http = "/ready" }

[tactic.fallback]
title = "Answer from the cache"

[scenario.home]
service = "web"
method = "GET"
path = "/"
"#;

const EXPERIMENT: &str = r#"title = "The shop stays open"
system = "shop"
tactic = "fallback"
duration = "20s"
[[load]]
scenario = "home"
rate = "50/s"
[[timeline]]
at = "25 %"
fault = { kind = "stop", target = "replica" }
for = "5s"
[[claim]]
that = "availability"
during = "fault"
at_least = "100 %"
"#;

fn shop(text: &str) -> SystemSource {
    let files = vec![("schema.sql".to_owned(), "select 1".to_owned())];
    SystemSource::Embedded { name: "shop".to_owned(), text: text.to_owned(), files }
}

/// `text` with every pair of it replaced, each of which must be there.
fn change(text: &str, changes: &[(&str, &str)]) -> String {
    changes.iter().fold(text.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "nothing to change: {from}");
        text.replacen(from, to, 1)
    })
}

fn system_error(changes: &[(&str, &str)]) -> SpecError {
    System::load(shop(&change(SYSTEM, changes))).unwrap_err()
}

fn experiment_error(changes: &[(&str, &str)]) -> SpecError {
    let source = ExperimentSource::embedded("shop", "open", &change(EXPERIMENT, changes));
    source.load(&[shop(SYSTEM)]).unwrap_err()
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

#[test]
fn a_right_file_becomes_a_system_whose_processes_start_in_order() {
    let system = System::load(shop(SYSTEM)).unwrap();
    assert_eq!(system.start_order, ["cache", "primary", "replica", "web"]);
    let source = ExperimentSource::embedded("shop", "open", EXPERIMENT);
    let experiment = source.load(&[shop(SYSTEM)]).unwrap();
    assert_eq!(experiment.timeline[0].at.as_secs(), 5, "a quarter of 20 s");
    assert_eq!(experiment.timeline[0].until.map(|until| until.as_secs()), Some(10));
    assert_eq!(experiment.claims[0].text, "availability during the fault ≥ 100 %");
    assert_eq!(experiment.claims[0].id, "1-availability");
    assert_eq!(experiment.suite, Suite::Quick, "unless it says otherwise");
}

#[test]
fn all_mistakes_of_a_system_are_reported_at_once() {
    let error = system_error(&[
        ("title = \"A shop\"", "titel = \"A shop\""),
        ("kind = \"postgres\"\nport = 5433", "kind = \"postgers\"\nport = 5433"),
        ("init = [\"schema.sql\"]", "init = [\"shema.sql\"]"),
        ("kind = \"valkey\"\nport = 6379", "kind = \"valkey\"\nport = 5432\ndatabase = \"x\""),
        ("needs = [\"primary\", \"cache\"]", "needs = [\"primry\"]"),
        ("{primary.url}", "{primary.ulr}"),
        ("service = \"web\"", "service = \"wbe\""),
    ]);
    insta::assert_snapshot!("system_mistakes", error);
}

#[test]
fn a_broker_names_the_first_one_of_its_cluster() {
    let brokers = r#"kind = "valkey"
port = 6379
cluster_of = "primary"
[engine.log]
kind = "kafka"
port = 9092
[engine.log-2]
kind = "kafka"
port = 9093
cluster_of = "log"
[engine.log-3]
kind = "kafka"
port = 9094
cluster_of = "log-2"
[engine.log-4]
kind = "kafka"
port = 9095
cluster_of = "lgo"
[engine.log-5]
kind = "kafka"
port = 9096
cluster_of = "cache"
"#;
    let error = system_error(&[("kind = \"valkey\"\nport = 6379\n", brokers)]);
    insta::assert_snapshot!("cluster_mistakes", error);
}

#[test]
fn proxies_name_what_they_forward_to_and_managed_engines_somebody_who_decides() {
    let engines = r#"kind = "valkey"
port = 6379
config = "nginx.conf"
managed_by = "web"
[engine.proxy]
kind = "haproxy"
port = 6432
backends = ["primary", "cache", "prmary", "front"]
settings = { a = "b" }
[engine.idle-proxy]
kind = "haproxy"
port = 6433
[engine.front]
kind = "nginx"
port = 8080
backends = ["primary"]
[engine.other-front]
kind = "nginx"
port = 8081
config = "missing.conf"
[engine.stock-a]
kind = "postgres"
port = 5442
database = "stock"
managed_by = "watch"
[engine.stock-b]
kind = "postgres"
port = 5443
replica_of = "stock-a"
managed_by = "watchdog"
[engine.alone]
kind = "postgres"
port = 5444
managed_by = "watchdog"
[service.watchdog]
run = ["sleep", "600"]
actuates = ["stock-b", "stock-c", "stock-a"]
env = { SOCKET = "{proxy.socket}", OTHER = "{front.socket}" }
"#;
    let error = system_error(&[("kind = \"valkey\"\nport = 6379\n", engines)]);
    insta::assert_snapshot!("failover_mistakes", error);
}

#[test]
fn what_cannot_be_started_is_refused() {
    let error = system_error(&[
        ("replica_of = \"primary\"", "replica_of = \"cache\"\nuser = \"shop\""),
        ("run = [\"python3\", \"web.py\", \"{port}\", \"{primary.url}\"]\nport = 5000\n", ""),
        ("needs = [\"primary\", \"cache\"]", "needs = [\"web\"]"),
        ("[tactic.fallback]\n", "[tactic.fallback]\nwithout = { shop = { env = {} } }\n"),
    ]);
    insta::assert_snapshot!("system_impossible", error);
}

#[test]
fn a_file_that_is_no_toml_is_named_with_its_line() {
    let error = system_error(&[("port = 6379", "port = ")]);
    insta::assert_snapshot!("system_no_toml", error);
}

#[test]
fn all_mistakes_of_an_experiment_are_reported_at_once() {
    let error = experiment_error(&[
        ("duration = \"20s\"", "duration = \"20s\"\ntrial = 5"),
        ("tactic = \"fallback\"", "tactic = \"fall-back\""),
        ("scenario = \"home\"", "scenario = \"hom\""),
        ("rate = \"50/s\"", "rate = \"50\""),
        ("duration = ", "suite = \"ful\"\nduration = "),
        ("target = \"replica\"", "target = \"relpica\""),
        ("at_least = \"100 %\"", "at_least = \"100 ms\""),
    ]);
    insta::assert_snapshot!("experiment_mistakes", error);
}

#[test]
fn an_experiment_that_cannot_prove_anything_is_refused() {
    let no_fault = experiment_error(&[(
        "[[timeline]]\nat = \"25 %\"\nfault = { kind = \"stop\", target = \"replica\" }\n\
         for = \"5s\"\n",
        "",
    )]);
    let too_late = experiment_error(&[("at = \"25 %\"", "at = \"21s\"")]);
    let too_long = experiment_error(&[("for = \"5s\"", "for = \"19s\"")]);
    let no_cache = experiment_error(&[("kind = \"stop\"", "kind = \"flush\"")]);
    let never_after =
        experiment_error(&[("for = \"5s\"\n", ""), ("during = \"fault\"", "during = \"after\"")]);
    let overlap = experiment_error(&[(
        "[[claim]]",
        "[[timeline]]\nat = \"8s\"\nfault = { kind = \"kill\", target = \"replica\" }\n[[claim]]",
    )]);
    let shown = [no_fault, too_late, too_long, no_cache, never_after, overlap]
        .map(|error| error.to_string())
        .join("\n");
    insta::assert_snapshot!("experiment_impossible", shown);
}

#[test]
fn a_network_fault_hits_edges_and_says_what_it_lacks() {
    let fault = |text: &str| {
        let written = "{ kind = \"stop\", target = \"replica\" }";
        experiment_error(&[(written, text)]).to_string()
    };
    let shown = [
        fault("{ kind = \"cut\", target = \"relpica\" }"),
        fault("{ kind = \"cut\", target = \"web:relpica\" }"),
        fault("{ kind = \"cut\", target = \"web:replica\" }"),
        fault("{ kind = \"cut\", target = \"cache\" }"),
        fault("{ kind = \"cut\", target = \"web:\" }"),
        fault("{ kind = \"cuts\", target = \"replica\" }"),
        fault("{ kind = \"cut\", target = \"web:primary\", direction = \"down\" }"),
        fault("{ kind = \"cut\", target = \"web:primary\", rate = \"1 MB/s\" }"),
        fault("{ kind = \"latency\", target = \"web:primary\" }"),
        fault("{ kind = \"latency\", target = \"web:primary\", dely = \"1s\" }"),
        fault("{ kind = \"latency\", target = \"web:primary\", delay = \"1\" }"),
        fault("{ kind = \"latency\", target = \"wbe:primary\", delay = \"1us\" }"),
        fault("{ kind = \"bandwidth\", target = \"web:primary\", rate = \"100\" }"),
        fault("{ kind = \"partition\", target = \"web:primary\" }"),
        fault("{ kind = \"partition\", target = \"web | cache\" }"),
        fault("{ kind = \"partition\", target = \"web primry | replica\" }"),
        fault("{ kind = \"partition\", target = \"web primary | primary\" }"),
        fault("{ kind = \"pause\", target = \"web:primary\" }"),
        fault("{ kind = \"pause\", target = \"web\", delay = \"1s\" }"),
    ];
    insta::assert_snapshot!("network_fault_mistakes", shown.join("\n"));
}

#[test]
fn network_faults_may_overlap_unless_they_do_the_same_to_one_edge() {
    let with = |faults: &[&str]| {
        let timeline: String = faults
            .iter()
            .map(|fault| format!("[[timeline]]\nat = \"6s\"\nfor = \"2s\"\nfault = {fault}\n"))
            .collect();
        let text = change(EXPERIMENT, &[("[[claim]]", &format!("{timeline}[[claim]]"))]);
        ExperimentSource::embedded("shop", "open", &text).load(&[shop(SYSTEM)])
    };
    let cut = r#"{ kind = "cut", target = "primary" }"#;
    let slow = r#"{ kind = "latency", target = "web:primary", delay = "50ms" }"#;
    let experiment = with(&[cut, slow]).unwrap();
    let edges: Vec<String> = experiment.edges.iter().map(ToString::to_string).collect();
    assert_eq!(edges, ["replica:primary", "web:primary"], "beside a process that is stopped");
    let shown = [
        with(&[cut, r#"{ kind = "cut", target = "web:primary", direction = "upstream" }"#]),
        with(&[slow, slow]),
        with(&[r#"{ kind = "kill", target = "replica" }"#]),
        with(&[cut, r#"{ kind = "partition", target = "primary | web replica" }"#]),
    ]
    .map(|loaded| loaded.map_or_else(|error| error.to_string(), |_| "no objection".to_owned()));
    insta::assert_snapshot!("network_fault_overlaps", shown.join("\n"));
}

#[test]
fn a_fault_that_waits_for_an_event_says_which_and_how_long() {
    let after = |text: &str| {
        let fault = "for = \"5s\"";
        experiment_error(&[(fault, &format!("{fault}\n{text}"))]).to_string()
    };
    let ready = "after = { event = \"ready\" }";
    let again = |at: &str, more: &str| {
        let fault = "fault = { kind = \"kill\", target = \"replica\" }";
        after(&format!("{ready}\nwithin = \"5s\"\n[[timeline]]\nat = \"{at}\"\n{fault}\n{more}"))
    };
    let cut = "fault = { kind = \"cut\", target = \"web:primary\" }\nfor = \"1s\"";
    let cuts = format!("[[timeline]]\nat = \"1s\"\n{cut}\n{ready}\n");
    let shown = [
        after("within = \"5s\""),
        after("after = { event = \" \" }"),
        after("after = { source = \"web\" }"),
        after("after = { event = \"ready\", phase = \"copying\" }"),
        after("after = { event = \"ready\", fields = { phase = [\"copying\"] } }"),
        after("after = { event = \"ready\", source = \"wbe\" }"),
        after("after = { event = \"ready\", source = \"primary\" }"),
        after("after = { event = \"ready\", source = \"supervisor\", target = \"primry\" }"),
        after(&format!("{ready}\nwithin = \"0s\"")),
        after(&format!("{ready}\nwithin = \"11s\"")),
        experiment_error(&[("for = \"5s\"", &format!("for = \"15s\"\n{ready}"))]).to_string(),
        again("14s", ""),
        after(&format!("{cuts}{cuts}")),
    ];
    insta::assert_snapshot!("trigger_mistakes", shown.join("\n"));
}

#[test]
fn faults_that_wait_take_turns_at_a_process_and_end_inside_the_run() {
    let waits = "for = \"5s\"\nafter = { event = \"ready\" }";
    let kill = "fault = { kind = \"kill\", target = \"replica\" }";
    let second = format!("[[timeline]]\nat = \"6s\"\n{kill}\n{waits}\nwithin = \"2s\"\n[[claim]]");
    let text = change(EXPERIMENT, &[("for = \"5s\"", waits), ("[[claim]]", &second)]);
    let loaded = ExperimentSource::embedded("shop", "open", &text).load(&[shop(SYSTEM)]);
    let timeline = loaded.unwrap().timeline;
    let within = |index: usize| timeline[index].trigger.as_ref().unwrap().within.as_secs();
    assert_eq!(within(0), 10, "what is left of 20 s when it lasts 5 s from 5 s on");
    let until = |index: usize| timeline[index].until.map(|until| until.as_secs());
    assert_eq!((until(0), within(1), until(1)), (Some(20), 2, Some(13)));
}

#[test]
fn claims_say_what_they_need() {
    let claim = |text: &str| {
        let claim = "that = \"availability\"\nduring = \"fault\"\nat_least = \"100 %\"";
        experiment_error(&[(claim, text)]).to_string()
    };
    let shown = [
        claim("that = \"availabilty\"\nat_least = \"1 %\""),
        claim("that = \"availability\""),
        claim("that = \"availability\"\nat_least = \"101 %\""),
        claim("that = \"source\"\nat_least = \"1 %\""),
        claim("that = \"status\"\nis = \"503\"\nat_least = \"1 %\""),
        claim("that = \"latency_p95\"\nof = \"homes\"\nat_most = \"1 ms\""),
        claim("that = \"latency_p95\"\nis = \"cache\"\nat_most = 5"),
        claim("that = \"ratio\"\nof = \"home\"\nat_most = 5"),
        claim("that = \"metric\"\nname = \"reads_total\"\nat_most = 5"),
        claim("that = \"staleness\""),
    ];
    insta::assert_snapshot!("claim_mistakes", shown.join("\n"));
}

#[test]
fn a_shipped_system_is_found_by_name_and_a_wrong_name_gets_a_suggestion() {
    let error = experiment_error(&[("system = \"shop\"", "system = \"shpo\"")]);
    assert_eq!(
        error.to_string(),
        "shop/experiments/open.toml:2: system `shpo` is neither shipped nor a folder with a \
         system.toml; did you mean `shop`?"
    );
}

#[test]
fn every_shipped_and_example_experiment_is_right() {
    let shipped: Vec<SystemSource> =
        folders(&repository().join("crates/systems")).iter().filter_map(|at| shipped(at)).collect();
    let mut seen = 0;
    for path in experiments(&repository()) {
        let source = ExperimentSource::from_file(&path).unwrap();
        if let Err(error) = source.load(&shipped) {
            panic!("{error}");
        }
        seen += 1;
    }
    assert!(seen >= 8, "only {seen} experiments found");
}

/// The system in this folder, as the binary holds it.
fn shipped(folder: &Path) -> Option<SystemSource> {
    let text = std::fs::read_to_string(folder.join("system.toml")).ok()?;
    let places = [("", folder.to_owned()), ("sql/", folder.join("sql"))];
    let files = places.iter().flat_map(|(prefix, place)| {
        let files = std::fs::read_dir(place).into_iter().flatten().flatten();
        files.filter(|file| file.path().is_file()).map(move |file| {
            let name = format!("{prefix}{}", file.file_name().to_string_lossy());
            (name, std::fs::read_to_string(file.path()).expect("a system's file is text"))
        })
    });
    let name = folder.file_name()?.to_string_lossy().into_owned();
    Some(SystemSource::Embedded { name, text, files: files.collect() })
}

/// Every experiment that stands in the repository.
pub(crate) fn experiments(repository: &Path) -> Vec<PathBuf> {
    let systems = folders(&repository.join("crates/systems"));
    let shipped = systems.iter().flat_map(|system| toml_files(&system.join("experiments")));
    let examples = folders(&repository.join("examples"));
    let examples = examples.iter().flat_map(|example| toml_files(example));
    let is_named = |path: &PathBuf, name: &str| path.file_name().is_some_and(|own| own == name);
    // A cluster is what `standfast failover` reads.
    let is_other = |path: &PathBuf| is_named(path, "system.toml") || is_named(path, "cluster.toml");
    shipped.chain(examples).filter(|path| !is_other(path)).collect()
}

pub(crate) fn folders(parent: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(parent).into_iter().flatten();
    entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_dir()).collect()
}

fn toml_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    paths.filter(|path| path.extension().is_some_and(|extension| extension == "toml")).collect()
}
