//! Stock: sold once, and shown as it could be.

use std::collections::BTreeMap;

use standfast_checker::{Judgement, judge_stock};
use standfast_history::{Operation, Outcome};

use super::{holds, is_refuted, reads, unanswered, write};

/// Ten of `x` at first.
fn judged(operations: &[Operation]) -> Judgement {
    let initial = BTreeMap::from([("x".to_owned(), 10)]);
    judge_stock(&operations.iter().collect::<Vec<_>>(), &initial).unwrap()
}

fn take(index: u64, from: u64, until: u64, units: &str) -> Operation {
    Operation { id: Some(format!("order {index}")), ..write(index, from, until, units) }
}

fn cancel(index: u64, from: u64, until: u64, order: u64) -> Operation {
    let id = Some(format!("order {order}"));
    Operation { id, key: None, value: None, ..write(index, from, until, "") }
}

#[test]
fn all_of_it_can_be_sold_and_no_more() {
    let all = [take(0, 0, 10, "6"), take(1, 0, 10, "4")];
    holds(&judged(&all));
    is_refuted(&judged(&[&all[..], &[take(2, 5, 20, "1")]].concat()), "oversold", &[2]);
    let open = unanswered(take(2, 5, 20, "1"));
    holds(&judged(&[&all[..], &[open]].concat()));
    // Sold out, which its scenario takes for an answer.
    let refused = Operation { status: 409, ..take(2, 5, 20, "1") };
    holds(&judged(&[&all[..], &[refused]].concat()));
}

#[test]
fn what_is_given_back_can_be_sold_again_once() {
    let first = take(0, 0, 10, "10");
    holds(&judged(&[first.clone(), cancel(1, 20, 30, 0), take(2, 25, 40, "10")]));
    let before = [first.clone(), take(2, 11, 19, "10"), cancel(1, 20, 30, 0)];
    is_refuted(&judged(&before), "oversold", &[2]);
    let refused = Operation { outcome: Outcome::Fail, status: 409, ..cancel(1, 20, 30, 0) };
    is_refuted(&judged(&[first.clone(), refused, take(2, 25, 40, "1")]), "oversold", &[2]);
    let twice = [first, cancel(1, 20, 30, 0), cancel(2, 40, 50, 0)];
    let sold = [take(3, 60, 70, "10"), take(4, 60, 71, "1")];
    is_refuted(&judged(&[&twice[..], &sold].concat()), "oversold", &[4]);
}

#[test]
fn what_is_shown_lies_between_what_is_sold_and_what_may_be() {
    let taken = [take(0, 0, 10, "3"), unanswered(take(1, 0, 10, "2"))];
    let shown = |value: &str| judged(&[&taken[..], &[reads(2, 20, 30, value)]].concat());
    holds(&shown("7"));
    holds(&shown("5"));
    is_refuted(&shown("10"), "stale stock", &[2]);
    is_refuted(&shown("4"), "lost stock", &[2]);
    is_refuted(&shown("-1"), "negative stock", &[2]);
    // A read beside the take may see either.
    let beside = |value: &str| judged(&[take(0, 0, 10, "3"), reads(1, 5, 15, value)]);
    holds(&beside("10"));
    holds(&beside("7"));
}

#[test]
fn a_product_of_which_nothing_is_known_is_named() {
    let other = Operation { key: Some("y".to_owned()), ..take(0, 0, 10, "1") };
    let lack = judge_stock(&[&other], &BTreeMap::new()).unwrap_err();
    assert!(lack.to_string().contains("--initial y=N"), "{lack}");
    let silent = Operation { value: None, ..take(0, 0, 10, "") };
    let lack = judge_stock(&[&silent], &BTreeMap::new()).unwrap_err();
    assert!(lack.to_string().contains("write #0"), "{lack}");
}
