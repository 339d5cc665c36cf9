//! The saga: what is journaled before what, when it turns back, and what becomes of what cannot be
//! undone yet.

use std::sync::Arc;
use std::time::Duration;

use standfast_tactics::saga::{
    Answer, Call, Cause, Definition, DefinitionError, Direction, Entry, Mark, Next, Outcome,
    Ownership, Record, Retry, Saga, Standing, Step, Verdict, judge,
};
use tokio::time::Instant;

use Direction::{Back, Forth};

const RETRY: Retry = Retry {
    wait_base: Duration::from_millis(10),
    wait_max: Duration::from_millis(40),
    tries_max: 3,
};

fn step(name: &'static str, compensation: Option<&'static str>) -> Step {
    Step { name, action: "do", compensation, retry: RETRY }
}

/// Three steps that can all be undone.
fn three() -> Arc<Definition> {
    let steps = ["a", "b", "c"].map(|name| step(name, Some("undo"))).to_vec();
    Arc::new(Definition::try_new(steps).expect("they have names of their own"))
}

/// Drives a saga to its next call, wait or end; everything journaled goes to `journal`.
fn drive(saga: &mut Saga<u8>, journal: &mut Vec<Entry<u8>>, now: Instant) -> Next<u8> {
    loop {
        match saga.next(now) {
            Next::Journal(entries) => {
                for entry in &entries {
                    saga.apply(entry).expect("it was asked for");
                }
                journal.extend(entries);
            }
            other @ (Next::Call(_) | Next::Wait(_) | Next::Answer | Next::End(_)) => return other,
        }
    }
}

#[track_caller]
fn expect_call(next: &Next<u8>, step: usize, direction: Direction) {
    let Next::Call(Call { step: called, direction: towards, .. }) = next else {
        panic!("{next:?} is no call");
    };
    assert_eq!((*called, *towards), (step, direction));
}

fn refused(reason: &str) -> Answer<u8> {
    Answer::Refused { reason: reason.to_owned() }
}

#[test]
fn no_action_is_called_before_its_intent_is_durable() {
    let (mut saga, now) = (Saga::new(three()), Instant::now());
    for place in 0..3 {
        let Next::Journal(entries) = saga.next(now) else { panic!("journal first") };
        assert_eq!(entries.last(), Some(&Entry::Intended { step: place }));
        assert_eq!(saga.next(now), Next::Journal(entries.clone()), "it does not go on without");
        entries.iter().for_each(|entry| saga.apply(entry).unwrap());
        expect_call(&saga.next(now), place, Forth);
        assert_eq!(saga.next(now), Next::Answer, "one call at a time");
        saga.answered(Answer::Done(place as u8), now, 0.5);
    }
    assert_eq!(saga.standing(), Standing::Forth, "its last step is not durable yet");
    let next = drive(&mut saga, &mut Vec::new(), now);
    assert_eq!(next, Next::End(Outcome::Completed));
    assert_eq!(saga.answer(1), Some(&1));
}

#[test]
fn a_refusal_undoes_what_was_done_in_reverse_and_leaves_the_refused_step_alone() {
    let (mut saga, mut journal, now) = (Saga::new(three()), Vec::new(), Instant::now());
    for (place, answer) in [Answer::Done(0), Answer::Done(1), refused("no")].into_iter().enumerate()
    {
        expect_call(&drive(&mut saga, &mut journal, now), place, Forth);
        saga.answered(answer, now, 0.5);
    }
    for place in [1, 0] {
        expect_call(&drive(&mut saga, &mut journal, now), place, Back);
        assert_eq!(saga.standing(), Standing::Back);
        saga.answered(Answer::Done(0), now, 0.5);
    }
    assert_eq!(drive(&mut saga, &mut journal, now), Next::End(Outcome::Compensated));
    let cause = Cause::Refused { reason: "no".to_owned() };
    assert_eq!(saga.turned_back(), Some((2, &cause)));
    assert_eq!(saga.answer(0), None, "it is undone");
}

#[test]
fn an_unknown_outcome_is_asked_again_with_growing_waits_and_then_undone_as_if_done() {
    let (mut saga, mut journal, mut now) = (Saga::new(three()), Vec::new(), Instant::now());
    let mut waits = Vec::new();
    for tries in 1..=3 {
        let next = drive(&mut saga, &mut journal, now);
        assert_eq!(next, Next::Call(Call { step: 0, direction: Forth, tries }));
        saga.answered(Answer::Unknown, now, 1.0);
        if let Next::Wait(until) = saga.next(now) {
            waits.push((until - now).as_millis());
            now = until;
        }
    }
    assert_eq!(waits, [10, 20]);
    expect_call(&drive(&mut saga, &mut journal, now), 0, Back);
    assert_eq!(saga.turned_back(), Some((0, &Cause::GaveUp { tries: 3 })));
}

#[test]
fn a_compensation_that_fails_is_parked_tried_on_and_can_be_resumed() {
    let (mut saga, mut journal, mut now) = (Saga::new(three()), Vec::new(), Instant::now());
    drive(&mut saga, &mut journal, now);
    saga.answered(Answer::Done(0), now, 0.5);
    drive(&mut saga, &mut journal, now);
    saga.answered(refused("no"), now, 0.5);
    assert!(!saga.resume(), "nothing is parked");
    for tries in 1..=10 {
        assert_eq!(saga.is_parked(), tries > 3, "after {} tries", tries - 1);
        expect_call(&drive(&mut saga, &mut journal, now), 0, Back);
        // Even a refusal is no reason to leave it undone.
        saga.answered(if tries % 2 == 0 { refused("never") } else { Answer::Unknown }, now, 1.0);
        let Next::Wait(until) = drive(&mut saga, &mut journal, now) else { panic!("{tries}") };
        assert!(until - now <= RETRY.wait_max);
        now = if tries < 10 { until } else { now };
    }
    let parked = journal.iter().filter(|entry| matches!(entry, Entry::Parked { .. })).count();
    assert_eq!(parked, 1, "said once");
    assert!(saga.resume());
    let next = drive(&mut saga, &mut journal, now);
    assert_eq!(next, Next::Call(Call { step: 0, direction: Back, tries: 1 }), "without a wait");
    assert!(!saga.is_parked());
    saga.answered(Answer::Done(0), now, 0.5);
    assert_eq!(drive(&mut saga, &mut journal, now), Next::End(Outcome::Compensated));
}

#[test]
fn after_the_pivot_there_is_no_way_back() {
    let steps = vec![step("a", Some("undo")), step("b", None), step("c", None)];
    let definition = Arc::new(Definition::try_new(steps).unwrap());
    let (mut saga, mut journal, mut now) = (Saga::new(definition), Vec::new(), Instant::now());
    for place in 0..2 {
        expect_call(&drive(&mut saga, &mut journal, now), place, Forth);
        saga.answered(Answer::Done(0), now, 0.5);
    }
    for _ in 0..5 {
        expect_call(&drive(&mut saga, &mut journal, now), 2, Forth);
        saga.answered(refused("not now"), now, 1.0);
        now += RETRY.wait_max;
    }
    assert!(saga.is_parked() && saga.turned_back().is_none());
    expect_call(&drive(&mut saga, &mut journal, now), 2, Forth);
    saga.answered(Answer::Done(2), now, 0.5);
    assert_eq!(drive(&mut saga, &mut journal, now), Next::End(Outcome::Completed));
    assert!(!saga.is_parked());
}

#[test]
fn a_pivot_that_may_be_done_is_not_given_up_and_one_that_is_refused_turns_back() {
    let steps = vec![step("a", Some("undo")), step("b", None)];
    let definition = Arc::new(Definition::try_new(steps).unwrap());
    let (mut saga, mut journal, mut now) = (Saga::new(definition), Vec::new(), Instant::now());
    drive(&mut saga, &mut journal, now);
    saga.answered(Answer::Done(0), now, 0.5);
    for _ in 0..5 {
        expect_call(&drive(&mut saga, &mut journal, now), 1, Forth);
        saga.answered(Answer::Unknown, now, 1.0);
        now += RETRY.wait_max;
    }
    assert!(saga.is_parked() && saga.turned_back().is_none());
    expect_call(&drive(&mut saga, &mut journal, now), 1, Forth);
    saga.answered(refused("no"), now, 0.5);
    expect_call(&drive(&mut saga, &mut journal, now), 0, Back);
}

#[test]
fn a_journal_of_something_else_is_no_journal() {
    let mut saga: Saga<u8> = Saga::new(three());
    for wrong in [
        Entry::Intended { step: 1 },
        Entry::Intended { step: 9 },
        Entry::Done { step: 0, answer: 0 },
        Entry::Undone { step: 0 },
        Entry::Parked { step: 2 },
    ] {
        let error = saga.apply(&wrong).unwrap_err().to_string();
        assert!(error.contains("cannot follow"), "{error}");
    }
    saga.apply(&Entry::Intended { step: 0 }).unwrap();
    assert!(saga.apply(&Entry::Intended { step: 0 }).is_err(), "twice");
}

#[test]
fn steps_that_make_no_saga_are_refused() {
    let error = |steps| Definition::try_new(steps).unwrap_err();
    assert_eq!(error(vec![]), DefinitionError::Empty);
    let twice = vec![step("a", Some("undo")), step("a", None)];
    assert_eq!(error(twice), DefinitionError::Twice("a"));
    let late = vec![step("a", None), step("b", Some("undo"))];
    assert_eq!(error(late), DefinitionError::AfterPivot("b"));
}

#[test]
fn a_late_driver_is_kept_out_of_the_journal_and_away_from_participants() {
    let first = Ownership::taken_over(None, "one");
    let second = Ownership::taken_over(Some(&first), "two");
    assert!(second.check(second.epoch).is_ok());
    let error = second.check(first.epoch).unwrap_err().to_string();
    assert_eq!(error, "epoch 1 is over: `two` drives since epoch 2");
    let record = Record::<()> { mark: Mark::Applied, epoch: 2, fingerprint: 7, answer: Some(()) };
    let late = standfast_tactics::saga::Arrival { direction: Back, epoch: 1, fingerprint: 7 };
    assert_eq!(judge(Some(record.clone()), late), Verdict::Fenced);
    let other = standfast_tactics::saga::Arrival { direction: Forth, epoch: 2, fingerprint: 8 };
    assert_eq!(judge(Some(record), other), Verdict::Conflict);
}
