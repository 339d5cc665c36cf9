//! A run written down by hand: the records that a healthy and a broken system would have left.
//!
//! The figures are invented, since the subject here is what becomes of records; how records come
//! to be is tested on real systems elsewhere.

#![expect(clippy::unwrap_used, reason = "helpers of a test fail by panicking, as tests do")]

use std::time::Duration;

use standfast_history::{ErrorKind, Event, Operation, Outcome};
use standfast_lab::claim::{FaultRecord, TrialRecord};
use standfast_lab::fault::{Fault, FaultKind};
use standfast_lab::run::{
    Ending, EngineVersion, Environment, FinishedTrial, ResultHead, RunFolder, StoredRun, Tagged,
    TrialHead, arm_result, conclude, finish_trial,
};
use standfast_lab::spec::{Experiment, ExperimentSource, SystemSource};
use standfast_lab::verdict::{Arm, Delivery};

const SYSTEM: &str = r#"name = "shop"
title = "A shop"
[engine.primary]
kind = "postgres"
port = 5432
[engine.replica]
kind = "postgres"
port = 5433
replica_of = "primary"
[service.web]
run = ["web", "{port}"]
port = 5000
needs = ["replica"]
[tactic.stale-fallback]
title = "Answer from the cache"
[scenario.search]
service = "web"
method = "GET"
path = "/"
"#;

const EXPERIMENT: &str = r#"title = "Searches survive the loss of the replica"
system = "shop"
tactic = "stale-fallback"
trials = 3
duration = "20s"
[[load]]
scenario = "search"
rate = "100/s"
[[timeline]]
at = "5s"
fault = { kind = "stop", target = "replica" }
for = "8s"
[[claim]]
that = "availability"
during = "fault"
at_least = "100 %"
[[claim]]
that = "latency_p95"
during = "fault"
at_most = "50 ms"
[[claim]]
that = "ttd"
at_most = "500 ms"
[[claim]]
that = "ttr"
at_most = "2s"
"#;

/// Where the measured run begins: the system took 1.5 s to start, and the warm-up 2 s.
pub(crate) const ZERO_US: u64 = 3_500_000;

pub(crate) fn experiment() -> Experiment {
    let system =
        SystemSource::Embedded { name: "shop".to_owned(), text: SYSTEM.to_owned(), files: vec![] };
    ExperimentSource::embedded("shop", "replica-loss", EXPERIMENT).load(&[system]).unwrap()
}

fn at_s(seconds: f64) -> u64 {
    (ZERO_US as f64 + seconds * 1e6) as u64
}

/// Noise that is the same every time, from 0 to 1 (Knuth's multiplicative hash).
fn noise(index: u64) -> f64 {
    (index.wrapping_mul(2_654_435_761) % 1000) as f64 / 1000.0
}

/// One trial; the fallback decides what is answered while the replica is gone.
pub(crate) fn record(arm: Arm, trial: u32) -> TrialRecord {
    let shift = f64::from(trial) * 0.004;
    let (injected, healing, healed) = (5.08 + shift, 13.001, 13.62 + shift);
    let operations = (0..2200)
        .map(|index| {
            let seconds = -2.0 + index as f64 * 0.01;
            let away = injected <= seconds && seconds < healed;
            operation(index, seconds, away, arm == Arm::Treatment, trial)
        })
        .collect();
    let event = |seconds, source: &str, event: &str| {
        Event::new(at_s(seconds), source, event).about("replica")
    };
    let fault = Fault::new(FaultKind::Stop, "replica");
    TrialRecord {
        zero_us: ZERO_US,
        end_us: at_s(20.0),
        settle_us: 2_000_000,
        operations,
        events: vec![
            event(5.001, "lab", "injecting").with("kind", "stop"),
            event(injected, "lab", "injected").with("evidence", "process gone, port refuses"),
            event(injected + 0.041, "web", "detected").with("by", "circuit-breaker"),
            event(healing, "lab", "healing"),
            event(healed, "lab", "healed"),
            event(healed + 0.3, "web", "recovered"),
        ],
        lacks_tactic: false,
        faults: vec![FaultRecord {
            fault,
            at: Duration::from_secs(5),
            until: Some(Duration::from_secs(13)),
            injecting_us: Some(at_s(5.001)),
            injected_us: Some(at_s(injected)),
            healing_us: Some(at_s(healing)),
            healed_us: Some(at_s(healed)),
            evidence: Some("process gone, port refuses".to_owned()),
            hit: None,
            error: None,
            trigger: None,
        }],
        deliveries: [(
            "search".to_owned(),
            Delivery { intended: 2200, missed: 1, lateness_p99_ms: 0.12, cpu_ms: 66.0 },
        )]
        .into(),
        samples: Vec::new(),
        machine: Vec::new(),
        finals: Vec::new(),
    }
}

fn operation(index: u64, seconds: f64, away: bool, falls_back: bool, trial: u32) -> Operation {
    let spread = noise(index + u64::from(trial) * 7919);
    let hit = spread < 0.6;
    let (outcome, status, source, stale, latency_ms) = match (away, falls_back) {
        (true, true) => (Outcome::Ok, 200, Some("cache"), !hit, 0.7 + spread),
        (true, false) if !hit && spread > 0.9 => (Outcome::Fail, 0, None, false, 1000.0),
        (true, false) if !hit => (Outcome::Fail, 503, None, false, 20.0 + spread * 30.0),
        (_, _) if hit => (Outcome::Ok, 200, Some("cache"), false, 0.5 + spread),
        (_, _) => (Outcome::Ok, 200, Some("database"), false, 9.0 + spread * spread * 25.0),
    };
    let intended_us = at_s(seconds);
    Operation {
        index,
        scenario: "search".to_owned(),
        intended_us,
        woken_us: None,
        sent_us: Some(intended_us + 40),
        done_us: intended_us + (latency_ms * 1000.0) as u64,
        outcome,
        status,
        error: (status == 0).then_some(ErrorKind::Timeout),
        source: source.map(str::to_owned),
        stale,
        age_ms: None,
        id: None,
        key: None,
        version: None,
        value: None,
        write: false,
    }
}

/// Judges `records` as the runner does.
pub(crate) fn finish(records: &[TrialRecord]) -> Vec<FinishedTrial> {
    let head = |index: usize| TrialHead {
        trial: index as u32 + 1,
        seed: 7 + index as u64,
        warm_up_us: 2_000_000,
        provisioned_in_ms: 1500,
    };
    let experiment = experiment();
    let each = records.iter().enumerate();
    each.map(|(index, record)| finish_trial(&experiment, head(index), record)).collect()
}

/// The stored run of both arms.
pub(crate) fn stored_run(records: &[(Arm, Vec<TrialRecord>)]) -> StoredRun {
    let experiment = experiment();
    let command = "standfast run replica-loss --seed 7".to_owned();
    let arms = records.iter().map(|(arm, records)| {
        let without = match arm {
            Arm::Treatment => vec![],
            Arm::Control => vec!["stale-fallback".to_owned()],
        };
        arm_result(*arm, &without, &experiment, &finish(records))
    });
    let head = ResultHead {
        started_at: "2026-11-22T12:00:00Z".to_owned(),
        elapsed: Duration::from_secs(150),
        seed: 7,
        command: command.clone(),
        trials: 3,
    };
    let result = conclude(&experiment, head, arms.collect(), Ending::Complete);
    let tagged = records.iter().flat_map(|(arm, records)| {
        records.iter().enumerate().map(|(index, record)| (*arm, index as u32 + 1, record))
    });
    let mut operations = Vec::new();
    let mut events = Vec::new();
    for (arm, trial, of_trial) in tagged {
        let tag = |record| Tagged { arm, trial, record };
        operations.extend(of_trial.operations.iter().cloned().map(tag));
        events.extend(of_trial.events.iter().map(|event| Tagged {
            arm,
            trial,
            record: event.clone(),
        }));
    }
    StoredRun {
        result,
        environment: environment(command),
        operations,
        events,
        evidence: Vec::new(),
        artifacts: Vec::new(),
    }
}

fn environment(command: String) -> Environment {
    Environment {
        standfast: "0.1.0".to_owned(),
        optimised: true,
        operating_system: "Debian GNU/Linux 12".to_owned(),
        kernel: "6.1".to_owned(),
        processor: "Some processor".to_owned(),
        cores: 2,
        memory_mb: 8000,
        load_average: 0.5,
        command,
        seed: 7,
        engines: vec![EngineVersion {
            name: "replica".to_owned(),
            kind: "postgres".to_owned(),
            version: "15.14".to_owned(),
            path: "/usr/lib/postgresql/15/bin".to_owned(),
        }],
    }
}

pub(crate) fn both_arms() -> Vec<(Arm, Vec<TrialRecord>)> {
    [Arm::Treatment, Arm::Control]
        .map(|arm| (arm, (1..=3).map(|trial| record(arm, trial)).collect()))
        .into()
}

/// Writes the stored files of `run` into a fresh folder.
pub(crate) fn write(run: &StoredRun, name: &str) -> RunFolder {
    let root = std::env::temp_dir().join(format!("standfast-report-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&root).unwrap();
    let folder = RunFolder::at(root);
    let result = serde_json::to_string_pretty(&run.result).unwrap();
    let environment = serde_json::to_string_pretty(&run.environment).unwrap();
    std::fs::write(folder.result(), result).unwrap();
    std::fs::write(folder.environment(), environment).unwrap();
    standfast_history::write_jsonl(&folder.events(), &run.events).unwrap();
    standfast_history::write_jsonl(&folder.history(), &run.operations).unwrap();
    folder
}
