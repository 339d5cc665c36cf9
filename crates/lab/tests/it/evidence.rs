//! The evidence set of a trial: what happened, the orders around it, and what they add up to.

#![expect(clippy::unwrap_used, reason = "helpers of a test fail by panicking, as tests do")]

use std::time::Duration;

use standfast_history::{ErrorKind, Event, FinalRead, Operation, Outcome};
use standfast_lab::claim::{FaultRecord, TrialRecord};
use standfast_lab::evidence::Evidence;
use standfast_lab::fault::{Fault, FaultKind};

use crate::claim_objectives::{experiment, order, stock};
use crate::claim_shop::{entry, reading};

const TIMELINE: &str = "[[timeline]]\nat = '5s'\nfault = { kind = 'kill', target = 'web' }\n";

/// An order every 100 ms. What was intended between 1.0 s and 1.4 s waits until then, but for one
/// that gets no answer.
fn orders() -> Vec<Operation> {
    let attempt = |index: u64| {
        let intended_us = index * 100_000;
        let latency_us = match intended_us {
            1_000_000..1_400_000 => 1_400_000 - intended_us,
            _ => 20_000,
        };
        let order = order(index, Outcome::Ok, 0);
        let order = Operation { intended_us, done_us: intended_us + latency_us, ..order };
        match index {
            12 => Operation {
                outcome: Outcome::Info,
                status: 0,
                error: Some(ErrorKind::Timeout),
                id: None,
                done_us: intended_us + 500_000,
                ..order
            },
            _ => order,
        }
    };
    (0..30).map(attempt).collect()
}

fn events() -> Vec<Event> {
    let watchdog = |at_us: u64, event: &str, epoch: u64| {
        let event = Event::new(at_us, "watchdog", event).about("web");
        event.with("epoch", epoch).with("detail", "gone")
    };
    vec![
        Event::new(1_000, "watchdog", "promoted").about("web").with("epoch", 1),
        Event::new(950_000, "lab", "injecting").about("web"),
        watchdog(1_050_000, "detected", 1),
        watchdog(1_080_000, "fenced", 1),
        watchdog(1_300_000, "promoted", 2),
        watchdog(1_310_000, "switched", 2),
        Event::new(9_000_000, "supervisor", "stopped").about("web"),
    ]
}

fn record() -> TrialRecord {
    let fault = FaultRecord {
        fault: Fault::new(FaultKind::Kill, "web"),
        at: Duration::from_secs(1),
        until: None,
        injecting_us: Some(950_000),
        injected_us: Some(1_000_000),
        healing_us: None,
        healed_us: Some(2_000_000),
        evidence: Some("the process is gone".to_owned()),
        hit: None,
        error: None,
        trigger: None,
    };
    let ids = (0..30).map(|index| format!("o{index}"));
    let rows = |status: &str| ids.clone().map(|id| entry(&id, status)).collect();
    TrialRecord {
        end_us: 3_000_000,
        operations: orders(),
        events: events(),
        faults: vec![fault],
        finals: vec![
            FinalRead { before_load: true, ..stock("100") },
            reading("orders", rows("confirmed")),
            reading("reports", rows("filed")),
            stock("40"),
        ],
        ..TrialRecord::default()
    }
}

fn evidence_of(record: &TrialRecord) -> Evidence {
    Evidence::of(&experiment(TIMELINE), record).unwrap()
}

#[test]
fn a_failover_is_told_step_by_step() {
    let story = evidence_of(&record()).failover;
    let steps: Vec<(&str, f64)> =
        story.faults[0].steps.iter().map(|step| (step.step.as_str(), step.after_ms)).collect();
    let expected = [("detected", 50.0), ("fenced", 80.0), ("promoted", 300.0), ("switched", 310.0)];
    assert_eq!(steps, expected);
    insta::assert_snapshot!("evidence_failover", story.to_string());
}

#[test]
fn orders_around_the_injection_are_shown_one_by_one() {
    let orders = evidence_of(&record()).orders;
    let around = &orders.injections[0];
    assert_eq!(around.served_again_after_ms, Some(400.0));
    assert_eq!((around.touched_count, around.touched_without_success), (5, 1));
    assert_eq!(around.touched_latency_max_ms, Some(500.0));
    assert_eq!((around.before.len(), around.after.len()), (10, 10));
    insta::assert_snapshot!("evidence_orders", orders.to_string());
}

#[test]
fn the_books_are_added_up() {
    let right = evidence_of(&record()).integrity.unwrap();
    assert!(right.agrees, "{right}");
    assert_eq!((right.orders_acknowledged, right.orders_unanswered_found), (29, 1));
    let product = &right.products[0];
    assert_eq!((product.in_orders, product.in_reports, product.agrees), (60, Some(60), true));

    let mut wrong = record();
    wrong.finals[2].rows.pop();
    wrong.finals[3] = stock("42");
    let integrity = evidence_of(&wrong).integrity.unwrap();
    assert!(!integrity.agrees && !integrity.products[0].agrees, "{integrity}");
    insta::assert_snapshot!("evidence_integrity", integrity.to_string());
}

#[test]
fn books_that_cannot_be_read_say_so() {
    let mut record = record();
    record.finals[1].error = Some("refuses".to_owned());
    let unknown = evidence_of(&record).integrity.unwrap_err();
    assert_eq!(unknown, "`orders` could not be read of web: refuses");
}

#[test]
fn a_trial_that_breaks_nothing_leaves_none() {
    let healthy = TrialRecord { faults: Vec::new(), ..record() };
    assert_eq!(Evidence::of(&experiment(""), &healthy), None);
}

#[test]
fn the_set_is_three_pairs_of_files() {
    let name = format!("standfast-evidence-{}", std::process::id());
    let folder = std::env::temp_dir().join(name);
    evidence_of(&record()).write(&folder, "shop/orders, treatment trial 1").unwrap();
    for file in ["failover", "orders", "integrity"] {
        let text = std::fs::read_to_string(folder.join(format!("{file}.txt"))).unwrap();
        assert!(text.starts_with("shop/orders, treatment trial 1\n\n"), "{text}");
        let json = std::fs::read(folder.join(format!("{file}.json"))).unwrap();
        let value: serde_json::Value = serde_json::from_slice(&json).unwrap();
        assert!(value.is_object(), "{file}: {value}");
    }
    std::fs::remove_dir_all(&folder).unwrap();
}
