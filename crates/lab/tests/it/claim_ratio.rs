//! A ratio of latencies says nothing below what the machine can resolve.

#![expect(clippy::unwrap_used, reason = "helpers of a test fail by panicking, as tests do")]

use standfast_history::Operation;
use standfast_lab::claim::{TrialRecord, judge_trial};
use standfast_lab::spec::Claim;
use standfast_lab::verdict::Verdict;

use crate::claim_shop;

const SYSTEM: &str = r#"name = "shop"
title = "A shop"
[service.web]
run = ["web", "{port}"]
port = 5000
ready = { http = "/" }
[scenario.look]
service = "web"
path = "/"
[scenario.buy]
service = "web"
path = "/buy"
"#;

const EXPERIMENT: &str = r#"title = "Buying is not slower than looking"
system = "shop"
duration = "2s"
[[load]]
scenario = "look"
rate = "100/s"
[[load]]
scenario = "buy"
rate = "100/s"
"#;

/// An experiment with one claim that a purchase takes at most twice as long as a look.
fn load(resolution: &str, measure: &str) -> Result<Claim, String> {
    let claim = format!(
        "[[claim]]\nthat = \"ratio\"\nof = {{ that = \"{measure}\", of = \"buy\" }}\n\
         over = {{ that = \"{measure}\", of = \"look\" }}\n{resolution}\nat_most = 2\n"
    );
    let experiment = claim_shop::load(SYSTEM, &format!("{EXPERIMENT}{claim}"));
    experiment.map(|mut loaded| loaded.claims.remove(0)).map_err(|error| format!("{error:?}"))
}

fn record(look_us: u64, buy_us: u64) -> TrialRecord {
    let operation = |scenario: &str, latency_us: u64, at_us: u64| -> Operation {
        let done_us = at_us + latency_us;
        let line = format!(
            r#"{{"index":{at_us},"scenario":"{scenario}","intended_us":{at_us},
                "done_us":{done_us},"outcome":"ok","status":200}}"#
        );
        serde_json::from_str(&line).unwrap()
    };
    let each = (0..100).map(|index| index * 10_000);
    let operations = each
        .flat_map(|at_us| [operation("look", look_us, at_us), operation("buy", buy_us, at_us + 1)])
        .collect();
    TrialRecord { end_us: 2_000_000, operations, ..TrialRecord::default() }
}

#[test]
fn what_is_below_the_resolution_counts_as_the_resolution() {
    let fine = load("", "latency_p95").unwrap();
    let coarse = load("resolution = \"2 ms\"", "latency_p95").unwrap();
    assert!(coarse.text.contains("each at least 2ms"), "{}", coarse.text);

    let found = judge_trial(&fine, &record(300, 1_200));
    assert_eq!((found.verdict, found.measured), (Verdict::Refuted, Some(4.0)));
    let found = judge_trial(&coarse, &record(300, 1_200));
    assert_eq!((found.verdict, found.measured), (Verdict::Holds, Some(1.0)));
    let found = judge_trial(&coarse, &record(300, 5_000));
    assert_eq!((found.verdict, found.measured), (Verdict::Refuted, Some(2.5)));
    let found = judge_trial(&coarse, &record(3_000, 7_500));
    assert_eq!((found.verdict, found.measured), (Verdict::Refuted, Some(2.5)));
}

#[test]
fn a_resolution_is_only_for_latencies() {
    let error = load("resolution = \"2 ms\"", "availability").unwrap_err();
    assert!(error.contains("`resolution` is for a ratio of two latencies"), "{error}");
}
