//! Programs that compete for the processors must not refute a claim, and must not make one hold.

use proptest::prelude::*;
use standfast_history::{MachineSample, Outcome, read_jsonl, write_jsonl};
use standfast_lab::claim::{TrialRecord, judge_trial};
use standfast_lab::run::{TrialHead, arm_result, finish_trial};
use standfast_lab::verdict::{Arm, Verdict, judge};

use crate::claim_stall::{
    AVAILABILITY, ERRORS, LATENCY, OUTAGE, RATIO, calm, check, claims, experiment, operation,
    stalled,
};

const SPAN_US: u64 = 200_000;

/// Two seconds, in some fifths of which other programs do that to the machine.
fn machine(spans: &[u64], foreign: f64, late_us: u64) -> Vec<MachineSample> {
    let span = |number: u64| {
        let from_us = number * SPAN_US;
        let quiet = MachineSample {
            from_us,
            to_us: from_us + SPAN_US,
            own: 0.2,
            foreign: 0.02,
            stolen: 0.0,
            late_us: 90,
        };
        let is_busy = spans.contains(&number);
        if is_busy { MachineSample { foreign, late_us, ..quiet } } else { quiet }
    };
    (0..10).map(span).collect()
}

/// Every answer that is due in these fifths of a second comes 30 ms later.
fn slow_in(spans: &[u64]) -> TrialRecord {
    let mut record = calm();
    for operation in &mut record.operations {
        if spans.contains(&(operation.intended_us / SPAN_US)) {
            operation.done_us += 30_000;
        }
    }
    record
}

/// The same, and other programs are why.
fn crowded(spans: &[u64]) -> TrialRecord {
    TrialRecord { machine: machine(spans, 0.7, 12_000), ..slow_in(spans) }
}

#[test]
fn late_answers_beside_busy_programs_prove_nothing() {
    let found = check(&crowded(&[3, 4]), LATENCY, Verdict::Unknown);
    assert!((found.measured.unwrap() - 31.0).abs() < 0.1, "the figure is what clients saw");
    let expected = "other programs took the processors, which disturbed 19.5 % of the \
                    operations: 31 ms over all of them, 1 ms over the others";
    assert_eq!(found.reason.as_deref(), Some(expected));
    let disturbance = found.disturbance.unwrap();
    // The last one of them ended when it was over.
    assert!((disturbance.crowded - 0.195).abs() < 1e-9, "{disturbance:?}");
    check(&crowded(&[3, 4]), RATIO, Verdict::Unknown);
}

#[test]
fn programs_that_made_nobody_wait_excuse_nothing() {
    for (foreign, late_us) in [(0.7, 200), (0.1, 12_000), (0.0, 0)] {
        let record =
            TrialRecord { machine: machine(&[3, 4], foreign, late_us), ..slow_in(&[3, 4]) };
        assert_eq!(check(&record, LATENCY, Verdict::Refuted).disturbance, None);
    }
    assert_eq!(check(&slow_in(&[3, 4]), LATENCY, Verdict::Refuted).disturbance, None);
}

#[test]
fn a_system_that_is_slow_at_other_times_is_refuted() {
    let record = TrialRecord { machine: machine(&[3, 4], 0.7, 12_000), ..slow_in(&[6, 7]) };
    let found = check(&record, LATENCY, Verdict::Refuted);
    assert!(found.disturbance.is_some(), "it was looked at");
    let mut record = crowded(&[3]);
    record.operations[150].outcome = Outcome::Fail;
    check(&record, AVAILABILITY, Verdict::Refuted);
    record.operations[150].outcome = Outcome::Ok;
    record.operations[70].outcome = Outcome::Fail;
    check(&record, AVAILABILITY, Verdict::Refuted);
    // A service that gave up after a while may have waited for a processor.
    record.operations[70].done_us += 200_000;
    check(&record, AVAILABILITY, Verdict::Unknown);
}

#[test]
fn a_wait_that_crowding_merely_brushes_is_held_against_the_system() {
    let mut record = TrialRecord { machine: machine(&[3], 0.7, 12_000), ..calm() };
    for operation in &mut record.operations[60..80] {
        operation.done_us = operation.intended_us + 1_000_000;
        operation.outcome = Outcome::Fail;
    }
    check(&record, LATENCY, Verdict::Refuted);
    check(&record, AVAILABILITY, Verdict::Refuted);
    check(&record, ERRORS, Verdict::Refuted);
}

#[test]
fn a_system_that_is_down_is_found_out_on_a_crowded_machine_as_well() {
    let mut record = crowded(&(0..10).collect::<Vec<_>>());
    for operation in &mut record.operations[60..80] {
        operation.done_us = operation.intended_us + 2_000;
        operation.outcome = Outcome::Fail;
    }
    check(&record, AVAILABILITY, Verdict::Refuted);
}

#[test]
fn what_a_stall_leaves_open_is_not_refuted_because_others_were_busy_as_well() {
    // Most answers take 4 ms and stalls triple some: 3.25 times the median, or once without them.
    let mut record = stalled(&(0..200).step_by(15).collect::<Vec<_>>());
    for (index, operation) in record.operations.iter_mut().enumerate() {
        let latency_us = match (operation.woken_us, index) {
            (Some(_), _) => 13_000,
            (None, 0..90 | 180..) => 4_000,
            (None, _) => 1_000,
        };
        operation.done_us = operation.intended_us + latency_us;
    }
    check(&record, RATIO, Verdict::Unknown);
    // Without the first of the slow ones as well, the median is 1 ms and the ratio 4.
    record.machine = machine(&[0, 1, 2, 3], 0.7, 12_000);
    let found = check(&record, RATIO, Verdict::Unknown);
    assert!(found.reason.unwrap().starts_with("the machine stalled, which"));
}

#[test]
fn a_machine_that_was_crowded_for_most_of_the_time_is_no_place_to_measure() {
    let found = check(&crowded(&[0, 1, 2, 3, 4, 5]), LATENCY, Verdict::Unknown);
    assert!(found.reason.unwrap().ends_with("the others are too few to judge by"));
}

#[test]
fn what_crowding_cannot_excuse_stays_refuted() {
    let mut record = crowded(&[3]);
    for operation in &mut record.operations[60..70] {
        operation.outcome = Outcome::Fail;
    }
    assert_eq!(check(&record, OUTAGE, Verdict::Refuted).disturbance, None);
}

#[test]
fn both_reasons_are_named_where_both_were_at_work() {
    let stalled = stalled(&[3, 6, 120, 140, 160, 180]);
    let machine = machine(&[3], 0.7, 12_000);
    let mut record = TrialRecord { machine, ..stalled };
    record.operations[60..80].iter_mut().for_each(|operation| operation.done_us += 30_000);
    let reason = check(&record, LATENCY, Verdict::Unknown).reason.unwrap();
    let both = "the machine stalled and other programs took the processors, which";
    assert!(reason.starts_with(both), "{reason}");
}

#[test]
fn a_trial_says_how_busy_others_were_and_a_stored_one_is_judged_alike() {
    let record = crowded(&[3, 4]);
    let head = TrialHead { trial: 1, seed: 1, warm_up_us: 0, provisioned_in_ms: 1 };
    let finished = finish_trial(&experiment(), head, &record);
    let found = finished.result.machine.unwrap();
    assert!((found.crowded - 0.2).abs() < 1e-9, "{found:?}");
    assert!((found.foreign - (0.2 * 0.7 + 0.8 * 0.02)).abs() < 1e-9, "{found:?}");
    assert!((found.late_ms_max - 12.0).abs() < 1e-9, "{found:?}");
    let arm = arm_result(Arm::Treatment, &[], &experiment(), &[finished]);
    let warnings = judge(&[arm], None).warnings;
    assert!(warnings.iter().any(|text| text.contains("other programs used")), "{warnings:?}");

    let name = format!("standfast-crowding-{}.jsonl.zst", std::process::id());
    let path = std::env::temp_dir().join(name);
    write_jsonl(&path, &record.machine).unwrap();
    let machine: Vec<MachineSample> = read_jsonl(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let again = TrialRecord { machine, ..record.clone() };
    for claim in claims() {
        assert_eq!(judge_trial(&claim, &record), judge_trial(&claim, &again));
    }
    let unwatched = TrialRecord { machine: Vec::new(), ..record };
    assert_eq!(finish_trial(&experiment(), head, &unwatched).result.machine, None);
}

proptest! {
    #[test]
    fn crowding_only_ever_turns_refuted_into_unknown(
        operations in prop::collection::vec(operation(), 1..120),
        spans in prop::collection::vec(0..10_u64, 0..10),
    ) {
        let blind = TrialRecord { operations, ..calm() };
        let seeing = TrialRecord { machine: machine(&spans, 0.7, 12_000), ..blind.clone() };
        for claim in claims() {
            let (seeing, blind) = (judge_trial(&claim, &seeing), judge_trial(&claim, &blind));
            prop_assert_eq!((seeing.measured, seeing.n), (blind.measured, blind.n));
            let is_excused = seeing.is_spoiled() && blind.verdict == Verdict::Refuted;
            prop_assert!(is_excused || seeing.verdict == blind.verdict, "{:?}", claim.id);
        }
    }
}
