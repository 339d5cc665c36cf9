//! A machine that is taken away must not refute a claim, and must not make one hold.

#![expect(clippy::unwrap_used, reason = "helpers of a test fail by panicking, as tests do")]

use proptest::prelude::*;
use standfast_history::{Operation, Outcome, read_jsonl, write_jsonl};
use standfast_lab::claim::{TrialRecord, judge_trial};
use standfast_lab::run::{Ending, ResultHead, TrialHead, arm_result, conclude, finish_trial};
use standfast_lab::spec::{Claim, Experiment};
use standfast_lab::verdict::{
    Arm, ArmResult, ClaimTrial, Outcome as RunOutcome, Verdict, as_measured, judge,
};

use crate::claim_shop;

const SYSTEM: &str = r#"name = "shop"
title = "A shop"
[service.web]
run = ["web", "{port}"]
port = 5000
ready = { http = "/" }
[tactic.fallback]
title = "Answer from the cache"
[scenario.look]
service = "web"
path = "/"
"#;

const EXPERIMENT: &str = r#"title = "The shop is quick"
system = "shop"
tactic = "fallback"
duration = "2s"
[[load]]
scenario = "look"
rate = "100/s"
[[claim]]
that = "latency_p95"
at_most = "5 ms"
[[claim]]
that = "availability"
at_least = "100 %"
[[claim]]
that = "ratio"
of = { that = "latency_p95" }
over = { that = "latency_p50" }
at_most = 3
[[claim]]
that = "outage"
at_most = "20 ms"
[[claim]]
that = "error_latency_max"
at_most = "100 ms"
"#;

pub(crate) const LATENCY: usize = 0;
pub(crate) const AVAILABILITY: usize = 1;
pub(crate) const RATIO: usize = 2;
pub(crate) const OUTAGE: usize = 3;
pub(crate) const ERRORS: usize = 4;

pub(crate) fn experiment() -> Experiment {
    claim_shop::load(SYSTEM, EXPERIMENT).unwrap()
}

pub(crate) fn claims() -> Vec<Claim> {
    experiment().claims
}

/// A request that was answered after `latency_us`.
fn look(at_us: u64, latency_us: u64, outcome: Outcome) -> Operation {
    let line = format!(
        r#"{{"index":{at_us},"scenario":"look","intended_us":{at_us},"done_us":{},
            "outcome":"ok","status":200}}"#,
        at_us + latency_us
    );
    Operation { outcome, ..serde_json::from_str(&line).unwrap() }
}

/// Two seconds of a request each 10 ms that is answered within a millisecond.
pub(crate) fn calm() -> TrialRecord {
    let operations = (0..200).map(|index| look(index * 10_000, 1_000, Outcome::Ok)).collect();
    TrialRecord { end_us: 2_000_000, operations, ..TrialRecord::default() }
}

/// The machine stands still for 9 ms at each of these requests; the next one comes in its wake.
pub(crate) fn stalled(requests: &[usize]) -> TrialRecord {
    let mut record = calm();
    for index in requests {
        let operation = &mut record.operations[*index];
        operation.woken_us = Some(operation.intended_us + 9_000);
        operation.done_us = operation.intended_us + 9_800;
    }
    record
}

fn judged(record: &TrialRecord, claim: usize) -> ClaimTrial {
    judge_trial(&claims()[claim], record)
}

pub(crate) fn check(record: &TrialRecord, claim: usize, expected: Verdict) -> ClaimTrial {
    let judged = judged(record, claim);
    assert_eq!(judged.verdict, expected, "{judged:?}");
    judged
}

#[test]
fn late_answers_of_a_stalled_machine_prove_nothing() {
    let record = stalled(&[3, 20, 40, 60, 61, 62, 80, 100, 120, 140, 160, 180]);
    let found = check(&record, LATENCY, Verdict::Unknown);
    assert_eq!(found.measured, Some(9.8), "the figure is what clients saw");
    let expected = "the machine stalled, which disturbed 11 % of the operations: 9.8 ms over all \
                    of them, 1 ms over the others";
    assert_eq!(found.reason.as_deref(), Some(expected));
    assert_eq!(found.disturbance.unwrap().undisturbed, Some(1.0));
    check(&record, RATIO, Verdict::Unknown);
    check(&calm(), LATENCY, Verdict::Holds);
}

#[test]
fn a_failure_of_a_stalled_machine_proves_nothing_and_another_one_does() {
    let mut record = stalled(&[30, 31]);
    record.operations[30].outcome = Outcome::Fail;
    let found = check(&record, AVAILABILITY, Verdict::Unknown);
    assert!(found.reason.unwrap().ends_with("99.5 % over all of them, 100 % over the others"));
    record.operations[90].outcome = Outcome::Fail;
    let found = check(&record, AVAILABILITY, Verdict::Refuted);
    assert_eq!(found.reason, None);
    assert!(found.disturbance.is_some(), "it was looked at");
}

#[test]
fn a_system_that_hangs_is_refuted_however_often_the_machine_stalls() {
    let mut record = stalled(&(0..200).step_by(20).collect::<Vec<_>>());
    for operation in &mut record.operations[50..70] {
        operation.done_us = operation.intended_us + 1_000_000;
        operation.outcome = Outcome::Fail;
        operation.woken_us = None;
    }
    check(&record, LATENCY, Verdict::Refuted);
    check(&record, AVAILABILITY, Verdict::Refuted);
    check(&record, ERRORS, Verdict::Refuted);
    for operation in &mut record.operations {
        // Sent late because the system held every connection, which is no stall.
        operation.sent_us = Some(operation.intended_us + 900_000);
        operation.woken_us = None;
    }
    assert_eq!(check(&record, LATENCY, Verdict::Refuted).disturbance, None);
}

#[test]
fn too_few_undisturbed_operations_prove_nothing() {
    let mut record = stalled(&(0..120).collect::<Vec<_>>());
    record.operations[150].outcome = Outcome::Fail;
    let found = check(&record, AVAILABILITY, Verdict::Unknown);
    assert!(found.reason.unwrap().contains("too few to judge by"));
    let mut record = stalled(&[5]);
    record.operations.truncate(20);
    record.operations[10].outcome = Outcome::Fail;
    check(&record, AVAILABILITY, Verdict::Unknown);
}

#[test]
fn what_a_stall_cannot_excuse_stays_refuted() {
    let mut record = stalled(&[50, 51, 52, 53, 54]);
    for operation in &mut record.operations[50..55] {
        operation.outcome = Outcome::Fail;
    }
    assert_eq!(check(&record, OUTAGE, Verdict::Refuted).disturbance, None);
}

#[test]
fn a_stored_trial_judged_again_agrees() {
    let record = stalled(&[3, 20, 40, 60, 61, 62, 80, 100, 120, 140, 160, 180]);
    let name = format!("standfast-stall-{}.jsonl.zst", std::process::id());
    let path = std::env::temp_dir().join(name);
    write_jsonl(&path, &record.operations).unwrap();
    let operations: Vec<Operation> = read_jsonl(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let again = TrialRecord { operations, ..record.clone() };
    for claim in claims() {
        assert_eq!(judge_trial(&claim, &record), judge_trial(&claim, &again));
    }
}

/// One trial of an arm. The outage and the load are not what these tests are about.
fn arm(arm: Arm, record: &TrialRecord) -> ArmResult {
    let experiment = experiment();
    let head = TrialHead { trial: 1, seed: 1, warm_up_us: 0, provisioned_in_ms: 1 };
    let mut finished = finish_trial(&experiment, head, record);
    finished.result.problems.clear();
    finished.claims[OUTAGE].verdict = Verdict::Holds;
    finished.claims[ERRORS].verdict = Verdict::Holds;
    arm_result(arm, &[], &experiment, &[finished])
}

#[test]
fn what_a_machine_excused_counts_for_who_asks_what_was_measured() {
    let concluded = |record: &TrialRecord| {
        let head = ResultHead {
            started_at: String::new(),
            elapsed: std::time::Duration::ZERO,
            seed: 1,
            command: String::new(),
            trials: 1,
        };
        let result =
            conclude(&experiment(), head, vec![arm(Arm::Treatment, record)], Ending::Complete);
        (result.outcome, as_measured(&result).outcome)
    };
    let spoiled = stalled(&[3, 20, 40, 60, 61, 62, 80, 100, 120, 140, 160, 180]);
    assert_eq!(concluded(&spoiled), (RunOutcome::Unknown, RunOutcome::Refuted));
    assert_eq!(concluded(&calm()), (RunOutcome::Holds, RunOutcome::Holds));
    let nothing = TrialRecord { operations: Vec::new(), ..calm() };
    assert_eq!(concluded(&nothing), (RunOutcome::Unknown, RunOutcome::Unknown));
}

#[test]
fn a_control_arm_that_only_the_machine_spoiled_is_not_worse() {
    let spoiled = stalled(&[3, 20, 40, 60, 61, 62, 80, 100, 120, 140, 160, 180]);
    let arms = [arm(Arm::Treatment, &calm()), arm(Arm::Control, &spoiled)];
    let judgement = judge(&arms, Some("fallback"));
    assert_eq!(judgement.verdict, Verdict::Unknown, "{:?}", judgement.reasons);
    let mut slow = calm();
    slow.operations.iter_mut().for_each(|operation| operation.done_us += 50_000);
    let arms = [arm(Arm::Treatment, &calm()), arm(Arm::Control, &slow)];
    assert_eq!(judge(&arms, Some("fallback")).verdict, Verdict::Holds);
}

pub(crate) fn operation() -> impl Strategy<Value = Operation> {
    let outcome = prop_oneof![9 => Just(Outcome::Ok), 1 => Just(Outcome::Fail)];
    let woken = proptest::option::weighted(0.2, 1_001..30_000_u64);
    (0..2_000_000_u64, 100..40_000_u64, outcome, woken).prop_map(
        |(at_us, latency_us, outcome, woken)| {
            let latency_us = latency_us + woken.unwrap_or(0);
            let woken_us = woken.map(|late_us| at_us + late_us);
            Operation { woken_us, ..look(at_us, latency_us, outcome) }
        },
    )
}

proptest! {
    #[test]
    fn stalls_only_ever_turn_refuted_into_unknown(
        operations in prop::collection::vec(operation(), 1..120),
    ) {
        let record = TrialRecord { operations, ..calm() };
        let mut blind = record.clone();
        blind.operations.iter_mut().for_each(|operation| operation.woken_us = None);
        for claim in claims() {
            let (seeing, blind) = (judge_trial(&claim, &record), judge_trial(&claim, &blind));
            prop_assert_eq!((seeing.measured, seeing.n), (blind.measured, blind.n));
            prop_assert!(blind.disturbance.is_none());
            let is_excused = seeing.is_spoiled() && blind.verdict == Verdict::Refuted;
            prop_assert!(is_excused || seeing.verdict == blind.verdict, "{:?}", claim.id);
        }
    }
}
