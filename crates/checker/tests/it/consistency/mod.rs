//! Whether a simple, sequential thing explains a history: known good ones, known bad ones, and
//! small ones of any kind beside a judge that tries every order.

#![expect(clippy::unwrap_used, reason = "helpers of a test fail by panicking, as tests do")]

mod append;
mod cart;
mod keys;
mod search;
mod stock;

use standfast_checker::{Judgement, Verdict};
use standfast_history::{Operation, Outcome};

use crate::read;

/// A read or write of key `x` between two times.
pub(crate) fn operation(index: u64, from: u64, until: u64, write: bool, value: &str) -> Operation {
    Operation {
        index,
        scenario: if write { "write" } else { "read" }.to_owned(),
        key: Some("x".to_owned()),
        value: Some(value.to_owned()),
        write,
        ..read(from, until - from, Outcome::Ok)
    }
}

pub(crate) fn write(index: u64, from: u64, until: u64, value: &str) -> Operation {
    operation(index, from, until, true, value)
}

pub(crate) fn reads(index: u64, from: u64, until: u64, value: &str) -> Operation {
    operation(index, from, until, false, value)
}

/// The same, without an answer.
pub(crate) fn unanswered(operation: Operation) -> Operation {
    Operation { outcome: Outcome::Info, status: 0, ..operation }
}

#[track_caller]
pub(crate) fn holds(judgement: &Judgement) {
    assert_eq!(judgement.verdict(), Verdict::Holds, "{judgement:?}");
}

/// There is one finding, of this kind, with these operations.
#[track_caller]
pub(crate) fn is_refuted(judgement: &Judgement, kind: &str, indexes: &[u64]) {
    assert_eq!(judgement.verdict(), Verdict::Refuted);
    let [finding] = judgement.findings.as_slice() else { panic!("{judgement:?}") };
    let shown: Vec<u64> = finding.operations.iter().map(|seen| seen.index).collect();
    assert_eq!((finding.kind.as_str(), shown.as_slice()), (kind, indexes), "{}", finding.text);
}
