//! A time to detect may be that of one of several detectors.

#![expect(clippy::unwrap_used, reason = "helpers of a test fail by panicking, as tests do")]

use std::time::Duration;

use standfast_history::Event;
use standfast_lab::claim::{FaultRecord, TrialRecord, judge_trial};
use standfast_lab::fault::{Fault, FaultKind};
use standfast_lab::spec::{Experiment, SpecError};
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
"#;

fn load(claim: &str) -> Result<Experiment, SpecError> {
    let text = format!(
        "title = \"Found\"\nsystem = \"shop\"\nduration = \"9s\"\n\
         [[load]]\nscenario = \"look\"\nrate = \"10/s\"\n\
         [[timeline]]\nat = \"1s\"\nfor = \"4s\"\nfault = {{ kind = \"kill\", target = \"web\" }}\n\
         [[claim]]\n{claim}\nat_most = \"1s\"\n"
    );
    claim_shop::load(SYSTEM, &text)
}

/// Killed at 1 s, found by phi after 0.4 s and by a ping after 3 s.
fn record() -> TrialRecord {
    let detected = |at_us, by| Event::new(at_us, "monitor", "detected").about("web").with("by", by);
    TrialRecord {
        end_us: 9_000_000,
        events: vec![detected(1_400_000, "phi"), detected(4_000_000, "ping")],
        faults: vec![FaultRecord {
            fault: Fault::new(FaultKind::Kill, "web"),
            at: Duration::from_secs(1),
            until: Some(Duration::from_secs(5)),
            injecting_us: Some(990_000),
            injected_us: Some(1_000_000),
            healing_us: Some(5_000_000),
            healed_us: Some(5_500_000),
            evidence: None,
            hit: None,
            error: None,
            trigger: None,
        }],
        ..TrialRecord::default()
    }
}

fn check(claim: &str, expected: Verdict, measured: f64) {
    let judged = judge_trial(&load(claim).unwrap().claims[0], &record());
    assert_eq!((judged.verdict, judged.measured), (expected, Some(measured)), "{judged:?}");
}

#[test]
fn each_detector_has_a_time_of_its_own_and_the_first_counts_for_all() {
    check("that = \"ttd\"", Verdict::Holds, 400.0);
    check("that = \"ttd\"\nby = \"phi\"", Verdict::Holds, 400.0);
    check("that = \"ttd\"\nby = \"ping\"", Verdict::Refuted, 3000.0);
    // Not while the fault lasted, which is longer than may be.
    check("that = \"ttd\"\nby = \"heartbeat\"", Verdict::Refuted, 4500.0);
}

#[test]
fn only_a_time_to_detect_has_a_detector() {
    let error = load("that = \"ttr\"\nby = \"phi\"").unwrap_err().to_string();
    assert!(error.contains("`by` is for `ttd`"), "{error}");
}
