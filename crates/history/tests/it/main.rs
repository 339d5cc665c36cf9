//! Histories survive the way to disk and back, and damage is named by its line.

use proptest::prelude::*;
use standfast_history::{ErrorKind, Operation, Outcome, read_jsonl, write_jsonl};

fn temporary(name: &str) -> std::path::PathBuf {
    std::env::temp_dir().join(format!("standfast-history-{}-{name}", std::process::id()))
}

prop_compose! {
    fn operation()(
        index in any::<u64>(),
        intended_us in 0..1_000_000_u64,
        sent_us in proptest::option::of(0..1_000_000_u64),
        done_us in 0..2_000_000_u64,
        status in 0..600_u16,
        failed in any::<bool>(),
        source in proptest::option::of("[a-z\"\\\\ ]{0,8}"),
        version in proptest::option::of(any::<i64>()),
    ) -> Operation {
        Operation {
            index,
            scenario: "search".to_owned(),
            intended_us,
            woken_us: sent_us.map(|sent_us| sent_us + 1),
            sent_us,
            done_us,
            outcome: if failed { Outcome::Fail } else { Outcome::Ok },
            status,
            error: failed.then_some(ErrorKind::Reset),
            source,
            stale: failed,
            age_ms: version.map(i64::unsigned_abs),
            id: None,
            key: None,
            version,
            value: None,
            write: !failed,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn operations_survive_a_round_trip(operations in prop::collection::vec(operation(), 0..40)) {
        for name in ["round.jsonl", "round.jsonl.zst"] {
            let path = temporary(name);
            write_jsonl(&path, &operations).unwrap();
            let read: Vec<Operation> = read_jsonl(&path).unwrap();
            std::fs::remove_file(&path).unwrap();
            prop_assert_eq!(&read, &operations);
        }
    }
}

#[test]
fn a_damaged_line_is_named() {
    let path = temporary("damaged.jsonl");
    std::fs::write(&path, "\n{\"index\": true}\n").unwrap();
    let error = read_jsonl::<Operation>(&path).unwrap_err().to_string();
    std::fs::remove_file(&path).unwrap();
    assert!(error.contains("line 2"), "{error}");
}

#[test]
fn latency_counts_from_the_intended_time() {
    let line = r#"{"index":0,"scenario":"s","intended_us":100,"sent_us":900,
        "done_us":1000,"outcome":"ok","status":200}"#;
    let operation: Operation = serde_json::from_str(line).unwrap();
    assert_eq!(operation.latency_us(), 900);
    assert_eq!(operation.service_time_us(), Some(100));
}
