//! What a run keeps beside its verdict.

use standfast_lab::run::{Arms, StoredRun};

use crate::claim_shop;
use crate::report_run::Lab;

const SYSTEM: &str = r#"name = "shop"
title = "A shop"
[engine.store]
kind = "postgres"
port = 5432
[engine.cache]
kind = "valkey"
port = 6379
[service.web]
run = ["web", "{port}"]
port = 5000
[scenario.home]
service = "web"
path = "/"
"#;

const EXPERIMENT: &str = r#"title = "The shop is open"
system = "shop"
duration = "20s"
[[load]]
scenario = "home"
rate = "50/s"
[[artifact]]
name = "lag.json"
service = "web"
path = "/lag"
[[artifact]]
name = "slow.html"
log_report_of = "store"
[[artifact]]
name = "store"
configuration_of = "store"
[[claim]]
that = "availability"
at_least = "100 %"
"#;

#[test]
fn an_artifact_says_where_it_comes_from() {
    let shown = |from: &str, to: &str| {
        assert!(EXPERIMENT.contains(from), "nothing to change: {from}");
        let text = EXPERIMENT.replacen(from, to, 1);
        claim_shop::load(SYSTEM, &text).map(|loaded| loaded.artifacts.len())
    };
    assert_eq!(shown("50/s", "60/s").ok(), Some(3));
    let mistakes = [
        shown("service = \"web\"", "service = \"wbe\""),
        shown("path = \"/lag\"", "path = \"lag\""),
        shown("path = \"/lag\"", "log_report_of = \"store\""),
        shown("configuration_of = \"store\"", "configuration_of = \"cache\""),
        shown("name = \"store\"", "name = \"lag.json\""),
        shown("name = \"slow.html\"", "name = \"../slow.html\""),
        shown("log_report_of = \"store\"\n", ""),
    ];
    let mistakes: Vec<String> =
        mistakes.iter().filter_map(|it| Some(it.as_ref().err()?.to_string())).collect();
    insta::assert_snapshot!("artifact_mistakes", mistakes.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_service_says_at_the_end_is_kept_and_shown_in_the_report() {
    let artifacts = "[[artifact]]\nname = \"page.txt\"\nservice = \"web\"\npath = \"/\"\n\
                     [[artifact]]\nname = \"none.json\"\nservice = \"web\"\npath = \"none\"\n";
    let artifacts = artifacts.replace("path = \"none\"", "path = \"/%zz none\"");
    let mut lab = Lab::plain("artifacts", &artifacts);
    lab.options.arms = Arms::Treatment;
    lab.run().await;
    let stored = StoredRun::read(&lab.options.folder).unwrap();
    let paths: Vec<&str> = stored.artifacts.iter().map(|artifact| artifact.path.as_str()).collect();
    assert_eq!(paths, ["treatment-1/none.missing.txt", "treatment-1/page.txt"]);
    assert_eq!(stored.artifacts[1].text.as_deref(), Some("hello"));
    let why = stored.artifacts[0].text.as_deref().unwrap();
    assert!(why.contains("cannot ask for"), "{why}");
    let report = std::fs::read_to_string(lab.options.folder.report()).unwrap();
    assert!(report.contains("href=\"artifacts/treatment-1/page.txt\""));
    lab.assert_clean();
}
