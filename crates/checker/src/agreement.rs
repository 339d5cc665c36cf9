//! Wrong answers: one key at one version has one value, whoever is asked and whenever.
//!
//! Replicas that apply the same log hold the same value at the same version. Two answers that
//! differ there cannot both be right, so that no oracle is needed: what was read from a trusted
//! place, and what an acknowledged write has written, is the truth, and without either the
//! greater number of answers is. An answer that nothing can be held against is not judged, and
//! does not count as a right one.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use standfast_history::{Operation, Outcome};

/// A value that is known, from elsewhere than the answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Truth {
    pub key: String,
    pub version: i64,
    pub value: String,
}

/// An answer that cannot be right, with what contradicts it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrongAnswer {
    pub scenario: String,
    /// Index of the answer in its scenario.
    pub index: u64,
    pub key: String,
    pub version: i64,
    pub value: String,
    pub expected: String,
    pub witness: Witness,
}

/// Who says otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Witness {
    /// What was read from a place that the experiment trusts.
    Truth,
    /// Another attempt: the write of the value, or the first of most of the answers.
    Attempt { scenario: String, index: u64 },
}

/// The judgement on all answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Agreement {
    /// Answers that something could be held against.
    pub judged: u64,
    /// Successful answers without key, version or value, or the only one at their version.
    pub unjudged: u64,
    pub wrong: Vec<WrongAnswer>,
}

/// Judges the successful reads of `judged` against `truths` and against all answers in `history`,
/// which is the whole trial: what was answered before a window contradicts what is answered in it.
pub fn judge_agreement<'a>(
    history: &'a [Operation],
    judged: impl IntoIterator<Item = &'a Operation>,
    truths: &'a [Truth],
) -> Agreement {
    let known = known_values(history, truths);
    let mut result = Agreement::default();
    for read in judged.into_iter().filter(|operation| is_answer(operation)) {
        let facts = facts_of(read);
        let expected = facts.and_then(|facts| known.get(&(facts.key, facts.version))?.expected());
        let (Some(facts), Some((expected, witness))) = (facts, expected) else {
            result.unjudged += 1;
            continue;
        };
        result.judged += 1;
        if facts.value != expected {
            result.wrong.push(WrongAnswer {
                scenario: read.scenario.clone(),
                index: read.index,
                key: facts.key.to_owned(),
                version: facts.version,
                value: facts.value.to_owned(),
                expected: expected.to_owned(),
                witness,
            });
        }
    }
    result
}

impl fmt::Display for WrongAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scenario, index, key, version, value, expected, witness } = self;
        write!(f, "{scenario} #{index} says that {key} is {value} at version {version}, ")?;
        match witness {
            Witness::Truth => write!(f, "the truth is {expected}"),
            Witness::Attempt { scenario, index } => {
                write!(f, "{scenario} #{index} says {expected}")
            }
        }
    }
}

/// What an answer says.
#[derive(Clone, Copy, Debug)]
struct Facts<'a> {
    key: &'a str,
    version: i64,
    value: &'a str,
}

fn facts_of(operation: &Operation) -> Option<Facts<'_>> {
    let (key, value) = (operation.key.as_deref()?, operation.value.as_deref()?);
    Some(Facts { key, version: operation.version?, value })
}

fn is_answer(operation: &Operation) -> bool {
    !operation.write && operation.outcome == Outcome::Ok
}

/// All that is known of one key at one version.
#[derive(Debug, Default)]
struct Known<'a> {
    truth: Option<&'a str>,
    written: Option<&'a Operation>,
    /// The first answer with each value, and how many there are.
    answers: BTreeMap<&'a str, (&'a Operation, u64)>,
}

impl<'a> Known<'a> {
    /// The value that is right, and who says so. `None` when there is a single answer.
    fn expected(&self) -> Option<(&'a str, Witness)> {
        if let Some(truth) = self.truth {
            return Some((truth, Witness::Truth));
        }
        let attempt = |operation: &Operation| Witness::Attempt {
            scenario: operation.scenario.clone(),
            index: operation.index,
        };
        if let Some(write) = self.written {
            return write.value.as_deref().map(|value| (value, attempt(write)));
        }
        let total: u64 = self.answers.values().map(|(_, count)| count).sum();
        // Of as many on each side, those that began earlier are believed: a fault comes later.
        let most = self
            .answers
            .iter()
            .max_by_key(|(_, (first, count))| (*count, std::cmp::Reverse(first.intended_us)));
        most.filter(|_| total >= 2).map(|(value, (first, _))| (*value, attempt(first)))
    }
}

fn known_values<'a>(
    history: &'a [Operation],
    truths: &'a [Truth],
) -> BTreeMap<(&'a str, i64), Known<'a>> {
    let mut known: BTreeMap<(&str, i64), Known<'_>> = BTreeMap::new();
    for truth in truths {
        known.entry((&truth.key, truth.version)).or_default().truth = Some(&truth.value);
    }
    for operation in history.iter().filter(|operation| operation.outcome == Outcome::Ok) {
        let Some(facts) = facts_of(operation) else { continue };
        let known = known.entry((facts.key, facts.version)).or_default();
        if operation.write {
            known.written = Some(operation);
            continue;
        }
        let (first, count) = known.answers.entry(facts.value).or_insert((operation, 0));
        *count += 1;
        if operation.intended_us < first.intended_us {
            *first = operation;
        }
    }
    known
}
