//! Ledgers that add up, and each way in which one does not.

use std::collections::BTreeMap;

use proptest::prelude::*;
use standfast_checker::{
    Cancel, Create, Keeper, Ledger, LedgerViolation, Standing, StoredOrder, StoredReport, Wanted,
};
use standfast_history::Outcome;

fn wanted(product: &str, quantity: u64) -> Wanted {
    Wanted { product: product.to_owned(), quantity }
}

fn create(index: u64, outcome: Outcome, order: Option<&str>, quantity: u64) -> Create {
    let order = order.map(str::to_owned);
    Create { index, outcome, order, wanted: wanted("P", quantity) }
}

fn stored(order: &str, quantity: u64, standing: Standing) -> StoredOrder {
    StoredOrder { order: order.to_owned(), wanted: wanted("P", quantity), standing }
}

fn keeper(name: &str, stock: i64) -> Keeper {
    Keeper { name: name.to_owned(), stock: [("P".to_owned(), stock)].into() }
}

/// Two orders of ten units; the second one was cancelled.
fn good() -> Ledger {
    Ledger {
        initial: [("P".to_owned(), 10)].into(),
        creates: vec![
            create(0, Outcome::Ok, Some("a"), 3),
            create(1, Outcome::Ok, Some("b"), 4),
            create(2, Outcome::Info, None, 2),
            create(3, Outcome::Fail, None, 9),
        ],
        cancels: vec![Cancel { index: 0, outcome: Outcome::Ok, order: "b".to_owned() }],
        orders: vec![
            stored("a", 3, Standing::Taken),
            stored("b", 4, Standing::Void),
            stored("c", 2, Standing::Taken),
        ],
        keepers: vec![keeper("one", 5), keeper("two", 5)],
        reports: None,
    }
}

fn report(order: &str, quantity: u64) -> StoredReport {
    StoredReport { order: order.to_owned(), wanted: wanted("P", quantity), is_filed: true }
}

/// What is wrong with the good ledger after `change`, as sentences.
fn check(change: impl FnOnce(&mut Ledger), expected: &[&str]) {
    let mut ledger = good();
    change(&mut ledger);
    let found: Vec<String> = ledger.judge().violations.iter().map(ToString::to_string).collect();
    assert_eq!(found, expected);
}

#[test]
fn a_ledger_that_adds_up_is_right_and_an_order_without_an_answer_may_be_there() {
    check(|_| {}, &[]);
    let judged = good().judge();
    assert_eq!((judged.acknowledged, judged.recovered), (2, 1));
    // The attempt without an answer may as well have had no effect.
    let without = |ledger: &mut Ledger| {
        ledger.orders.pop();
        ledger.keepers = vec![keeper("one", 7)];
    };
    check(without, &[]);
}

/// What is wrong when these are the reports of the good ledger.
fn check_reports(reports: &[StoredReport], expected: &[&str]) {
    check(|ledger| ledger.reports = Some(reports.to_vec()), expected);
}

#[test]
fn each_order_that_holds_stock_has_one_report_of_it() {
    let void = StoredReport { is_filed: false, ..report("b", 4) };
    check_reports(&[report("a", 3), void, report("c", 2)], &[]);
    check_reports(&[report("a", 3)], &["unreported: order c has no report"]);
    check_reports(&[report("a", 3), report("c", 2), report("a", 3)], &["reported twice: order a"]);
    check_reports(
        &[report("a", 1), report("c", 2)],
        &["misreported: order a is 3 of P, its report says 1 of P"],
    );
}

#[test]
fn nothing_is_reported_that_holds_no_stock() {
    check_reports(
        &[report("a", 3), report("b", 4), report("c", 2), report("z", 1)],
        &[
            "report of no order: b holds no stock, and is reported",
            "report of no order: z holds no stock, and is reported",
        ],
    );
}

#[test]
fn what_is_not_decided_may_be_reported_or_not_yet() {
    let open = |reports: Vec<StoredReport>| {
        move |ledger: &mut Ledger| {
            ledger.orders[2].standing = Standing::Open;
            ledger.reports = Some(reports);
        }
    };
    check(open(vec![report("a", 3)]), &["undecided: order c"]);
    check(open(vec![report("a", 3), report("c", 2)]), &["undecided: order c"]);
}

#[test]
fn an_acknowledged_order_that_is_not_there_is_lost() {
    check(
        |ledger| {
            ledger.orders.remove(1);
        },
        &["lost: order b, acknowledged to #1, is not there"],
    );
}

#[test]
fn an_order_is_there_once_and_as_it_was_asked_for() {
    check(
        |ledger| ledger.creates[1].order = Some("a".to_owned()),
        &["acknowledged twice: order a, to #0 and #1", "never asked for: order b, 4 of P"],
    );
    check(|ledger| ledger.orders.push(stored("a", 3, Standing::Taken)), &["stored twice: order a"]);
    check(
        |ledger| ledger.orders[1].wanted.quantity = 5,
        &["altered: order b was 4 of P and is 5 of P"],
    );
}

#[test]
fn each_attempt_without_an_answer_explains_one_order() {
    check(
        |ledger| ledger.orders.push(stored("d", 2, Standing::Void)),
        &["never asked for: order d, 2 of P"],
    );
    check(
        |ledger| ledger.creates[2].outcome = Outcome::Fail,
        &["never asked for: order c, 2 of P"],
    );
}

#[test]
fn an_order_that_nobody_decided_is_wrong_and_may_hold_stock_or_not() {
    let open = |stock| {
        move |ledger: &mut Ledger| {
            ledger.orders[0].standing = Standing::Open;
            ledger.keepers = vec![keeper("one", stock)];
        }
    };
    let undecided = "undecided: order a";
    check(open(5), &[undecided]);
    check(open(8), &[undecided]);
    check(open(9), &[undecided, "unbalanced: one has 9 of P, its orders leave 5 to 8"]);
}

#[test]
fn a_cancelled_order_holds_no_stock() {
    let taken = |ledger: &mut Ledger| {
        ledger.orders[1].standing = Standing::Taken;
        ledger.keepers = vec![keeper("one", 1)];
    };
    check(taken, &["cancelled without effect: order b, acknowledged to #0"]);
    let unsure = |ledger: &mut Ledger| {
        taken(ledger);
        ledger.cancels[0].outcome = Outcome::Info;
    };
    check(unsure, &[]);
}

#[test]
fn what_was_applied_twice_or_never_breaks_the_sum() {
    check(
        |ledger| ledger.keepers[1] = keeper("two", 2),
        &["unbalanced: two has 2 of P, its orders leave 5", "diverged: one has 5 of P, two has 2"],
    );
    check(
        |ledger| ledger.keepers = vec![keeper("one", 8), keeper("two", 8)],
        &[
            "unbalanced: one has 8 of P, its orders leave 5",
            "unbalanced: two has 8 of P, its orders leave 5",
        ],
    );
    check(
        |ledger| ledger.keepers = vec![Keeper { name: "one".to_owned(), ..Keeper::default() }],
        &["without stock: one does not know P"],
    );
}

#[test]
fn more_than_there_is_cannot_be_sold() {
    let oversold = |ledger: &mut Ledger| {
        ledger.initial.insert("P".to_owned(), 4);
        ledger.keepers = vec![keeper("one", -1)];
    };
    check(
        oversold,
        &["oversold: 5 of P were taken, there were 4", "negative stock: one has -1 of P"],
    );
    let unheard = |ledger: &mut Ledger| {
        ledger.creates[0].wanted.product = "Q".to_owned();
        ledger.orders[0].wanted.product = "Q".to_owned();
        ledger.keepers = vec![keeper("one", 8)];
    };
    check(unheard, &["oversold: 3 of Q were taken, there were 0"]);
}

/// What becomes of one attempt in a world without mistakes.
#[derive(Clone, Copy, Debug)]
struct Fate {
    product: u8,
    quantity: u64,
    outcome: Outcome,
    /// Of an attempt without an answer: whether it had an effect.
    arrives: bool,
    rejected: bool,
    cancelled: bool,
}

/// Most attempts are acknowledged.
const OUTCOMES: [Outcome; 4] = [Outcome::Ok, Outcome::Ok, Outcome::Fail, Outcome::Info];

prop_compose! {
    fn fate()(
        product in 0..3_u8,
        quantity in 1..4_u64,
        outcome in prop::sample::select(OUTCOMES.to_vec()),
        arrives in any::<bool>(),
        rejected in any::<bool>(),
        cancelled in any::<bool>(),
    ) -> Fate {
        Fate { product, quantity, outcome, arrives, rejected, cancelled }
    }
}

/// The ledger of a world without mistakes.
fn world(fates: &[Fate]) -> Ledger {
    let name = |product: u8| format!("P{product}");
    let mut stock: BTreeMap<String, i64> = (0..3).map(|product| (name(product), 1000)).collect();
    let mut ledger = Ledger { initial: stock.clone(), ..Ledger::default() };
    for (index, fate) in (0..).zip(fates) {
        let order = format!("order-{index}");
        let wanted = wanted(&name(fate.product), fate.quantity);
        let is_known = fate.outcome == Outcome::Ok;
        ledger.creates.push(Create {
            index,
            outcome: fate.outcome,
            order: is_known.then(|| order.clone()),
            wanted: wanted.clone(),
        });
        let has_effect = is_known || (fate.outcome == Outcome::Info && fate.arrives);
        if !has_effect {
            continue;
        }
        let void = fate.rejected || fate.cancelled;
        if !void && let Some(stock) = stock.get_mut(&wanted.product) {
            *stock -= fate.quantity as i64;
        }
        if fate.cancelled && is_known {
            let outcome = Outcome::Ok;
            ledger.cancels.push(Cancel { index, outcome, order: order.clone() });
        }
        let standing = if void { Standing::Void } else { Standing::Taken };
        ledger.orders.push(StoredOrder { order, wanted, standing });
    }
    let replica = |name: &str| Keeper { name: name.to_owned(), stock: stock.clone() };
    ledger.keepers = ["one", "two", "three"].map(replica).into();
    ledger
}

/// The same questions, each answered by looking at everything.
fn naive(ledger: &Ledger) -> BTreeMap<&'static str, usize> {
    let mut counts: BTreeMap<&'static str, usize> = BTreeMap::new();
    let acknowledged: Vec<&Create> =
        ledger.creates.iter().filter(|create| create.outcome == Outcome::Ok).collect();
    let is_stored = |name: &Option<String>| {
        ledger.orders.iter().any(|order| Some(&order.order) == name.as_ref())
    };
    let lost = acknowledged.iter().filter(|create| !is_stored(&create.order)).count();
    let strange = |wanted: &Wanted| {
        let is_acknowledged = |order: &&StoredOrder| {
            acknowledged.iter().any(|create| create.order.as_ref() == Some(&order.order))
        };
        let there = ledger.orders.iter().filter(|order| order.wanted == *wanted);
        let there = there.filter(|order| !is_acknowledged(order)).count();
        let unanswered = ledger
            .creates
            .iter()
            .filter(|create| create.outcome == Outcome::Info && create.wanted == *wanted);
        there.saturating_sub(unanswered.count())
    };
    let mut kinds: Vec<&Wanted> = ledger.orders.iter().map(|order| &order.wanted).collect();
    kinds.sort();
    kinds.dedup();
    let never_asked = kinds.into_iter().map(strange).sum();
    let mut unbalanced = 0;
    for keeper in &ledger.keepers {
        for (product, stock) in &keeper.stock {
            let taken: u64 = ledger
                .orders
                .iter()
                .filter(|o| o.wanted.product == *product && o.standing == Standing::Taken)
                .map(|order| order.wanted.quantity)
                .sum();
            let left = ledger.initial[product] - taken as i64;
            unbalanced += usize::from(left != *stock);
        }
    }
    for (kind, count) in
        [("lost", lost), ("never asked for", never_asked), ("unbalanced", unbalanced)]
    {
        if count > 0 {
            counts.insert(kind, count);
        }
    }
    counts
}

fn counts(violations: &[LedgerViolation]) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for violation in violations.iter().filter(|violation| violation.kind() != "diverged") {
        *counts.entry(violation.kind()).or_default() += 1;
    }
    counts
}

proptest! {
    #[test]
    fn a_world_without_mistakes_adds_up(fates in prop::collection::vec(fate(), 0..60)) {
        let judged = world(&fates).judge();
        prop_assert_eq!(judged.violations, vec![]);
    }

    #[test]
    fn mistakes_are_found_as_often_as_the_quadratic_way_finds_them(
        fates in prop::collection::vec(fate(), 1..60),
        dropped in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
        forged in prop::collection::vec((0..3_u8, 1..4_u64), 0..4),
        drift in prop::collection::vec((0..3_usize, 0..3_u8, -5..5_i64), 0..4),
    ) {
        let mut ledger = world(&fates);
        for index in dropped {
            if !ledger.orders.is_empty() {
                let index = index.index(ledger.orders.len());
                ledger.orders.remove(index);
            }
        }
        for (index, (product, quantity)) in forged.into_iter().enumerate() {
            ledger.orders.push(StoredOrder {
                order: format!("forged-{index}"),
                wanted: wanted(&format!("P{product}"), quantity),
                standing: Standing::Void,
            });
        }
        for (keeper, product, units) in drift {
            *ledger.keepers[keeper].stock.get_mut(&format!("P{product}")).unwrap() += units;
        }
        prop_assert_eq!(counts(&ledger.judge().violations), naive(&ledger));
    }
}
