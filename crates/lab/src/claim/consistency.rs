//! Whether a sequential model explains what clients saw, by what they saw from the first request
//! on: a write of the warm-up can be read later.

use std::collections::BTreeSet;

use standfast_checker::{
    AppendOptions, CartReading, Finding, Judgement, Lack, Limits, RegisterOptions, judge_append,
    judge_cart, judge_keys, judge_stock,
};
use standfast_history::{Operation, Outcome};

use super::evaluate::{Measured, Unknown};
use super::evidence::evidence;
use super::ledger::{field, initial, number, readings};
use super::record::TrialRecord;
use crate::spec::{Consistency, ConsistencyModel, Unit};

/// Operations that a finding is shown by; the whole of it is in the history.
const OPERATIONS_SHOWN: usize = 8;

pub(super) fn consistency(trial: &TrialRecord, wanted: &Consistency) -> Result<Measured, Unknown> {
    let named: BTreeSet<&str> = wanted.of.iter().map(String::as_str).collect();
    let is_named = |operation: &&Operation| named.contains(operation.scenario.as_str());
    let operations: Vec<&Operation> = trial.operations.iter().filter(is_named).collect();
    let judged = match &wanted.model {
        ConsistencyModel::Linearizable { initial } => {
            let options = RegisterOptions { initial: initial.clone(), limits: Limits::default() };
            judge_keys(&operations, &options)
        }
        ConsistencyModel::Serializable { is_strict } => {
            judge_append(&operations, AppendOptions { is_strict: *is_strict })
        }
        ConsistencyModel::Oversold { stock } => {
            let left = left(trial, stock)?;
            let all: Vec<&Operation> = operations.iter().copied().chain(&left).collect();
            judge_stock(&all, &initial(trial, stock)?)
        }
        ConsistencyModel::Cart { carts } => judge_cart(&operations, &nodes(trial, carts)?),
    };
    measured(judged.map_err(|lack: Lack| Unknown::because(lack.to_string()))?)
}

/// Wrong is wrong, whatever else could not be decided; without anything wrong, it is unknown then.
fn measured(judged: Judgement) -> Result<Measured, Unknown> {
    let open = (!judged.undecided.is_empty()).then(|| judged.undecided.join("; "));
    if judged.findings.is_empty() {
        if let Some(reason) = open {
            return Err(Unknown { reason });
        }
        if judged.judged == 0 {
            return Err(Unknown::because("no operation says anything that could be judged"));
        }
    }
    let count = judged.findings.len() as f64;
    let found = judged.findings.iter().map(|finding| (finding.kind.as_str(), text(finding)));
    let measured = Measured::exact(count, Unit::Count, judged.judged).shown_by(evidence(found));
    Ok(match open {
        Some(reason) => measured.at_least(reason),
        None => measured,
    })
}

fn text(finding: &Finding) -> String {
    let mut text = format!("{}: {}", finding.kind, finding.text);
    let shown = finding.operations.iter().take(OPERATIONS_SHOWN);
    for (index, seen) in shown.enumerate() {
        text.push_str(if index == 0 { ": " } else { "; " });
        text.push_str(&seen.to_string());
    }
    if let Some(more @ 1..) = finding.operations.len().checked_sub(OPERATIONS_SHOWN) {
        text.push_str(&format!("; and {more} more"));
    }
    text
}

/// What was left in the end, as one more answer about each product.
fn left(trial: &TrialRecord, stock: &str) -> Result<Vec<Operation>, Unknown> {
    let mut answers = Vec::new();
    for reading in readings(trial, stock)? {
        for (index, row) in reading.rows.iter().enumerate() {
            let units: i64 = number(reading, row, "stock")?;
            answers.push(Operation {
                index: index as u64,
                scenario: format!("{stock} of {}", reading.service),
                intended_us: reading.at_us,
                woken_us: None,
                sent_us: Some(reading.at_us),
                done_us: reading.at_us,
                outcome: Outcome::Ok,
                status: 200,
                error: None,
                source: None,
                stale: false,
                age_ms: None,
                id: None,
                key: Some(field(reading, row, "product")?.to_owned()),
                version: None,
                value: Some(units.to_string()),
                write: false,
            });
        }
    }
    Ok(answers)
}

/// What each node had in the end; one without any carts has no entries, and is a node all the same.
fn nodes(trial: &TrialRecord, carts: &str) -> Result<Vec<CartReading>, Unknown> {
    let mut nodes = Vec::new();
    for reading in readings(trial, carts)? {
        let mut node = CartReading { node: reading.service.clone(), ..CartReading::default() };
        for row in &reading.rows {
            let (cart, item) = (field(reading, row, "cart")?, field(reading, row, "item")?);
            node.lines.insert((cart.to_owned(), item.to_owned()));
        }
        nodes.push(node);
    }
    Ok(nodes)
}
