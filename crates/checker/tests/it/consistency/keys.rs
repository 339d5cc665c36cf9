//! Registers by key: known histories, their smallest counterexamples, and every order tried.

use proptest::prelude::*;
use standfast_checker::{
    Judgement, Lack, Limits, RegisterOptions, Verdict, judge_keys, judge_register,
};
use standfast_history::{Operation, Outcome};

use super::{holds, is_refuted, reads, unanswered, write};

fn judged(operations: &[Operation]) -> Judgement {
    try_judged(operations, &RegisterOptions::default()).unwrap()
}

fn from_zero(operations: &[Operation]) -> Judgement {
    let options = RegisterOptions { initial: Some("0".to_owned()), ..RegisterOptions::default() };
    try_judged(operations, &options).unwrap()
}

fn try_judged(operations: &[Operation], options: &RegisterOptions) -> Result<Judgement, Lack> {
    judge_keys(&operations.iter().collect::<Vec<_>>(), options)
}

#[test]
fn what_can_be_explained_holds() {
    holds(&judged(&[write(0, 0, 10, "a"), reads(1, 20, 30, "a")]));
    holds(&judged(&[write(0, 0, 10, "a"), write(1, 5, 15, "b"), reads(2, 20, 30, "a")]));
    holds(&judged(&[write(0, 0, 30, "a"), reads(1, 5, 10, "a"), reads(2, 12, 20, "a")]));
    holds(&judged(&[write(0, 0, 10, "a"), write(1, 10, 20, "b"), reads(2, 20, 30, "a")]));
    // What was there before is not known, and may be read until it is overwritten.
    holds(&judged(&[reads(0, 0, 10, "old"), write(1, 20, 30, "a"), reads(2, 25, 40, "old")]));
    holds(&judged(&[reads(0, 0, 10, "a"), write(1, 20, 30, "b"), write(2, 40, 50, "a")]));
}

#[test]
fn a_stale_read_is_shown_by_the_few_operations_that_contradict_it() {
    let mut history = vec![write(0, 0, 10, "a"), write(1, 20, 30, "b"), reads(2, 40, 50, "a")];
    for index in 3..50 {
        history.push(reads(index, 40 * index, 40 * index + 5, "b"));
    }
    let judgement = judged(&history);
    let finding = &judgement.findings[0];
    assert_eq!(finding.kind, "stale read");
    assert!(finding.operations.len() <= 4, "{finding:?}");
    // The same by the search: the value is written twice somewhere else.
    history.extend([write(60, 9_000, 9_010, "c"), write(61, 9_020, 9_030, "c")]);
    let judgement = judged(&history);
    is_refuted(&judgement, "not linearizable", &[0, 1, 2]);
}

#[test]
fn each_kind_of_contradiction_has_its_name() {
    let lost = [write(0, 0, 10, "a"), reads(1, 20, 30, "0")];
    is_refuted(&from_zero(&lost), "stale read", &[0, 1]);
    let invented = [write(0, 0, 10, "a"), reads(1, 20, 30, "b"), reads(2, 20, 30, "c")];
    is_refuted(&judged(&invented), "never written", &[2]);
    let early = [reads(1, 0, 10, "a"), reads(0, 0, 10, "0"), write(2, 20, 30, "a")];
    is_refuted(&from_zero(&early), "read before written", &[1, 2]);
    let back = [
        write(0, 0, 100, "a"),
        write(1, 0, 100, "b"),
        reads(2, 110, 120, "a"),
        reads(3, 130, 140, "b"),
        reads(4, 150, 160, "a"),
    ];
    is_refuted(&judged(&back), "stale read", &[0, 1, 3, 4]);
}

#[test]
fn a_write_without_an_answer_happened_or_not_at_any_later_time() {
    let lost = |read: &str| {
        [write(0, 0, 10, "a"), unanswered(write(1, 20, 30, "b")), reads(2, 90, 99, read)]
    };
    holds(&judged(&lost("a")));
    holds(&judged(&lost("b")));
    let twice = [&lost("b")[..], &[reads(3, 100, 110, "a")]].concat();
    assert_eq!(judged(&twice).verdict(), Verdict::Refuted, "it cannot be undone");
    let gateway = Operation { outcome: Outcome::Fail, status: 502, ..write(1, 20, 30, "b") };
    holds(&judged(&[write(0, 0, 10, "a"), gateway, reads(2, 90, 99, "b")]));
    let refused = Operation { outcome: Outcome::Fail, status: 409, ..write(1, 20, 30, "b") };
    let read = [reads(2, 50, 60, "a"), reads(3, 90, 99, "b")];
    let judgement = judged(&[&[write(0, 0, 10, "a"), refused][..], &read].concat());
    assert_eq!(judgement.verdict(), Verdict::Refuted, "a refused write was read: {judgement:?}");
}

#[test]
fn keys_are_judged_one_by_one_and_a_register_has_none() {
    let other = |operation| Operation { key: Some("y".to_owned()), ..operation };
    let history = [write(0, 0, 10, "a"), other(write(1, 20, 30, "b")), reads(2, 40, 50, "a")];
    holds(&judged(&history));
    let all: Vec<&Operation> = history.iter().collect();
    let lack = judge_register(&all, &RegisterOptions::default()).unwrap_err();
    assert!(lack.to_string().contains("kv"), "{lack}");
    let nameless: Vec<Operation> =
        history.iter().cloned().map(|operation| Operation { key: None, ..operation }).collect();
    let all: Vec<&Operation> = nameless.iter().collect();
    let judgement = judge_register(&all, &RegisterOptions::default()).unwrap();
    assert_eq!(judgement.verdict(), Verdict::Refuted);
    let lack = try_judged(&nameless, &RegisterOptions::default()).unwrap_err();
    assert!(lack.to_string().contains("`key`"), "{lack}");
}

#[test]
fn versions_do_where_writes_carry_no_value() {
    let versioned = |operation, version| Operation { value: None, version, ..operation };
    let mut history = vec![
        versioned(reads(0, 0, 5, ""), Some(1)),
        versioned(write(1, 10, 20, ""), Some(2)),
        versioned(reads(2, 30, 40, ""), Some(2)),
    ];
    holds(&judged(&history));
    history.push(versioned(reads(3, 50, 60, ""), Some(3)));
    assert_eq!(judged(&history).verdict(), Verdict::Refuted, "nobody made version 3");
    // An attempt without an answer has no version; it may have made the third.
    history.push(unanswered(versioned(write(4, 45, 48, ""), None)));
    holds(&judged(&history));
    // But not the fourth as well, nor one that was read before it began.
    let fourth = versioned(reads(5, 70, 80, ""), Some(4));
    is_refuted(&judged(&[&history[..], &[fourth]].concat()), "never written", &[5]);
    let early = [versioned(reads(5, 41, 43, ""), Some(3))];
    let judgement = judged(&[&history[..], &early].concat());
    assert_eq!(judgement.verdict(), Verdict::Refuted, "{judgement:?}");
    let lack = try_judged(&[versioned(write(0, 0, 1, ""), None)], &RegisterOptions::default());
    assert!(lack.unwrap_err().to_string().contains("`value`"));
}

#[test]
fn what_proves_nothing_is_unknown() {
    assert_eq!(judged(&[]).verdict(), Verdict::Unknown);
    let silent = Operation { value: None, ..reads(0, 0, 1, "") };
    let judgement = judged(&[silent]);
    assert_eq!((judgement.verdict(), judgement.unjudged), (Verdict::Unknown, 1));
    for useless in [[write(0, 0, 1, "a")], [reads(0, 0, 1, "a")]] {
        assert_eq!(judged(&useless).verdict(), Verdict::Unknown, "{useless:?}");
    }
    // Forty writes of two values at once, and a read that ends last: there are too many orders.
    let mut history: Vec<Operation> =
        (0..40).map(|index| write(index, 0, 100 + index, ["a", "b"][index as usize % 2])).collect();
    history.push(reads(40, 200, 300, "a"));
    let few = Limits { steps_max: 1_000, ..Limits::default() };
    let options = RegisterOptions { limits: few, ..RegisterOptions::default() };
    let judgement = try_judged(&history, &options).unwrap();
    assert_eq!(judgement.verdict(), Verdict::Unknown);
    assert!(judgement.undecided[0].contains("too many steps"), "{judgement:?}");
    let narrow = Limits { configurations_max: 10, ..Limits::default() };
    let options = RegisterOptions { limits: narrow, ..RegisterOptions::default() };
    assert_eq!(try_judged(&history, &options).unwrap().verdict(), Verdict::Unknown);
}

/// Whether some order of the operations explains them: all of them are tried.
fn some_order_explains(
    operations: &[Operation],
    left: &mut Vec<usize>,
    state: Option<&str>,
) -> bool {
    if left.iter().all(|index| operations[*index].outcome != Outcome::Ok) {
        return true;
    }
    (0..left.len()).any(|place| {
        let next = &operations[left[place]];
        let is_first = left.iter().all(|other| {
            let other = &operations[*other];
            other.outcome != Outcome::Ok || other.done_us >= next.sent_us.unwrap()
        });
        let value = next.value.as_deref();
        if !is_first || !next.write && state.is_some() && state != value {
            return false;
        }
        let index = left.remove(place);
        let explains = some_order_explains(operations, left, value);
        left.insert(place, index);
        explains
    })
}

/// Up to seven operations on one register; with `values` as large as their number, every write
/// writes another value.
fn history(values: u64) -> impl Strategy<Value = Vec<Operation>> {
    let one = (0..20_u64, 1..12_u64, any::<bool>(), 0..values, 0..8_u8);
    prop::collection::vec(one, 1..8).prop_map(move |drawn| {
        let each = drawn.into_iter().enumerate();
        let operations = each.map(|(index, (from, length, is_write, value, ending))| {
            let index = index as u64;
            let value = if is_write && values > 7 { index } else { value };
            let value = value.to_string();
            match (is_write, ending) {
                (false, _) => reads(index, from, from + length, &value),
                (true, 0) => unanswered(write(index, from, from + length, &value)),
                (true, _) => write(index, from, from + length, &value),
            }
        });
        operations.collect()
    })
}

fn agrees_with_every_order(history: &[Operation]) -> Result<(), TestCaseError> {
    for initial in [None, Some("0".to_owned())] {
        let options = RegisterOptions { initial: initial.clone(), ..RegisterOptions::default() };
        let judgement = try_judged(history, &options).unwrap();
        let mut all: Vec<usize> = (0..history.len()).collect();
        let explained = some_order_explains(history, &mut all, initial.as_deref());
        // What may all not have happened is not judged, or holds.
        let is_refuted = judgement.verdict() == Verdict::Refuted;
        prop_assert_eq!(is_refuted, !explained, "initially {:?}: {:?}", initial, judgement);
        for finding in &judgement.findings {
            let shown = |operation: &&Operation| {
                finding.operations.iter().any(|seen| seen.index == operation.index)
            };
            let part: Vec<Operation> = history.iter().filter(shown).cloned().collect();
            let judgement = try_judged(&part, &options).unwrap();
            // A value that nobody wrote, or that was there before, needs the others to be judged.
            let is_alone = ["not linearizable", "read before written"];
            if initial.is_some() && is_alone.contains(&finding.kind.as_str()) {
                prop_assert_eq!(judgement.verdict(), Verdict::Refuted, "{:?}", part);
            }
        }
    }
    Ok(())
}

/// Whether some values, of which each blank write takes another one, explain the history. As with
/// versions, none comes again: what was read before a write began is not what it wrote.
fn some_values_explain(history: &mut Vec<Operation>, initial: Option<&str>) -> bool {
    let blank = history.iter().position(|operation| operation.value.is_none());
    let Some(blank) = blank else {
        let mut all: Vec<usize> = (0..history.len()).collect();
        return some_order_explains(history, &mut all, initial);
    };
    let written: Vec<_> =
        history.iter().filter(|one| one.write).map(|one| one.value.clone()).collect();
    let mut values: Vec<_> = history.iter().map(|one| one.value.clone()).collect();
    let began = history[blank].sent_us.unwrap();
    let is_old = |value: &Option<String>| {
        let mut reads = history.iter().filter(|one| !one.write && one.value == *value);
        reads.any(|read| read.done_us < began)
    };
    values.retain(|value| value.is_some() && !written.contains(value) && !is_old(value));
    values.push(Some(format!("unread {blank}")));
    values.into_iter().any(|value| {
        history[blank].value = value;
        let explains = some_values_explain(history, initial);
        history[blank].value = None;
        explains
    })
}

fn refutes_nothing_that_some_values_explain(history: &[Operation]) -> Result<(), TestCaseError> {
    let blank = |operation: &Operation| match operation.outcome {
        Outcome::Ok => operation.clone(),
        Outcome::Info | Outcome::Fail => Operation { value: None, ..operation.clone() },
    };
    let mut history: Vec<Operation> = history.iter().map(blank).collect();
    for initial in [None, Some("0".to_owned())] {
        let options = RegisterOptions { initial: initial.clone(), ..RegisterOptions::default() };
        let judgement = try_judged(&history, &options).unwrap();
        if some_values_explain(&mut history, initial.as_deref()) {
            prop_assert_ne!(
                judgement.verdict(),
                Verdict::Refuted,
                "{:?}: {:?}",
                initial,
                judgement
            );
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn writes_that_say_no_value_refute_nothing_that_some_value_explains(history in history(9)) {
        refutes_nothing_that_some_values_explain(&history)?;
    }

    #[test]
    fn values_written_again_are_judged_as_by_trying_every_order(history in history(3)) {
        agrees_with_every_order(&history)?;
    }

    #[test]
    fn values_written_once_are_judged_as_by_trying_every_order(history in history(9)) {
        agrees_with_every_order(&history)?;
    }
}
