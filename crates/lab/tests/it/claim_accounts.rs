//! Claims about answers and orders on records made by hand, and what such claims need.

#![expect(clippy::unwrap_used, reason = "helpers of a test fail by panicking, as tests do")]

use standfast_history::{FinalRead, Operation, Outcome};
use standfast_lab::claim::{TrialRecord, head, judge_trial};
use standfast_lab::spec::{Claim, Experiment, SpecError};
use standfast_lab::verdict::{ClaimResult, ClaimTrial, Verdict, judge_claim};

use crate::claim_shop::{self, entry, reading, row};

const SYSTEM: &str = r#"name = "shop"
title = "A shop"
[service.web]
run = ["web", "{port}"]
port = 5000
[scenario.order]
service = "web"
method = "POST"
path = "/orders"
variables.product = { one_of = ["P", "Q"] }
observe = { id = "body:/id", key = "{product}", value = "2" }
[scenario.look]
service = "web"
path = "/stock"
observe = { key = "body:/product", version = "header:ETag", value = "body:/stock" }
[scenario.blind]
service = "web"
path = "/"
"#;

const EXPERIMENT: &str = r#"title = "Orders and stock agree"
system = "shop"
duration = "20s"
[[load]]
scenario = "order"
rate = "50/s"
[[load]]
scenario = "look"
rate = "50/s"
[[load]]
scenario = "blind"
rate = "50/s"
[[timeline]]
at = "5s"
fault = { kind = "kill", target = "web" }
[[final]]
name = "orders"
services = ["web"]
path = "/orders"
fields = { id = "/id", product = "/product", quantity = "/quantity", status = "/status" }
[[final]]
name = "stock"
services = ["web"]
path = "/stock"
fields = { product = "/product", stock = "/stock", version = "/version" }
before_load = true
[[claim]]
that = "ledger"
of = "order"
orders = "orders"
stock = "stock"
[[claim]]
that = "wrong_answers"
of = "look"
truth = "stock"
[[claim]]
that = "ttd"
bound = "600ms"
at_most = "1.1 x"
in_trials = "95 %"
"#;

fn load(changes: &[(&str, &str)]) -> Result<Experiment, SpecError> {
    let text = changes.iter().fold(EXPERIMENT.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "nothing to change: {from}");
        text.replacen(from, to, 1)
    });
    claim_shop::load(SYSTEM, &text)
}

fn claims() -> Vec<Claim> {
    load(&[]).unwrap().claims
}

fn operation(index: u64, scenario: &str, key: &str) -> Operation {
    let line = format!(
        r#"{{"index":{index},"scenario":"{scenario}","intended_us":{index},"done_us":9,
            "outcome":"ok","status":200,"key":"{key}","write":{}}}"#,
        scenario == "order"
    );
    serde_json::from_str(&line).unwrap()
}

fn order(index: u64, id: Option<&str>, outcome: Outcome) -> Operation {
    let (id, value) = (id.map(str::to_owned), Some("2".to_owned()));
    Operation { id, value, outcome, ..operation(index, "order", "P") }
}

fn look(index: u64, version: i64, stock: &str) -> Operation {
    let value = Some(stock.to_owned());
    Operation { version: Some(version), value, ..operation(index, "look", "P") }
}

fn stock(units: &str, version: &str) -> FinalRead {
    reading("stock", vec![row(&[("product", "P"), ("stock", units), ("version", version)])])
}

/// One confirmed and one cancelled order of two units, of ten.
fn good() -> TrialRecord {
    TrialRecord {
        end_us: 1000,
        operations: vec![
            order(0, Some("a"), Outcome::Ok),
            order(1, Some("b"), Outcome::Ok),
            order(2, None, Outcome::Info),
            look(0, 7, "8"),
            look(1, 7, "8"),
        ],
        finals: vec![
            FinalRead { before_load: true, ..stock("10", "0") },
            reading("orders", vec![entry("a", "confirmed"), entry("b", "cancelled")]),
            stock("8", "7"),
        ],
        ..TrialRecord::default()
    }
}

/// The verdict on the claim at `index` after `change`, its figure, and evidence or reason.
fn check(index: usize, change: impl FnOnce(&mut TrialRecord), expected: (Verdict, &str)) {
    let mut record = good();
    change(&mut record);
    let trial = judge_trial(&claims()[index], &record);
    let told = trial.reason.clone().unwrap_or_else(|| trial.evidence.join("; "));
    assert_eq!((trial.verdict, told.as_str()), expected, "{trial:?}");
}

#[test]
fn a_ledger_is_judged_by_what_clients_saw_and_what_is_there() {
    check(0, |_| {}, (Verdict::Holds, ""));
    check(
        0,
        |record| record.finals[1].rows[0] = entry("z", "confirmed"),
        (Verdict::Refuted, "lost: order a, acknowledged to #0, is not there"),
    );
    check(
        0,
        |record| record.finals[1].rows[1] = entry("b", "pending"),
        (Verdict::Refuted, "undecided: order b"),
    );
    check(
        0,
        |record| record.finals[2] = stock("6", "7"),
        (Verdict::Refuted, "unbalanced: web has 6 of P, its orders leave 8"),
    );
}

#[test]
fn a_refusal_that_counts_as_an_answer_makes_no_order() {
    let refused = || Operation { status: 422, ..order(3, None, Outcome::Ok) };
    check(0, |record| record.operations.push(refused()), (Verdict::Holds, ""));
    check(
        0,
        |record| {
            record.operations = vec![order(0, Some("a"), Outcome::Ok), refused()];
        },
        (Verdict::Refuted, "never asked for: order b, 2 of P"),
    );
}

#[test]
fn a_ledger_without_its_readings_is_unknown() {
    let unknown = |reason| (Verdict::Unknown, reason);
    check(
        0,
        |record| record.finals[1].error = Some("refuses".to_owned()),
        unknown("`orders` could not be read of web: refuses"),
    );
    check(0, |record| record.finals.truncate(2), unknown("`stock` was not read"));
    check(
        0,
        |record| {
            record.finals[1].rows[0].remove("status");
        },
        unknown("an entry of `orders` of web has no `status`"),
    );
    check(
        0,
        |record| record.operations[0].id = None,
        unknown("order #0 carries no id, though it was acknowledged"),
    );
    check(
        0,
        |record| {
            record.operations.drain(..2);
            record.finals[1].rows.clear();
            record.finals[2] = stock("10", "7");
        },
        unknown("no order was acknowledged"),
    );
}

#[test]
fn an_answer_is_held_against_the_truth_and_without_anything_to_compare_it_is_unknown() {
    check(1, |_| {}, (Verdict::Holds, ""));
    let wrong = "look #1 says that P is 3 at version 7, the truth is 8";
    check(1, |record| record.operations[4] = look(1, 7, "3"), (Verdict::Refuted, wrong));
    check(
        1,
        |record| record.operations.truncate(3),
        (Verdict::Unknown, "no operation was intended in the phase"),
    );
    check(
        1,
        |record| {
            record.operations[3] = look(0, 5, "1");
            record.operations.pop();
        },
        (
            Verdict::Unknown,
            "no answer in the phase had another one, or the truth, at its key and version",
        ),
    );
    check(
        1,
        |record| record.finals.push(stock("9", "7")),
        (
            Verdict::Unknown,
            "the truth of `stock` contradicts itself: P at version 7 is 8, and 9 at web",
        ),
    );
}

#[test]
fn a_limit_may_be_a_factor_of_a_bound_in_a_share_of_the_trials() {
    let claim = &claims()[2];
    assert_eq!(claim.text, "time to detect ≤ 660 ms (bound 600 ms) in 95 % of the trials");
    let trial = |measured: f64| ClaimTrial {
        measured: Some(measured),
        n: 1,
        interval: None,
        verdict: if measured <= 660.0 { Verdict::Holds } else { Verdict::Refuted },
        reason: None,
        evidence: Vec::new(),
        disturbance: None,
        budget_used: None,
    };
    let over = |trials: &[f64]| -> ClaimResult {
        judge_claim(head(claim), trials.iter().map(|measured| trial(*measured)).collect())
    };
    let mut trials = [600.0; 20];
    trials[3] = 900.0;
    trials[4] = 640.0;
    let result = over(&trials);
    assert_eq!(result.verdict, Verdict::Holds, "one of twenty may miss");
    assert_eq!((result.worst, result.refuted_in), (Some(640.0), 1));
    assert_eq!((result.bound_ms, result.in_trials), (Some(600.0), Some(0.95)));
    trials[5] = 800.0;
    let result = over(&trials);
    assert_eq!((result.verdict, result.worst), (Verdict::Refuted, Some(800.0)));
    assert_eq!(over(&trials[..6]).verdict, Verdict::Refuted, "six trials are too few for one");
}

#[test]
fn accounts_say_what_they_need() {
    let error = |changes: &[(&str, &str)]| load(changes).unwrap_err().to_string();
    let shown = [
        error(&[("of = \"order\"", "of = \"blind\"")]),
        error(&[("of = \"look\"\ntruth = \"stock\"", "of = \"blind\"\ntruth = \"stok\"")]),
        error(&[("before_load = true\n", "")]),
        error(&[("of = \"order\"\norders", "of = \"order\"\nduring = \"after\"\norders")]),
        error(&[("orders = \"orders\"\n", "")]),
        error(&[("stock = \"stock\"", "stock = \"stock\"\nopen = [\"confirmed\"]")]),
        error(&[("status = \"/status\"", "status = \"status\"")]),
        error(&[("services = [\"web\"]\npath = \"/o", "services = [\"wbe\"]\npath = \"o")]),
        error(&[("before_load = true", "page = { cursor = \"/next\", path = \"/x\" }")]),
        error(&[("before_load = true", "until = { none = { state = [\"x\"] }, same = [\"y\"] }")]),
        error(&[("bound = \"600ms\"\n", "")]),
        error(&[("\"95 %\"", "\"3 x\"")]),
        error(&[("of = \"look\"", "of = \"look\"\nbound = \"1s\"\ncancels = \"order\"")]),
    ];
    insta::assert_snapshot!("account_mistakes", shown.join("\n"));
}
