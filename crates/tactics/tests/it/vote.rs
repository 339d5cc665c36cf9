//! One vote: what a majority may say, whatever a minority does.

use std::time::Duration;

use proptest::prelude::*;
use standfast_tactics::vote::{
    Agreement, Ballot, ByKey, Decision, Exact, Mode, Panel, Reply, Seat, Standing, Terms,
    Undecided, Within,
};
use tokio::time::Instant;

const MS: Duration = Duration::from_millis(1);

fn masking(replicas: usize) -> Panel {
    Panel::try_new(replicas, Mode::Masking { faults: (replicas - 1) / 2 }).expect("2f + 1 replicas")
}

fn open<V, A: Agreement<V>>(panel: Panel, agreement: A, version_min: u64) -> Ballot<V, A> {
    let now = Instant::now();
    let terms = Terms { opened_at: now, deadline: now + 300 * MS, version_min };
    Ballot::open(panel, agreement, terms, &vec![Seat::Counts; panel.replicas()])
}

/// Replicas 0, 1, 2 … reply in this order; answers after how many of them it was decided.
fn poll<V, A: Agreement<V>>(ballot: &mut Ballot<V, A>, replies: Vec<Reply<V>>) -> Option<usize> {
    let now = ballot.terms().opened_at;
    let mut decided = None;
    for (replica, reply) in replies.into_iter().enumerate() {
        if ballot.take(replica, reply, now).is_some() {
            assert_eq!(decided, None, "a ballot is decided once");
            decided = Some(replica + 1);
        }
    }
    decided
}

fn standings<V, A: Agreement<V>>(ballot: &Ballot<V, A>) -> Vec<Standing> {
    ballot.tally().scores.iter().map(|score| score.standing).collect()
}

#[test]
fn panels_need_the_replicas_that_their_promise_takes() {
    let check = |replicas, mode, required: Option<usize>| {
        let panel = Panel::try_new(replicas, mode);
        assert_eq!(panel.map(Panel::required).ok(), required, "{replicas} {mode:?}");
    };
    let masking = |faults| Mode::Masking { faults };
    check(3, masking(1), Some(2));
    check(5, masking(2), Some(3));
    check(5, masking(1), Some(3));
    check(2, masking(1), None);
    check(4, masking(2), None);
    let byzantine = |faults| Mode::ByzantineState { faults };
    check(4, byzantine(1), Some(3));
    check(5, byzantine(1), Some(4));
    check(7, byzantine(2), Some(5));
    check(3, byzantine(1), None);
    check(5, byzantine(2), None);
}

#[test]
fn the_second_of_three_equal_answers_decides() {
    let mut ballot = open(masking(3), Exact, 0);
    assert_eq!(poll(&mut ballot, vec![Reply::at(4, 12), Reply::at(4, 12)]), Some(2));
    assert_eq!(ballot.answer(), Some((&12, 4)));
    assert_eq!(ballot.tally().silent(), [2]);
}

#[test]
fn a_liar_is_named_and_never_heard() {
    let mut ballot = open(masking(3), Exact, 0);
    let replies = vec![Reply::at(4, 99), Reply::at(4, 12), Reply::at(4, 12)];
    assert_eq!(poll(&mut ballot, replies), Some(3));
    assert_eq!(ballot.answer(), Some((&12, 4)));
    assert_eq!(ballot.tally().dissenters(), [0]);
}

#[test]
fn two_different_liars_among_three_are_refused_at_once() {
    let mut ballot = open(masking(3), Exact, 0);
    let replies = vec![Reply::at(4, 99), Reply::at(4, 12), Reply::at(4, 50)];
    assert_eq!(poll(&mut ballot, replies), Some(3), "nobody is left to wait for");
    assert_eq!(ballot.decision(), Some(Decision::NoQuorum(Undecided::Unreachable)));
    assert_eq!(standings(&ballot), [Standing::Unjudged; 3]);
}

#[test]
fn two_colluding_liars_among_three_win_which_no_voter_can_prevent() {
    let mut ballot = open(masking(3), Exact, 0);
    let replies = vec![Reply::at(4, 99), Reply::at(4, 99), Reply::at(4, 12)];
    poll(&mut ballot, replies);
    assert_eq!(ballot.answer(), Some((&99, 4)));
}

#[test]
fn failures_do_not_make_a_minority_of_the_configured_a_majority() {
    let mut ballot = open(masking(5), Exact, 0);
    let replies = vec![Reply::at(1, 7), Reply::at(1, 7), Reply::Failed, Reply::Failed];
    assert_eq!(poll(&mut ballot, replies), None, "the fifth may still agree");
    let now = ballot.terms().opened_at;
    assert_eq!(
        ballot.take(4, Reply::Failed, now),
        Some(Decision::NoQuorum(Undecided::Unreachable)),
        "2 of the 2 that answered are not 3 of the 5 that were asked"
    );
}

#[test]
fn a_reply_after_the_deadline_decides_nothing() {
    let mut ballot = open(masking(3), Exact, 0);
    poll(&mut ballot, vec![Reply::at(1, 7)]);
    let deadline = ballot.terms().deadline;
    assert_eq!(ballot.expire(deadline - MS), None);
    let decision = ballot.take(1, Reply::at(1, 7), deadline);
    assert_eq!(decision, Some(Decision::NoQuorum(Undecided::Deadline)));
    assert_eq!(ballot.tally().late(), [1]);
}

#[test]
fn a_replica_that_is_behind_is_told_apart_from_one_that_lies() {
    let mut ballot = open(masking(3), Exact, 0);
    let replies = vec![Reply::at(6, 15), Reply::at(7, 12), Reply::at(7, 12)];
    assert_eq!(poll(&mut ballot, replies), Some(3));
    let behind = Standing::Lags { by: 1 };
    assert_eq!(standings(&ballot), [behind, Standing::Agrees, Standing::Agrees]);
    assert!(ballot.tally().dissenters().is_empty());
}

#[test]
fn equal_values_of_different_versions_do_not_support_each_other() {
    let mut ballot = open(masking(3), Exact, 0);
    let replies = vec![Reply::at(6, 12), Reply::at(7, 12), Reply::Failed];
    assert_eq!(poll(&mut ballot, replies), Some(3));
    assert_eq!(ballot.answer(), None, "each speaks of another state");
}

#[test]
fn what_a_client_has_seen_is_the_floor() {
    let mut ballot = open(masking(3), Exact, 7);
    let replies = vec![Reply::at(6, 15), Reply::at(6, 15), Reply::at(7, 12)];
    assert_eq!(poll(&mut ballot, replies), Some(2), "two behind: no two can agree any more");
    assert_eq!(ballot.answer(), None, "an old majority would let the client travel back");
    assert_eq!(ballot.tally().lagging(), [0, 1]);
}

#[test]
fn a_lie_behind_a_version_from_the_future_wins_nothing() {
    let mut ballot = open(masking(3), Exact, 0);
    let replies = vec![Reply::at(1_000_000, 99), Reply::at(7, 12), Reply::at(7, 12)];
    poll(&mut ballot, replies);
    assert_eq!(ballot.answer(), Some((&12, 7)));
    assert_eq!(standings(&ballot)[0], Standing::Ahead { by: 999_993 });
}

#[test]
fn only_the_first_reply_of_a_replica_counts() {
    let mut ballot = open(masking(3), Exact, 0);
    let now = ballot.terms().opened_at;
    assert_eq!(ballot.take(0, Reply::at(1, 7), now), None);
    assert_eq!(ballot.take(0, Reply::at(1, 7), now), None, "it has no second vote");
    assert_eq!(ballot.answer(), None);
}

#[test]
fn a_shadow_is_scored_and_does_not_count() {
    let now = Instant::now();
    let terms = Terms { opened_at: now, deadline: now + 300 * MS, version_min: 0 };
    let seats = [Seat::Shadow, Seat::Counts, Seat::Counts];
    let mut ballot = Ballot::open(masking(3), Exact, terms, &seats);
    assert_eq!(poll(&mut ballot, vec![Reply::at(1, 7), Reply::at(1, 7)]), None);
    assert!(ballot.take(2, Reply::at(1, 7), now).is_some());
    assert_eq!(standings(&ballot), [Standing::Agrees; 3]);
    assert!(ballot.tally().scores[0].is_shadow);
    let seats = [Seat::Shadow, Seat::Absent, Seat::Counts];
    let refused: Ballot<u64, _> = Ballot::open(masking(3), Exact, terms, &seats);
    assert_eq!(refused.decision(), Some(Decision::NoQuorum(Undecided::Unreachable)));
}

#[test]
fn answers_that_agree_by_key_may_differ_otherwise() {
    let key = ByKey(|answer: &(u64, &str)| answer.0);
    let mut ballot = open(masking(3), key, 0);
    let replies = vec![Reply::at(1, (7, "0.2 ms")), Reply::at(1, (7, "0.9 ms"))];
    assert_eq!(poll(&mut ballot, replies), Some(2));
}

#[test]
fn a_chain_of_close_numbers_is_no_class() {
    let within = || Within::new(0.5, |number: &f64| *number);
    let at = |number| Reply::at(1, number);
    let mut ballot = open(masking(5), within(), 0);
    // Each agrees with the next; no three agree with each other.
    let replies = vec![at(1.0), at(1.4), at(1.8), at(2.2), at(2.6)];
    assert_eq!(poll(&mut ballot, replies), Some(5));
    assert_eq!(ballot.answer(), None);
    let mut ballot = open(masking(5), within(), 0);
    let replies = vec![at(f64::NAN), at(9.0), at(1.2), at(1.0), at(1.4)];
    assert_eq!(poll(&mut ballot, replies), Some(5));
    assert_eq!(ballot.answer(), Some((&1.2, 1)), "the median speaks for the clique");
    assert_eq!(ballot.tally().dissenters(), [0, 1], "what is no number agrees with nothing");
}

/// What an honest replica says at each version: a function of it, as replicas are deterministic.
fn truth(version: u64) -> u64 {
    version / 2 * 10
}

/// Honest: the version that it has reached. Else what it claims: version and value.
#[derive(Clone, Copy, Debug)]
enum Replica {
    Honest(u64),
    Liar(u64, u64),
    Dead,
}

impl Replica {
    fn reply(self) -> Reply<u64> {
        match self {
            Self::Honest(version) => Reply::at(version, truth(version)),
            Self::Liar(version, value) => Reply::at(version, value),
            Self::Dead => Reply::Failed,
        }
    }
}

/// Up to f of 2f + 1 replicas lie or are dead, and all speak in any order.
fn crew() -> impl Strategy<Value = Vec<(usize, Replica)>> {
    let bad = prop_oneof![
        3 => (0..6_u64, 0..60_u64).prop_map(|(version, value)| Replica::Liar(version, value)),
        1 => Just(Replica::Dead),
    ];
    (1..=3_usize).prop_flat_map(move |faults| {
        let honest = prop::collection::vec((2..5_u64).prop_map(Replica::Honest), faults + 1);
        let bad = prop::collection::vec(bad.clone(), faults);
        (honest, bad)
            .prop_map(|(honest, bad)| honest.into_iter().chain(bad).enumerate().collect())
            .prop_shuffle()
    })
}

fn outcome(crew: &[(usize, Replica)], version_min: u64) -> Ballot<u64, Exact> {
    let mut ballot = open(masking(crew.len()), Exact, version_min);
    let now = ballot.terms().opened_at;
    for (replica, behaviour) in crew {
        ballot.take(*replica, behaviour.reply(), now);
    }
    ballot
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_minority_of_any_kind_never_makes_a_wrong_answer(crew in crew(), floor in 0..5_u64) {
        let ballot = outcome(&crew, floor);
        if let Some((value, version)) = ballot.answer() {
            prop_assert_eq!(*value, truth(version));
            prop_assert!(version >= floor);
            for (replica, behaviour) in &crew {
                let is_named = ballot.tally().dissenters().contains(replica);
                prop_assert!(!is_named || matches!(behaviour, Replica::Liar(..)), "an honest one");
            }
        }
        prop_assert!(ballot.decision().is_some(), "all have spoken");
    }

    #[test]
    fn when_the_honest_have_one_version_the_minority_cannot_prevent_the_answer(
        crew in crew(),
        version in 0..5_u64,
    ) {
        let level = |behaviour| match behaviour {
            Replica::Honest(_) => Replica::Honest(version),
            Replica::Liar(..) | Replica::Dead => behaviour,
        };
        let crew: Vec<_> = crew.into_iter().map(|(who, how)| (who, level(how))).collect();
        let ballot = outcome(&crew, 0);
        prop_assert_eq!(ballot.answer(), Some((&truth(version), version)));
    }

    #[test]
    fn the_order_of_replies_does_not_change_the_answer(
        (crew, other) in
            crew().prop_flat_map(|crew| (Just(crew.clone()), Just(crew).prop_shuffle())),
    ) {
        let (one, other) = (outcome(&crew, 0), outcome(&other, 0));
        prop_assert_eq!(one.answer(), other.answer());
    }

    #[test]
    fn once_decided_what_is_still_to_come_cannot_change_it(
        crew in crew(),
        rest in prop::collection::vec(0..60_u64, 7),
    ) {
        let mut ballot = open(masking(crew.len()), Exact, 0);
        let now = ballot.terms().opened_at;
        let mut spoken = Vec::new();
        for (replica, behaviour) in &crew {
            spoken.push(*behaviour);
            if ballot.take(*replica, behaviour.reply(), now).is_some() {
                break;
            }
        }
        // The others say anything else, in a vote that waits for all of them.
        let others = rest.iter().map(|value| Replica::Liar(3, *value));
        let all: Vec<_> = spoken.into_iter().chain(others).take(crew.len()).enumerate().collect();
        let patient = outcome(&all, 0);
        prop_assert_eq!(ballot.answer(), patient.answer());
    }

    #[test]
    fn a_tolerant_answer_is_within_the_tolerance_of_an_honest_one(
        noise in prop::collection::vec(-0.5..0.5_f64, 3),
        lies in prop::collection::vec(prop_oneof![-3.0..3.0_f64, Just(f64::NAN)], 2),
        order in Just([0_usize, 1, 2, 3, 4]).prop_shuffle(),
    ) {
        let numbers: Vec<f64> = noise.iter().chain(&lies).copied().collect();
        let mut ballot = open(masking(5), Within::new(1.0, |number: &f64| *number), 0);
        let now = ballot.terms().opened_at;
        for replica in order {
            ballot.take(replica, Reply::at(1, numbers[replica]), now);
        }
        let Some((answer, _)) = ballot.answer() else {
            return Err(TestCaseError::fail("three honest numbers are within 1.0"));
        };
        prop_assert!(noise.iter().any(|honest| (honest - answer).abs() <= 1.0), "{answer}");
    }
}
