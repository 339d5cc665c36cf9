//! Claims that a sequential model explains a record, on records made by hand.

#![expect(clippy::unwrap_used, reason = "helpers of a test fail by panicking, as tests do")]

use standfast_history::{FinalRead, Operation};
use standfast_lab::claim::{TrialRecord, judge_trial};
use standfast_lab::spec::{Experiment, SpecError};
use standfast_lab::verdict::Verdict;

use crate::claim_shop::{self, reading, row};

const SYSTEM: &str = r#"name = "shop"
title = "A shop"
[service.web]
run = ["web", "{port}"]
port = 5000
[service.node]
run = ["node", "{port}"]
port = 5001
[scenario.put]
service = "web"
method = "PUT"
path = "/"
observe = { key = "x", value = "{n}" }
variables.n = { sequence = { from = 1 } }
[scenario.get]
service = "web"
path = "/"
observe = { key = "x", value = "body:/value" }
[scenario.blind]
service = "web"
path = "/"
"#;

const EXPERIMENT: &str = r#"title = "Nobody sees what cannot be"
system = "shop"
duration = "20s"
[[load]]
scenario = "put"
rate = "50/s"
[[load]]
scenario = "get"
rate = "50/s"
[[load]]
scenario = "blind"
rate = "50/s"
[[timeline]]
at = "5s"
fault = { kind = "kill", target = "web" }
[[final]]
name = "stock"
services = ["web"]
path = "/stock"
fields = { product = "/product", stock = "/stock" }
before_load = true
[[final]]
name = "carts"
services = ["web", "node"]
path = "/carts"
fields = { cart = "/cart", item = "/item" }
[[claim]]
that = "linearizable"
of = ["put", "get"]
initial = "0"
[[claim]]
that = "serializable"
of = ["put", "get"]
strict = true
[[claim]]
that = "oversold"
of = ["put", "get"]
stock = "stock"
[[claim]]
that = "cart"
of = ["put", "get"]
carts = "carts"
"#;

fn load(changes: &[(&str, &str)]) -> Result<Experiment, SpecError> {
    let text = changes.iter().fold(EXPERIMENT.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "nothing to change: {from}");
        text.replacen(from, to, 1)
    });
    claim_shop::load(SYSTEM, &text)
}

/// A write or a read of `x` from `sent_us` on, for ten microseconds.
fn operation(scenario: &str, sent_us: u64, value: &str) -> Operation {
    let done_us = sent_us + 10;
    let line = format!(
        r#"{{"index":{sent_us},"scenario":"{scenario}","intended_us":{sent_us},"outcome":"ok",
            "sent_us":{sent_us},"done_us":{done_us},"status":200,"key":"x","write":{}}}"#,
        scenario == "put"
    );
    Operation { value: Some(value.to_owned()), ..serde_json::from_str(&line).unwrap() }
}

fn record(operations: &[(&str, u64, &str)], finals: Vec<FinalRead>) -> TrialRecord {
    let operations = operations.iter().map(|(name, at, value)| operation(name, *at, value));
    TrialRecord { end_us: 1000, operations: operations.collect(), finals, ..Default::default() }
}

/// The verdict on the claim at `index`, its figure, and evidence or reason.
fn check(index: usize, record: &TrialRecord, expected: (Verdict, Option<f64>, &str)) {
    let claim = &load(&[]).unwrap().claims[index];
    let trial = judge_trial(claim, record);
    let told = trial.reason.clone().unwrap_or_else(|| trial.evidence.join(" | "));
    assert_eq!((trial.verdict, trial.measured), (expected.0, expected.1), "{trial:?}");
    assert!(told.starts_with(expected.2), "{told}");
}

#[test]
fn a_key_holds_what_was_written_last() {
    let holds = (Verdict::Holds, Some(0.0), "");
    let good = [("get", 1, "0"), ("put", 20, "1"), ("get", 40, "1"), ("blind", 60, "x")];
    check(0, &record(&good, vec![]), holds);
    let stale = [("put", 20, "1"), ("get", 40, "0")];
    let told = "stale read: ";
    check(0, &record(&stale, vec![]), (Verdict::Refuted, Some(1.0), told));
    let only_reads = [("get", 1, "0")];
    let told = "no write was judged";
    check(0, &record(&only_reads, vec![]), (Verdict::Unknown, None, told));
    check(0, &record(&[("blind", 1, "0")], vec![]), (Verdict::Unknown, None, "no write was"));
}

#[test]
fn transactions_ran_one_after_the_other() {
    let good = [("put", 1, "1"), ("put", 20, "2"), ("get", 40, "1,2")];
    check(1, &record(&good, vec![]), (Verdict::Holds, Some(0.0), ""));
    let against_the_clock = [("put", 1, "1"), ("put", 20, "2"), ("get", 40, "2,1")];
    let told = "not strictly serializable: each came before the next";
    check(1, &record(&against_the_clock, vec![]), (Verdict::Refuted, Some(1.0), told));
    let unread = [("put", 1, "1")];
    check(1, &record(&unread, vec![]), (Verdict::Unknown, None, "no list was read"));
}

#[test]
fn nothing_is_sold_that_is_not_there_also_by_what_is_left() {
    let stock = |units| reading("stock", vec![row(&[("product", "x"), ("stock", units)])]);
    let finals = |left| {
        let last = FinalRead { at_us: 900, ..stock(left) };
        vec![FinalRead { before_load: true, ..stock("3") }, last]
    };
    let good = [("put", 1, "2"), ("get", 20, "1"), ("put", 40, "1")];
    check(2, &record(&good, finals("0")), (Verdict::Holds, Some(0.0), ""));
    let twice = [("put", 1, "2"), ("put", 20, "2")];
    let told = "oversold: 4 of x were held at once by 2 acknowledged takes, and there were 3";
    check(2, &record(&twice, finals("-1")), (Verdict::Refuted, Some(2.0), told));
    let told = "stale stock: 3 of x are shown, and 1 to 1 can be left: ";
    check(2, &record(&good[..1], finals("3")), (Verdict::Refuted, Some(1.0), told));
    check(2, &record(&good, vec![]), (Verdict::Unknown, None, "`stock` was not read"));
}

#[test]
fn nothing_is_lost_from_a_cart_and_an_empty_node_is_one() {
    let node = |service: &str, items: &[&str]| {
        let rows = items.iter().map(|item| row(&[("cart", "x"), ("item", item)]));
        FinalRead { service: service.to_owned(), ..reading("carts", rows.collect()) }
    };
    let good = [("put", 1, "+a"), ("put", 20, "+b"), ("put", 40, "-b"), ("get", 60, "a")];
    let both = |first: &[&str], second: &[&str]| vec![node("web", first), node("node", second)];
    check(3, &record(&good, both(&["a"], &["a"])), (Verdict::Holds, Some(0.0), ""));
    let told = "diverged: cart x: web has a, and node has not | lost add: a was added to cart x";
    check(3, &record(&good, both(&["a"], &[])), (Verdict::Refuted, Some(2.0), told));
    check(3, &record(&good, vec![]), (Verdict::Unknown, None, "`carts` was not read"));
}

#[test]
fn claims_of_consistency_say_what_they_need() {
    let error = |changes: &[(&str, &str)]| load(changes).unwrap_err().to_string();
    let shown = [
        error(&[("of = [\"put\", \"get\"]\ninitial", "of = [\"put\", \"blind\"]\ninitial")]),
        error(&[("of = [\"put\", \"get\"]\nstrict", "of = [\"put\", \"gte\"]\nstrict")]),
        error(&[("of = [\"put\", \"get\"]\nstock", "stock")]),
        error(&[("of = [\"put\", \"get\"]\ncarts", "of = []\ncarts")]),
        error(&[("stock = \"stock\"", "stock = \"stok\"")]),
        error(&[("stock = \"stock\"", "carts = \"carts\"")]),
        error(&[("before_load = true\n", "")]),
        error(&[("services = [\"web\", \"node\"]", "services = [\"web\"]")]),
        error(&[("strict = true", "strict = true\ninitial = \"0\"\nduring = \"after\"")]),
        error(&[("that = \"serializable\"\n", "that = \"availability\"\nat_least = \"1 %\"\n")]),
    ];
    insta::assert_snapshot!("consistency_mistakes", shown.join("\n"));
    let texts: Vec<String> =
        load(&[]).unwrap().claims.into_iter().map(|claim| claim.text).collect();
    insta::assert_snapshot!("consistency_texts", texts.join("\n"));
}
