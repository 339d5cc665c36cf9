//! Objectives, with how much of what they allow was used up, and ledgers that hold reports against
//! orders, on records made by hand.

#![expect(clippy::unwrap_used, reason = "helpers of a test fail by panicking, as tests do")]

use standfast_history::{FinalRead, Operation, Outcome, Row};
use standfast_lab::claim::{TrialRecord, head, judge_trial};
use standfast_lab::spec::{Claim, Experiment};
use standfast_lab::verdict::{Verdict, judge_claim};

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
"#;

const EXPERIMENT: &str = r#"title = "Objectives are met"
system = "shop"
duration = "20s"
[[load]]
scenario = "order"
rate = "50/s"
[[final]]
name = "orders"
services = ["web"]
path = "/orders"
fields = { id = "/id", product = "/product", quantity = "/quantity", status = "/status" }
[[final]]
name = "reports"
services = ["web"]
path = "/reports"
fields = { id = "/id", product = "/product", quantity = "/quantity", status = "/status" }
[[final]]
name = "stock"
services = ["web"]
path = "/stock"
fields = { product = "/product", stock = "/stock" }
before_load = true
[[claim]]
that = "availability"
of = "order"
at_least = "99 %"
slo = true
[[claim]]
that = "latency_p95"
of = "order"
at_most = "50 ms"
slo = true
[[claim]]
that = "latency_max"
at_most = "1 s"
slo = true
[[claim]]
that = "availability"
at_least = "99 %"
[[claim]]
that = "ledger"
of = "order"
orders = "orders"
stock = "stock"
reports = "reports"
slo = true
"#;

fn claims() -> Vec<Claim> {
    experiment("").claims
}

/// The experiment with more at its end.
pub(crate) fn experiment(more: &str) -> Experiment {
    claim_shop::load(SYSTEM, &format!("{EXPERIMENT}{more}")).unwrap()
}

pub(crate) fn order(index: u64, outcome: Outcome, latency_us: u64) -> Operation {
    let line = format!(
        r#"{{"index":{index},"scenario":"order","intended_us":{index},"done_us":{},"status":201,
            "outcome":"ok","key":"P","value":"2","id":"o{index}","write":true}}"#,
        index + latency_us
    );
    Operation { outcome, ..serde_json::from_str(&line).unwrap() }
}

pub(crate) fn stock(units: &str) -> FinalRead {
    reading("stock", vec![row(&[("product", "P"), ("stock", units)])])
}

/// Two hundred orders, of which these fail and these take 60 ms.
fn load(failed: u64, slow: u64) -> TrialRecord {
    let outcome = |index| if index < failed { Outcome::Fail } else { Outcome::Ok };
    let latency = |index| if index < slow { 60_000 } else { 10_000 };
    let operations = (0..200).map(|index| order(index, outcome(index), latency(index)));
    TrialRecord { end_us: 1000, operations: operations.collect(), ..TrialRecord::default() }
}

fn used(claim: usize, record: &TrialRecord) -> (Verdict, Option<f64>) {
    let judged = judge_trial(&claims()[claim], record);
    (judged.verdict, judged.budget_used.map(|used| (used * 1e6).round() / 1e6))
}

#[test]
fn an_objective_says_how_much_of_what_it_allows_was_used() {
    assert_eq!(used(0, &load(0, 0)), (Verdict::Holds, Some(0.0)));
    assert_eq!(used(0, &load(1, 0)), (Verdict::Holds, Some(0.5)));
    assert_eq!(used(0, &load(4, 0)), (Verdict::Refuted, Some(2.0)));
    assert_eq!(used(1, &load(0, 4)), (Verdict::Holds, Some(0.4)));
    assert_eq!(used(1, &load(0, 40)), (Verdict::Refuted, Some(4.0)));
}

#[test]
fn what_allows_nothing_and_what_is_no_objective_have_no_budget() {
    assert_eq!(used(2, &load(0, 4)), (Verdict::Holds, None), "a maximum allows nothing");
    assert_eq!(used(3, &load(1, 0)), (Verdict::Holds, None), "it is no objective");
    let plain = judge_claim(head(&claims()[3]), Vec::new());
    assert!(!plain.is_objective);
}

#[test]
fn the_worst_trial_says_how_much_was_used() {
    let claim = &claims()[0];
    let trials = [0, 1].map(|failed| judge_trial(claim, &load(failed, 0)));
    let result = judge_claim(head(claim), trials.to_vec());
    assert_eq!((result.scenario.as_deref(), result.is_objective), (Some("order"), true));
    assert_eq!(result.budget_used.map(|used| (used * 1e6).round()), Some(500_000.0));
}

/// The verdict of the ledger on two orders and these reports.
fn check_reports(reports: Vec<Row>, expected: (Verdict, &str)) {
    let record = TrialRecord {
        end_us: 1000,
        operations: vec![order(0, Outcome::Ok, 1), order(1, Outcome::Ok, 1)],
        finals: vec![
            FinalRead { before_load: true, ..stock("10") },
            reading("orders", vec![entry("o0", "confirmed"), entry("o1", "confirmed")]),
            reading("reports", reports),
            stock("6"),
        ],
        ..TrialRecord::default()
    };
    let claim = &claims()[4];
    assert_eq!(claim.text, "mistakes in orders, stock and reports of order = 0");
    let trial = judge_trial(claim, &record);
    let told = trial.reason.clone().unwrap_or_else(|| trial.evidence.join("; "));
    assert_eq!((trial.verdict, told.as_str()), expected);
}

#[test]
fn a_ledger_holds_reports_against_orders() {
    let both = || vec![entry("o0", "filed"), entry("o1", "filed")];
    check_reports(both(), (Verdict::Holds, ""));
    let lacks = "unreported: order o1 has no report";
    check_reports(vec![entry("o0", "filed")], (Verdict::Refuted, lacks));
    let void = vec![entry("o0", "filed"), entry("o1", "void")];
    check_reports(void, (Verdict::Refuted, lacks));
    let stray = [both(), vec![entry("zz", "filed")]].concat();
    let strays = "report of no order: zz holds no stock, and is reported";
    check_reports(stray, (Verdict::Refuted, strays));
}
