//! Transactions on lists: each anomaly by a history that shows it, and serial ones beside every
//! order.

use proptest::prelude::*;
use standfast_checker::{AppendOptions, Judgement, Verdict, judge_append};
use standfast_history::{Operation, Outcome};

use super::{holds, is_refuted, reads, unanswered, write};

const STRICT: AppendOptions = AppendOptions { is_strict: true };
const IN_ANY_ORDER: AppendOptions = AppendOptions { is_strict: false };

fn judged(operations: &[Operation], options: AppendOptions) -> Judgement {
    judge_append(&operations.iter().collect::<Vec<_>>(), options).unwrap()
}

/// Transactions at the same time, each as Elle writes it.
fn together(transactions: &[&str]) -> Vec<Operation> {
    let each = transactions.iter().enumerate();
    let together = each.map(|(index, parts)| {
        let key = None;
        Operation { key, ..write(index as u64, 0, 100, parts) }
    });
    together.collect()
}

fn check(transactions: &[&str], kind: &str, indexes: &[u64]) {
    is_refuted(&judged(&together(transactions), STRICT), kind, indexes);
}

#[test]
fn each_anomaly_has_its_name_and_its_fewest_transactions() {
    check(
        &[
            r#"[["append","x",1],["append","y",1]]"#,
            r#"[["append","x",2],["append","y",2]]"#,
            r#"[["r","x",[1,2]],["r","y",[2,1]]]"#,
        ],
        "write cycle (G0)",
        &[0, 1, 2],
    );
    check(
        &[r#"[["append","x",1],["r","y",[1]]]"#, r#"[["append","y",1],["r","x",[1]]]"#],
        "circular information flow (G1c)",
        &[0, 1],
    );
    check(
        &[r#"[["append","x",1],["append","y",1]]"#, r#"[["r","x",[]],["r","y",[1]]]"#],
        "read skew (G-single)",
        &[0, 1],
    );
    check(
        &[r#"[["r","x",[]],["append","y",1]]"#, r#"[["r","y",[]],["append","x",1]]"#],
        "write skew (G2)",
        &[0, 1],
    );
    check(&[r#"[["append","x",1],["r","x",[]]]"#], "internal", &[0]);
    check(
        &[
            r#"[["append","x",1]]"#,
            r#"[["append","x",2]]"#,
            r#"[["r","x",[1,2]]]"#,
            r#"[["r","x",[2]]]"#,
        ],
        "incompatible order",
        &[2, 3],
    );
    check(&[r#"[["append","x",1]]"#, r#"[["r","x",[1,1]]]"#], "duplicate element", &[1]);
    check(&[r#"[["r","x",[9]]]"#], "never appended", &[0]);
    check(
        &[r#"[["append","x",1],["append","x",2]]"#, r#"[["r","x",[1]]]"#],
        "intermediate read (G1b)",
        &[0, 1],
    );
    let refused = [
        Operation { outcome: Outcome::Fail, status: 409, ..write(0, 0, 10, "1") },
        reads(1, 20, 30, "[1]"),
    ];
    is_refuted(&judged(&refused, STRICT), "aborted read (G1a)", &[0, 1]);
}

#[test]
fn a_read_that_is_too_old_breaks_only_the_strict_kind() {
    let late = [write(0, 0, 10, "1"), reads(1, 20, 30, "[]"), reads(2, 40, 50, "1")];
    is_refuted(&judged(&late, STRICT), "not strictly serializable", &[0, 1]);
    holds(&judged(&late, IN_ANY_ORDER));
    let lost = [write(0, 0, 10, "1"), write(1, 20, 30, "2"), reads(2, 40, 50, "[2]")];
    is_refuted(&judged(&lost, STRICT), "not strictly serializable", &[0, 1, 2]);
}

#[test]
fn an_append_without_an_answer_happened_or_not() {
    let open = unanswered(write(0, 0, 10, "1"));
    holds(&judged(&[open.clone(), reads(1, 20, 30, "[]"), reads(2, 40, 50, "[1]")], STRICT));
    holds(&judged(&[open.clone(), reads(1, 20, 30, "[]")], STRICT));
    let gone = [open, reads(1, 20, 30, "[1]"), reads(2, 40, 50, "[]")];
    is_refuted(&judged(&gone, STRICT), "not strictly serializable", &[0, 1, 2]);
}

#[test]
fn appends_that_nobody_reads_prove_nothing() {
    assert_eq!(judged(&[write(0, 0, 10, "1")], STRICT).verdict(), Verdict::Unknown);
}

#[test]
fn an_element_tells_who_appended_it() {
    let twice = together(&[r#"[["append","x",1]]"#, r#"[["append","x",1]]"#]);
    let all: Vec<&Operation> = twice.iter().collect();
    let lack = judge_append(&all, STRICT).unwrap_err();
    assert!(lack.to_string().contains("write #0 and write #1"), "{lack}");
    let silent = Operation { value: None, ..write(0, 0, 1, "") };
    assert!(judge_append(&[&silent], STRICT).is_err());
}

/// Reads or appends of each of five transactions on two lists, executed in some order; then some
/// answers are changed.
#[derive(Clone, Debug)]
struct Drawn {
    from: u64,
    length: u64,
    parts: Vec<(bool, u8, Option<u8>)>,
}

fn drawn() -> impl Strategy<Value = Vec<Drawn>> {
    let part = (any::<bool>(), 0..2_u8, prop::option::weighted(0.15, 0..3_u8));
    let one = (0..20_u64, 1..20_u64, prop::collection::vec(part, 1..3));
    let one = one.prop_map(|(from, length, parts)| Drawn { from, length, parts });
    prop::collection::vec(one, 1..6)
}

/// The lists after a transaction, and what it reads. With `answers`, it must read these.
type Lists = [Vec<u64>; 2];
type Answers = Vec<Option<Vec<u64>>>;

fn execute(index: usize, drawn: &Drawn, lists: &mut Lists) -> Answers {
    let each = drawn.parts.iter().enumerate();
    each.map(|(place, (is_append, key, cut))| {
        let list = &mut lists[usize::from(*key)];
        if *is_append {
            list.push((index * 10 + place) as u64);
            return None;
        }
        // What it should have read, or less of it.
        let length = cut.map_or(list.len(), |cut| usize::from(cut).min(list.len()));
        Some(list[..length].to_vec())
    })
    .collect()
}

/// Whether the transactions answer so in some order.
fn some_order_explains(
    all: &[(Drawn, Answers)],
    left: &mut Vec<usize>,
    lists: &Lists,
    is_strict: bool,
) -> bool {
    left.is_empty()
        || (0..left.len()).any(|place| {
            let (drawn, answers) = &all[left[place]];
            let ended = |other: &usize| all[*other].0.from + all[*other].0.length < drawn.from;
            if is_strict && left.iter().any(ended) {
                return false;
            }
            let mut after = lists.clone();
            let whole = Drawn {
                parts: drawn.parts.iter().map(|(is, key, _)| (*is, *key, None)).collect(),
                ..drawn.clone()
            };
            if execute(left[place], &whole, &mut after) != *answers {
                return false;
            }
            let index = left.remove(place);
            let explains = some_order_explains(all, left, &after, is_strict);
            left.insert(place, index);
            explains
        })
}

fn as_operation(index: usize, drawn: &Drawn, answers: &Answers) -> Operation {
    let parts: Vec<String> = drawn
        .parts
        .iter()
        .zip(answers)
        .enumerate()
        .map(|(place, ((_, key, _), answer))| match answer {
            None => format!(r#"["append","{key}",{}]"#, index * 10 + place),
            Some(list) => format!(r#"["r","{key}",{list:?}]"#),
        })
        .collect();
    let value = format!("[{}]", parts.join(","));
    let until = drawn.from + drawn.length;
    Operation { key: None, ..write(index as u64, drawn.from, until, &value) }
}

proptest! {
    #[test]
    fn small_histories_are_judged_as_by_trying_every_order(drawn in drawn()) {
        let mut lists = Lists::default();
        let all: Vec<(Drawn, Answers)> = drawn
            .into_iter()
            .enumerate()
            .map(|(index, drawn)| {
                let answers = execute(index, &drawn, &mut lists);
                (drawn, answers)
            })
            .collect();
        let mut history: Vec<Operation> = all
            .iter()
            .enumerate()
            .map(|(index, (drawn, answers))| as_operation(index, drawn, answers))
            .collect();
        // Someone reads everything in the end, or the order of what nobody read would be open.
        let last = format!(r#"[["r","0",{:?}],["r","1",{:?}]]"#, lists[0], lists[1]);
        history.push(Operation { key: None, ..write(99, 100, 110, &last) });
        let mut all = all;
        let parts = vec![(false, 0, None), (false, 1, None)];
        let reads = Drawn { from: 100, length: 10, parts };
        all.push((reads, vec![Some(lists[0].clone()), Some(lists[1].clone())]));
        for is_strict in [true, false] {
            let mut left: Vec<usize> = (0..all.len()).collect();
            let explains = some_order_explains(&all, &mut left, &Lists::default(), is_strict);
            let judgement = judged(&history, AppendOptions { is_strict });
            let is_refuted = judgement.verdict() == Verdict::Refuted;
            prop_assert_eq!(is_refuted, !explains, "strict {}: {:?}", is_strict, judgement);
        }
    }
}

#[test]
fn long_lists_that_part_are_told_by_where_they_part_and_by_their_ends() {
    let appends: Vec<String> =
        (0..40).map(|element| format!(r#"[["append","x",{element}]]"#)).collect();
    let list = |elements: Vec<u32>| format!(r#"[["r","x",{elements:?}]]"#);
    let without_30 = (0..40).filter(|element| *element != 30).collect();
    let readings = [list((0..40).collect()), list(without_30)];
    let all: Vec<&str> = appends.iter().chain(&readings).map(String::as_str).collect();
    let judgement = judged(&together(&all), STRICT);
    let finding = &judgement.findings[0];
    assert!(
        finding
            .text
            .ends_with("after 30 elements that both have, one goes on with 31, the other with 30"),
        "{}",
        finding.text
    );
    let shown: Vec<&str> = finding.operations.iter().map(|seen| seen.what.as_str()).collect();
    assert_eq!(
        shown,
        ["read x = [… 37 earlier … 37 38 39]", "read x = [… 36 earlier … 37 38 39]"],
        "a wall of elements shows nothing"
    );
}
