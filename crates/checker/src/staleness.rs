//! How old the answers were: every versioned read against the writes acknowledged before it.
//!
//! A read is stale by the time between the acknowledgement of the first newer write and the start
//! of the read: before that acknowledgement nobody could expect the newer value. The bound is on
//! this age and not on what the service states about itself.
//!
//! Operations carry no client identity, so that read-your-writes cannot be judged here: it takes a
//! scenario that writes and reads by one key per client.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use standfast_history::{Operation, Outcome};

/// What the system promised about the age of its answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StalenessBounds {
    /// For answers that are not marked as stale.
    pub fresh_within_us: u64,
    /// For answers that are marked as stale.
    pub stale_within_us: u64,
}

/// What was wrong with a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StalenessViolationKind {
    /// Not marked as stale, though older than a fresh answer may be.
    OldMarkedFresh,
    /// Marked as stale, and older than even a stale answer may be.
    OlderThanStaleBound,
    /// A version that nobody wrote.
    VersionNobodyWrote,
    /// A version whose write began only after the read had ended.
    VersionFromTheFuture,
    /// The version was written with another value.
    ValueNobodyWrote,
}

/// One wrong read, with what is needed to check it by hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StalenessViolation {
    pub kind: StalenessViolationKind,
    pub scenario: String,
    /// Index of the read in its scenario.
    pub read_index: u64,
    pub read_started_us: u64,
    pub key: String,
    pub version: i64,
    /// Age of the answer; 0 for what is wrong at any age.
    pub age_us: u64,
}

/// The judgement on all versioned reads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Staleness {
    /// Reads that carried a key and a version.
    pub judged: u64,
    /// Successful reads without one: they prove nothing and are not counted as good.
    pub unjudged: u64,
    /// Ages of the judged reads, sorted; a read of the newest value has age 0.
    pub ages_us: Vec<u64>,
    pub violations: Vec<StalenessViolation>,
}

/// Judges the successful reads of `judged` against the writes in `history`, which is the whole
/// trial: a write before the window makes a read inside it stale all the same.
pub fn judge_staleness<'a>(
    history: &'a [Operation],
    judged: impl IntoIterator<Item = &'a Operation>,
    bounds: StalenessBounds,
) -> Staleness {
    let keys = written_keys(history);
    let nothing_written = KeyHistory::default();
    let mut result = Staleness::default();
    for read in judged.into_iter().filter(|op| !op.write && op.outcome == Outcome::Ok) {
        let (Some(key), Some(version)) = (read.key.as_deref(), read.version) else {
            result.unjudged += 1;
            continue;
        };
        let written = keys.get(key).unwrap_or(&nothing_written);
        let started_us = read.sent_us.unwrap_or(read.intended_us);
        let age_us = written.age_us(version, started_us);
        result.judged += 1;
        result.ages_us.push(age_us);
        if let Some(kind) = written.violation(read, version, age_us, bounds) {
            result.violations.push(StalenessViolation {
                kind,
                scenario: read.scenario.clone(),
                read_index: read.index,
                read_started_us: started_us,
                key: key.to_owned(),
                version,
                age_us,
            });
        }
    }
    result.ages_us.sort_unstable();
    result
}

/// An acknowledged write of one version.
#[derive(Debug)]
struct Write<'a> {
    sent_us: u64,
    /// Earliest acknowledgement of this version or of any newer one.
    superseded_us: u64,
    value: Option<&'a str>,
}

/// Everything known about one key.
#[derive(Debug, Default)]
struct KeyHistory<'a> {
    acknowledged: BTreeMap<i64, Write<'a>>,
    /// Start times of writes without an answer: any of them may have made one version.
    unanswered_us: Vec<u64>,
    /// The lowest version read: it was there before the run, unless it was written.
    initial: Option<i64>,
    /// Versions read above the initial one that no acknowledged write explains.
    unexplained: BTreeSet<i64>,
}

fn written_keys(history: &[Operation]) -> BTreeMap<&str, KeyHistory<'_>> {
    let mut keys: BTreeMap<&str, KeyHistory<'_>> = BTreeMap::new();
    for operation in history {
        let Some(key) = operation.key.as_deref() else { continue };
        let known = keys.entry(key).or_default();
        let sent_us = operation.sent_us.unwrap_or(operation.intended_us);
        match (operation.write, operation.outcome, operation.version) {
            (true, Outcome::Ok, Some(version)) => {
                let value = operation.value.as_deref();
                let superseded_us = operation.done_us;
                known.acknowledged.insert(version, Write { sent_us, superseded_us, value });
            }
            // An acknowledged write that names no version made one all the same.
            (true, Outcome::Ok | Outcome::Info, _) => known.unanswered_us.push(sent_us),
            (false, Outcome::Ok, Some(version)) => {
                known.initial = Some(known.initial.map_or(version, |low| low.min(version)));
                known.unexplained.insert(version);
            }
            (true, Outcome::Fail, _) | (false, ..) => {}
        }
    }
    for known in keys.values_mut() {
        known.finish();
    }
    keys
}

impl KeyHistory<'_> {
    fn finish(&mut self) {
        let mut earliest_us = u64::MAX;
        for write in self.acknowledged.values_mut().rev() {
            earliest_us = earliest_us.min(write.superseded_us);
            write.superseded_us = earliest_us;
        }
        let explained = |version: &i64| {
            self.acknowledged.contains_key(version) || self.initial == Some(*version)
        };
        self.unexplained.retain(|version| !explained(version));
        self.unanswered_us.sort_unstable();
    }

    /// How long before `started_us` a newer version was acknowledged.
    fn age_us(&self, version: i64, started_us: u64) -> u64 {
        let newer = self.acknowledged.range(version.saturating_add(1)..).next();
        newer.map_or(0, |(_, write)| started_us.saturating_sub(write.superseded_us))
    }

    fn violation(
        &self,
        read: &Operation,
        version: i64,
        age_us: u64,
        bounds: StalenessBounds,
    ) -> Option<StalenessViolationKind> {
        if let Some(write) = self.acknowledged.get(&version) {
            if write.sent_us > read.done_us {
                return Some(StalenessViolationKind::VersionFromTheFuture);
            }
            if let (Some(read_value), Some(written)) = (read.value.as_deref(), write.value)
                && read_value != written
            {
                return Some(StalenessViolationKind::ValueNobodyWrote);
            }
        } else if self.unexplained.contains(&version) && !self.may_be_unanswered(version, read) {
            return Some(StalenessViolationKind::VersionNobodyWrote);
        }
        if read.stale && age_us > bounds.stale_within_us {
            return Some(StalenessViolationKind::OlderThanStaleBound);
        }
        (!read.stale && age_us > bounds.fresh_within_us)
            .then_some(StalenessViolationKind::OldMarkedFresh)
    }

    /// Whether writes without an answer that had begun can explain this version and every lower
    /// unexplained one: each makes at most one version.
    fn may_be_unanswered(&self, version: i64, read: &Operation) -> bool {
        let needed = self.unexplained.range(..=version).count();
        self.unanswered_us.partition_point(|&sent_us| sent_us <= read.done_us) >= needed
    }
}
