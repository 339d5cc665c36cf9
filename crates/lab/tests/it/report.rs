//! Verdicts, result.json, junit.xml and report.html from the records of a run.

use std::time::Duration;

use standfast_history::{Event, Outcome};
use standfast_lab::claim::{FaultRecord, TrialRecord};
use standfast_lab::report::{SuiteEntry, junit, render, render_suite, report};
use standfast_lab::run::{RunFolder, StoredRun};
use standfast_lab::verdict::{
    Arm, Change, ExperimentResult, Outcome as Ended, ReplacedTrial, Verdict, compare, judge,
};

use crate::report_fixture::{ZERO_US, both_arms, record, stored_run, write};

fn treatment_only(change: impl Fn(&mut TrialRecord)) -> ExperimentResult {
    let records = (1..=3).map(|trial| {
        let mut record = record(Arm::Treatment, trial);
        change(&mut record);
        record
    });
    stored_run(&[(Arm::Treatment, records.collect())]).result
}

#[track_caller]
fn is_unknown_because(result: &ExperimentResult, reason: &str) {
    assert_eq!(result.outcome, Ended::Unknown, "{:?}", result.reasons);
    assert_eq!(result.outcome.exit_code(), 4);
    assert!(!result.conclusive);
    assert!(result.reasons[0].contains(reason), "{:?}", result.reasons);
}

#[test]
fn a_tactic_holds_when_the_control_arm_fares_worse() {
    let result = stored_run(&both_arms()).result;
    assert_eq!(result.outcome, Ended::Holds, "{:?}", result.reasons);
    assert!(result.reasons[1].starts_with("without stale-fallback: 6"), "{:?}", result.reasons);
    let control = result.arm(Arm::Control).unwrap();
    assert_eq!(control.claims[0].verdict, Verdict::Refuted);
    assert_eq!(control.claims[0].refuted_in, 3);
}

#[test]
fn a_control_arm_that_is_no_worse_proves_no_tactic() {
    let same = |arm| (arm, (1..=3).map(|trial| record(Arm::Treatment, trial)).collect());
    let result = stored_run(&[same(Arm::Treatment), same(Arm::Control)]).result;
    is_unknown_because(&result, "meets every claim as well");
}

#[test]
fn without_a_control_arm_the_claims_hold_and_the_report_says_what_is_missing() {
    let result = treatment_only(|_| ());
    assert_eq!(result.outcome, Ended::Holds);
    assert!(result.warnings[0].contains("no control arm"), "{:?}", result.warnings);
}

#[test]
fn one_failure_during_the_fault_refutes_and_names_the_figure() {
    let result = treatment_only(|record| record.operations[1000].outcome = Outcome::Fail);
    assert_eq!(result.outcome, Ended::Refuted);
    assert_eq!(result.outcome.exit_code(), 1);
    let reason = &result.reasons[0];
    assert!(reason.contains("availability during the fault ≥ 100 %"), "{reason}");
    assert!(reason.contains("measured 99.873 %, off by 0.126 points, in 3 of 3"), "{reason}");
}

#[test]
fn a_fault_that_did_not_land_proves_nothing() {
    let result = treatment_only(|record| {
        record.faults[0].injected_us = None;
        record.faults[0].error = Some("the process still answers".to_owned());
    });
    is_unknown_because(&result, "stop of replica: the process still answers");
}

#[test]
fn a_fault_that_came_late_proves_nothing() {
    let result = treatment_only(|record| {
        let fault = &mut record.faults[0];
        fault.injecting_us = fault.injecting_us.map(|us| us + 700_000);
        fault.injected_us = fault.injected_us.map(|us| us + 700_000);
    });
    is_unknown_because(&result, "701 ms later than planned");
}

#[test]
fn load_that_was_not_delivered_proves_nothing() {
    let result = treatment_only(|record| {
        for delivery in record.deliveries.values_mut() {
            delivery.lateness_p99_ms = 50.4;
        }
    });
    is_unknown_because(&result, "load not delivered: the generator sent 1 % of the requests more");
}

#[test]
fn load_that_was_a_little_late_is_remarked_upon() {
    let result = treatment_only(|record| {
        for delivery in record.deliveries.values_mut() {
            delivery.missed = 23;
        }
    });
    let remark = "treatment trial 1: 1.045 % of the requests were sent more than 1 ms late";
    assert!(result.warnings.iter().any(|warning| warning.starts_with(remark)), "{result:?}");
}

#[test]
fn a_window_without_operations_proves_nothing() {
    let result = treatment_only(|record| {
        let fault = record.faults[0].clone();
        let (from, to) = (fault.injecting_us.unwrap(), fault.healed_us.unwrap());
        record.operations.retain(|op| op.intended_us < from || to <= op.intended_us);
    });
    is_unknown_because(&result, "no operation was intended in the phase");
}

#[test]
fn a_system_that_was_not_well_before_the_fault_proves_nothing() {
    let result = treatment_only(|record| {
        for operation in record.operations.iter_mut().take(700).step_by(4) {
            operation.outcome = Outcome::Fail;
        }
    });
    is_unknown_because(&result, "baseline not met: 7");
}

#[test]
fn what_the_fault_interrupted_is_no_part_of_the_baseline() {
    let result = treatment_only(|record| {
        let begun = record.faults[0].injecting_us.unwrap();
        let earlier =
            record.operations.iter_mut().filter(|operation| operation.intended_us < begun);
        // Under way when the fault was asked for, and lost to it.
        for operation in earlier.rev().take(30) {
            operation.outcome = Outcome::Fail;
            operation.done_us = begun + 1;
        }
    });
    assert!(!result.reasons.iter().any(|reason| reason.contains("baseline")), "{result:?}");
}

#[test]
fn a_detection_that_never_came_is_longer_than_the_fault_lasted() {
    let result = treatment_only(|record| record.events.retain(|event| event.event != "detected"));
    assert_eq!(result.outcome, Ended::Refuted, "{:?}", result.reasons);
    let claim = &result.arms[0].claims[2];
    assert!(claim.measured.is_some_and(|ms| ms > 8000.0), "{claim:?}");
    assert_eq!(claim.trials[0].reason.as_deref(), Some("no `detected` event named replica"));
}

#[test]
fn several_injections_in_a_trial_each_have_their_times() {
    let at_ms = |ms: u64| ZERO_US + ms * 1_000;
    let result = treatment_only(|record| {
        let again = FaultRecord {
            at: Duration::from_secs(15),
            injecting_us: Some(at_ms(15_000)),
            injected_us: Some(at_ms(15_100)),
            healing_us: Some(at_ms(16_000)),
            healed_us: Some(at_ms(16_050)),
            ..record.faults[0].clone()
        };
        record.faults.push(again);
        record.events.push(Event::new(at_ms(15_350), "web", "detected").about("replica"));
    });
    let arm = &result.arms[0];
    for run in &arm.runs {
        let detected: Vec<_> = run.faults.iter().map(|fault| fault.detected_after_ms).collect();
        assert_eq!(detected, [Some(41.0), Some(250.0)]);
        assert!(run.faults.iter().all(|fault| fault.recovered_after_ms.is_some()));
    }
    assert_eq!((arm.claims[2].measured, arm.claims[2].n), (Some(250.0), 6), "the slowest of two");
    for name in ["ttd_ms", "detected_after_ms.stop.replica"] {
        let spread = arm.metrics[name];
        assert_eq!((spread.n, spread.max, spread.p95), (6, 250.0, 250.0), "{name}");
    }
    assert_eq!(arm.metrics["ttr_ms"], arm.metrics["recovered_after_ms.stop.replica"]);
    assert_eq!(arm.metrics["ttr_ms"].n, 6, "two injections in each of three trials");
}

#[test]
fn the_result_is_golden_and_survives_the_way_to_disk() {
    let run = stored_run(&both_arms());
    let folder = write(&run, "golden");
    let read = StoredRun::read(&folder).unwrap();
    std::fs::remove_dir_all(&folder.root).unwrap();
    assert_eq!(read, run);
    insta::assert_snapshot!("result", serde_json::to_string_pretty(&run.result).unwrap());
}

#[test]
fn junit_counts_refuted_as_failure_and_unknown_as_error() {
    let holds = stored_run(&both_arms()).result;
    let refuted = treatment_only(|record| record.operations[1000].outcome = Outcome::Fail);
    let unknown =
        treatment_only(|record| record.faults[0].error = Some("no \u{1}effect".to_owned()));
    let xml = junit("standfast", &[holds, refuted, unknown]).unwrap();
    assert!(xml.contains(r#"tests="15" skipped="4" failures="2" errors="1""#), "{xml}");
    insta::assert_snapshot!("junit", xml);
}

#[test]
fn the_report_needs_no_network_and_stays_small() {
    let run = stored_run(&both_arms());
    let folder = write(&run, "report");
    let path = report(&folder).unwrap();
    let page = std::fs::read_to_string(&path).unwrap();
    std::fs::remove_dir_all(&folder.root).unwrap();
    assert!(page.len() < 1_000_000, "{} bytes", page.len());
    for loaded in ["<link", "src=\"http", "@import", "url(http", "<iframe", "<img"] {
        assert!(!page.contains(loaded), "the page loads something by {loaded}");
    }
    for shown in ["holds", "without stale-fallback", "stop", "replica", "--seed 7", "15.14"] {
        assert!(page.contains(shown), "the page lacks {shown}");
    }
}

#[test]
fn a_trial_that_was_run_again_is_told_with_its_reason() {
    let mut run = stored_run(&both_arms());
    let reason = "load not delivered: the generator slept".to_owned();
    run.result.arms[1].replaced = vec![ReplacedTrial { trial: 2, seed: 8, by: 4, reason }];
    let judgement = judge(&run.result.arms, Some("stale-fallback"));
    let expected = "control trial 2 was run again as trial 4: load not delivered: the generator";
    assert!(judgement.warnings[0].starts_with(expected), "{:?}", judgement.warnings);
    assert_eq!(judgement.verdict, Verdict::Holds, "those that count do");
    assert!(render(&run).contains("<td>load not delivered: the generator slept</td>"));
}

#[test]
fn what_shows_a_mistake_is_folded_below_its_figure() {
    let mut run = stored_run(&both_arms());
    assert!(!render(&run).contains("What shows it"), "nothing does");
    run.result.arms[1].claims[0].trials[0].evidence = vec!["put #3 read <1>".to_owned()];
    let page = render(&run);
    let shown = "<summary>What shows it</summary><ul><li>put #3 read &lt;1&gt;</li></ul>";
    assert!(page.contains(shown), "the page lacks {shown}");
}

#[test]
fn objectives_have_a_table_with_what_is_left_of_them_and_evidence_is_linked() {
    let mut run = stored_run(&both_arms());
    let page = render(&run);
    assert!(!page.contains("Error budget used") && !page.contains("evidence/"), "there is none");
    for arm in &mut run.result.arms {
        let claims = &mut arm.claims;
        (claims[0].is_objective, claims[0].budget_used) = (true, None);
        (claims[1].is_objective, claims[1].budget_used) = (true, Some(0.4));
    }
    run.evidence = vec!["treatment-1".to_owned()];
    let page = render(&run);
    let table = page.split("id=\"objectives\"").nth(1).unwrap().split("</section>").next().unwrap();
    for shown in ["Error budget used", "40 %", "allows none", "treatment", "control"] {
        assert!(table.contains(shown), "the table lacks {shown}: {table}");
    }
    assert_eq!(table.matches("<tr>").count(), 5, "a head, and two objectives in two arms");
    assert!(page.contains("href=\"evidence/treatment-1/failover.txt\""));
}

#[test]
fn text_of_an_experiment_cannot_become_code_of_the_page() {
    let mut run = stored_run(&both_arms());
    let attack = "</script><script>alert(1)</script>";
    run.result.title = attack.to_owned();
    for tagged in &mut run.operations {
        tagged.record.source = Some(attack.to_owned());
    }
    assert!(!render(&run).contains("<script>alert"), "it must be escaped everywhere");
}

#[test]
fn a_damaged_run_is_named() {
    let folder = RunFolder::at(std::env::temp_dir().join("standfast-no-such-run"));
    let error = report(&folder).unwrap_err().to_string();
    assert!(error.contains("standfast-no-such-run/result.json"), "{error}");
}

#[test]
fn a_suite_links_every_report_and_takes_the_weightiest_outcome() {
    let entry = |folder: &str, result| SuiteEntry { folder: folder.to_owned(), result };
    let refuted = treatment_only(|record| record.operations[1000].outcome = Outcome::Fail);
    let page = render_suite(
        "shop",
        &[entry("one", stored_run(&both_arms()).result), entry("two", refuted)],
    );
    assert!(page.contains("one/report.html") && page.contains("two/report.html"));
    assert!(page.contains("<title>refuted"), "one refuted experiment refutes the suite");
}

#[test]
fn a_comparison_tells_a_change_from_the_spread_of_the_trials() {
    let before = stored_run(&both_arms()).result;
    let same = compare(&before, &before);
    assert!(same.claims.iter().all(|claim| claim.change == Change::WithinSpread));
    let after = treatment_only(|record| {
        for operation in &mut record.operations {
            operation.done_us += 40_000;
        }
    });
    let slower = compare(&before, &after);
    let p95 = slower.claims.iter().find(|claim| claim.id.contains("latency-p95")).unwrap();
    assert_eq!(p95.change, Change::Worse);
    assert!(p95.delta.is_some_and(|delta| (delta - 40.0).abs() < 0.5), "{p95:?}");
}
