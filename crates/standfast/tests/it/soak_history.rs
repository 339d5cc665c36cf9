//! What the soak's clients saw, against what they were promised.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Serialize;
use standfast_checker::{StalenessBounds, judge_staleness};
use standfast_history::{ErrorKind, Operation, Outcome};

/// A stretch of the run in which one process of the system was being restored.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Disturbance {
    pub(crate) process: &'static str,
    pub(crate) label: String,
    pub(crate) killed_us: u64,
    pub(crate) restored_us: u64,
}

/// What an offer is in the primary after it all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Final {
    pub(crate) version: i64,
    pub(crate) value: String,
}

/// Everything that is needed to judge a soak.
#[derive(Debug)]
pub(crate) struct SoakHistory {
    pub(crate) operations: Vec<Operation>,
    pub(crate) disturbances: Vec<Disturbance>,
    pub(crate) initial: BTreeMap<String, Final>,
    pub(crate) last: BTreeMap<String, Final>,
    pub(crate) bounds: StalenessBounds,
}

impl SoakHistory {
    /// Everything that must not have happened, in words.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let mut complaints = self.wrong_answers();
        complaints.extend(self.uncontrolled_errors());
        complaints.extend(self.lost_writes());
        complaints
    }

    /// Old answers that claim to be fresh, versions and values that nobody wrote.
    fn wrong_answers(&self) -> Vec<String> {
        let judged = judge_staleness(&self.operations, self.reads(), self.bounds);
        assert!(judged.judged > 0 && judged.unjudged == 0, "every read carries its version");
        let violations = judged.violations.iter();
        let mut complaints: Vec<String> = violations
            .map(|violation| format!("{violation:?}; {}", self.around(violation.read_started_us)))
            .collect();
        // The checker compares values of acknowledged writes; the others have one as well.
        let mut written: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (key, initial) in &self.initial {
            written.entry(key).or_default().insert(&initial.value);
        }
        for operation in self.operations.iter().filter(|operation| operation.write) {
            if let (Some(key), Some(value)) = (&operation.key, &operation.value) {
                written.entry(key).or_default().insert(value);
            }
        }
        for read in self.successful(false) {
            let (Some(key), Some(value)) = (&read.key, &read.value) else { continue };
            if !written.get(key.as_str()).is_some_and(|known| known.contains(value.as_str())) {
                complaints.push(format!("a value that nobody wrote: {read:?}"));
            }
        }
        complaints
    }

    /// A client may see 503; 504 when the outcome of its write is not known; and a broken
    /// connection when the service itself was killed.
    fn uncontrolled_errors(&self) -> Vec<String> {
        let is_controlled = |operation: &&Operation| match (operation.status, operation.error) {
            (503, None) => true,
            (504, None) => operation.write,
            (0, Some(ErrorKind::Connect | ErrorKind::Reset | ErrorKind::Timeout)) => {
                self.is_service_away(operation)
            }
            _ => false,
        };
        let failed = self.operations.iter().filter(|operation| operation.outcome != Outcome::Ok);
        failed
            .filter(|operation| !is_controlled(operation))
            .map(|operation| {
                format!("uncontrolled: {operation:?}; {}", self.around(operation.intended_us))
            })
            .collect()
    }

    fn is_service_away(&self, operation: &Operation) -> bool {
        self.disturbances.iter().any(|disturbance| {
            disturbance.process == "offers"
                && operation.done_us >= disturbance.killed_us
                && operation.intended_us <= disturbance.restored_us
        })
    }

    /// Each acknowledged write made one version, and the primary has come at least as far.
    fn lost_writes(&self) -> Vec<String> {
        let mut complaints = Vec::new();
        let mut acknowledged: BTreeMap<(&str, i64), &Operation> = BTreeMap::new();
        for write in self.successful(true) {
            let (Some(key), Some(version)) = (write.key.as_deref(), write.version) else {
                complaints.push(format!("acknowledged without a version: {write:?}"));
                continue;
            };
            if let Some(other) = acknowledged.insert((key, version), write) {
                complaints.push(format!("one version was given to two: {write:?} and {other:?}"));
            }
        }
        for ((key, version), write) in acknowledged {
            let last = &self.last[key];
            let is_there = last.version > version
                || (last.version == version && write.value.as_ref() == Some(&last.value));
            if !is_there {
                complaints.push(format!("lost: {write:?}, the primary has {last:?}"));
            }
        }
        complaints
    }

    /// Reads of one offer; a search has no version.
    fn reads(&self) -> impl Iterator<Item = &Operation> {
        self.operations.iter().filter(|operation| operation.scenario == "read")
    }

    fn successful(&self, write: bool) -> impl Iterator<Item = &Operation> {
        let is_meant = move |op: &&Operation| {
            op.write == write && op.outcome == Outcome::Ok && op.key.is_some()
        };
        self.operations.iter().filter(is_meant)
    }

    /// What was killed about that time.
    fn around(&self, at_us: u64) -> String {
        let before = self.disturbances.iter().rev().find(|one| one.killed_us <= at_us);
        before.map_or_else(
            || "before the first kill".to_owned(),
            |one| {
                let after = Duration::from_micros(at_us - one.killed_us);
                let took = Duration::from_micros(one.restored_us - one.killed_us);
                format!("{after:?} after the kill of {}, restored in {took:?}", one.label)
            },
        )
    }

    /// The figures, for people.
    pub(crate) fn summary(&self) -> String {
        let mut kills: BTreeMap<&str, u32> = BTreeMap::new();
        let mut recoveries: Vec<u64> = Vec::new();
        for disturbance in &self.disturbances {
            *kills.entry(&disturbance.label).or_default() += 1;
            recoveries.push(disturbance.restored_us - disturbance.killed_us);
        }
        recoveries.sort_unstable();
        let mut failures: BTreeMap<String, u32> = BTreeMap::new();
        for failed in self.operations.iter().filter(|one| one.outcome != Outcome::Ok) {
            let why = failed.error.map_or_else(|| failed.status.to_string(), |e| format!("{e:?}"));
            *failures.entry(format!("{} {why}", failed.scenario)).or_default() += 1;
        }
        let ages = |stale: bool| {
            let reads = self.reads().filter(|read| read.stale == stale);
            let judged = judge_staleness(&self.operations, reads, self.bounds);
            let worst = judged.ages_us.last().copied().unwrap_or_default();
            format!("{} reads, oldest {:?}", judged.judged, Duration::from_micros(worst))
        };
        let recovery = |index: usize| recoveries.get(index).copied().map(Duration::from_micros);
        format!(
            "{} kills: {kills:?}\n{} operations, {} acknowledged writes\nfailures: {failures:?}\n\
             fresh: {}\nmarked stale: {}\nrecovery: median {:?}, slowest {:?}",
            self.disturbances.len(),
            self.operations.len(),
            self.successful(true).count(),
            ages(false),
            ages(true),
            recovery(recoveries.len() / 2),
            recovery(recoveries.len().saturating_sub(1)),
        )
    }
}

/// A read and a write of one offer, both good.
fn good() -> SoakHistory {
    let operation = |scenario: &str, at_us: u64, version: i64, value: &str| Operation {
        index: 0,
        scenario: scenario.to_owned(),
        intended_us: at_us,
        woken_us: None,
        sent_us: Some(at_us),
        done_us: at_us + 10,
        outcome: Outcome::Ok,
        status: 200,
        error: None,
        source: None,
        stale: false,
        age_ms: None,
        id: None,
        key: Some("a".to_owned()),
        version: Some(version),
        value: Some(value.to_owned()),
        write: scenario == "write",
    };
    let stored = |version, value: &str| {
        BTreeMap::from([("a".to_owned(), Final { version, value: value.to_owned() })])
    };
    let mut failed = operation("read", 2_000, 0, "");
    (failed.outcome, failed.status, failed.error) = (Outcome::Fail, 0, Some(ErrorKind::Connect));
    (failed.version, failed.value) = (None, None);
    SoakHistory {
        operations: vec![
            operation("write", 100, 2, "20"),
            operation("read", 1_000, 2, "20"),
            failed,
            operation("read", 50, 1, "10"),
        ],
        disturbances: vec![Disturbance {
            process: "offers",
            label: "offers".to_owned(),
            killed_us: 1_900,
            restored_us: 2_100,
        }],
        initial: stored(1, "10"),
        last: stored(2, "20"),
        bounds: StalenessBounds { fresh_within_us: 500, stale_within_us: 5_000 },
    }
}

#[track_caller]
fn check(spoil: impl FnOnce(&mut SoakHistory), complaint: &str) {
    let mut history = good();
    spoil(&mut history);
    let complaints = history.complaints();
    assert!(complaints.iter().any(|one| one.starts_with(complaint)), "{complaints:?}");
}

#[test]
fn a_soak_is_only_as_good_as_what_it_complains_about() {
    assert_eq!(good().complaints(), [""; 0]);
    let old = |history: &mut SoakHistory| {
        let read = &mut history.operations[1];
        (read.version, read.value) = (Some(1), Some("10".to_owned()));
    };
    check(old, "StalenessViolation { kind: OldMarkedFresh");
    check(|history| history.operations[1].version = Some(9), "StalenessViolation { kind: Version");
    check(
        |history| history.operations[1].value = Some("7".to_owned()),
        "a value that nobody wrote",
    );
    check(|history| history.operations[2].status = 500, "uncontrolled");
    check(|history| history.operations[2].error = Some(ErrorKind::Protocol), "uncontrolled");
    check(|history| history.disturbances[0].restored_us = 1_950, "uncontrolled");
    check(|history| history.operations[0].version = None, "acknowledged without a version");
    check(|history| history.last = history.initial.clone(), "lost");
    let twice = |history: &mut SoakHistory| {
        let mut other = history.operations[0].clone();
        other.value = Some("30".to_owned());
        history.operations.push(other);
    };
    check(twice, "one version was given to two");
}
