//! Answers that cannot be right, by other answers or by what was read at the end.

use std::collections::BTreeMap;

use standfast_checker::{Truth, judge_agreement};
use standfast_history::Operation;

use super::evaluate::{Measured, Unknown};
use super::evidence::evidence;
use super::ledger::{field, readings};
use super::record::TrialRecord;
use crate::spec::Unit;

pub(super) fn wrong_answers(
    trial: &TrialRecord,
    judged: Vec<&Operation>,
    truth: Option<&str>,
) -> Result<Measured, Unknown> {
    let truths = truth.map_or(Ok(Vec::new()), |name| truths(trial, name))?;
    let judged = judge_agreement(&trial.operations, judged, &truths);
    if judged.judged == 0 {
        return Err(Unknown::because(
            "no answer in the phase had another one, or the truth, at its key and version",
        ));
    }
    let shown = evidence(judged.wrong.iter().map(|wrong| ("wrong answers", wrong.to_string())));
    let count = judged.wrong.len() as f64;
    Ok(Measured::exact(count, Unit::Count, judged.judged).shown_by(shown))
}

/// What a trusted reading says. Services that contradict each other there are not to be trusted.
fn truths(trial: &TrialRecord, name: &str) -> Result<Vec<Truth>, Unknown> {
    let mut known: BTreeMap<(&str, i64), &str> = BTreeMap::new();
    for reading in readings(trial, name)? {
        for row in &reading.rows {
            let (key, value) = (field(reading, row, "product")?, field(reading, row, "stock")?);
            // What is no number is the version of no answer either.
            let Ok(version) = field(reading, row, "version")?.parse() else { continue };
            let said = *known.entry((key, version)).or_insert(value);
            if said != value {
                let service = &reading.service;
                return Err(Unknown::because(format!(
                    "the truth of `{name}` contradicts itself: {key} at version {version} is \
                     {said}, and {value} at {service}"
                )));
            }
        }
    }
    let truth = |((key, version), value): ((&str, i64), &str)| Truth {
        key: key.to_owned(),
        version,
        value: value.to_owned(),
    };
    Ok(known.into_iter().map(truth).collect())
}
