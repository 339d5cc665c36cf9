//! Answers that contradict each other, or what is known to be true.

use proptest::prelude::*;
use standfast_checker::{Agreement, Truth, Witness, judge_agreement};
use standfast_history::{Operation, Outcome};

use crate::read;

fn answer(at_us: u64, version: i64, value: &str) -> Operation {
    Operation {
        key: Some("PROD-001".to_owned()),
        version: Some(version),
        value: Some(value.to_owned()),
        ..read(at_us, 10, Outcome::Ok)
    }
}

fn judge(history: &[Operation], truths: &[Truth]) -> Agreement {
    judge_agreement(history, history, truths)
}

fn truth(version: i64, value: &str) -> Truth {
    Truth { key: "PROD-001".to_owned(), version, value: value.to_owned() }
}

#[test]
fn two_values_at_one_version_cannot_both_be_right() {
    let history = [answer(1, 7, "95"), answer(2, 7, "95"), answer(3, 7, "42"), answer(4, 8, "90")];
    let judged = judge(&history, &[]);
    assert_eq!((judged.judged, judged.unjudged), (3, 1), "nothing contradicts the one at 8");
    let [wrong] = judged.wrong.as_slice() else { panic!("{:?}", judged.wrong) };
    assert_eq!((wrong.index, wrong.expected.as_str()), (3, "95"));
    assert_eq!(
        wrong.to_string(),
        "search #3 says that PROD-001 is 42 at version 7, search #1 says 95"
    );
}

#[test]
fn another_version_or_another_key_may_have_another_value() {
    let other = Operation { key: Some("PROD-002".to_owned()), ..answer(3, 7, "42") };
    let judged = judge(&[answer(1, 7, "95"), answer(2, 8, "90"), other], &[]);
    assert_eq!((judged.judged, judged.unjudged), (0, 3));
    assert!(judged.wrong.is_empty());
}

#[test]
fn the_truth_refutes_a_majority_and_an_answer_that_stands_alone() {
    let history = [answer(1, 7, "42"), answer(2, 7, "42"), answer(3, 9, "1")];
    let judged = judge(&history, &[truth(7, "95"), truth(9, "1")]);
    assert_eq!((judged.judged, judged.wrong.len()), (3, 2));
    assert!(judged.wrong.iter().all(|wrong| wrong.witness == Witness::Truth));
}

#[test]
fn an_acknowledged_write_knows_its_value_and_one_without_an_answer_does_not() {
    let write = Operation { write: true, ..answer(1, 7, "95") };
    let lost = Operation { outcome: Outcome::Info, ..write.clone() };
    assert_eq!(judge(&[write, answer(2, 7, "42")], &[]).wrong.len(), 1);
    assert_eq!(judge(&[lost, answer(2, 7, "42")], &[]).judged, 0);
}

#[test]
fn what_was_answered_before_a_window_contradicts_what_is_answered_in_it() {
    let history = [answer(1, 7, "95"), answer(200, 7, "42")];
    let judged = judge_agreement(&history, &history[1..], &[]);
    assert_eq!((judged.judged, judged.wrong.len()), (1, 1));
}

proptest! {
    /// Every answer is held against every other one.
    #[test]
    fn the_count_is_that_of_the_quadratic_way(
        answers in prop::collection::vec((-1..3_i64, 0..3_u8), 0..60),
        known in prop::collection::btree_map(-1..3_i64, 0..3_u8, 0..3),
    ) {
        let history: Vec<Operation> = answers
            .iter()
            .zip(0..)
            .map(|((version, value), at_us)| answer(at_us, *version, &value.to_string()))
            .collect();
        let truths: Vec<Truth> =
            known.iter().map(|(version, value)| truth(*version, &value.to_string())).collect();
        let (mut compared, mut wrong) = (0, 0);
        for (version, value) in &answers {
            let same = |wanted: &u8| answers.iter().filter(|a| *a == &(*version, *wanted)).count();
            let beside = answers.iter().filter(|(other, _)| other == version).count();
            let first = |value: &u8| answers.iter().position(|a| a == &(*version, *value));
            // The most frequent value; of two as frequent, the one that came first.
            let expected = known.get(version).copied().or_else(|| {
                (0..3).max_by_key(|v| (same(v), std::cmp::Reverse(first(v)))).filter(|_| beside > 1)
            });
            compared += u64::from(expected.is_some());
            wrong += usize::from(expected.is_some_and(|expected| expected != *value));
        }
        let judged = judge(&history, &truths);
        prop_assert_eq!(judged.judged, compared);
        prop_assert_eq!(judged.wrong.len(), wrong);
        prop_assert_eq!(judged.judged + judged.unjudged, history.len() as u64);
    }
}
