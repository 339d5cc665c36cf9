//! Votes with liars of every kind, decided by what five replicas say.

use std::time::Duration;

use proptest::prelude::*;
use standfast_tactics::vote::{Mode, Undecided};
use time::macros::datetime;
use uuid::Uuid;

use super::super::super::wire::{ChargeKind, Currency, Hex, Statement};
use super::*;

const TRUTH: i64 = 1000;

/// What one replica does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Tells(i64),
    /// To the first asker and to the second one.
    TellsTwo(i64, i64),
    Flaw(Flaw),
    Fails,
    KeepsSilent,
    HasRules(u32),
}

fn signed(cents: i64, rules: u32) -> Heard {
    let statement = Statement {
        replica: "payments-1".to_owned(),
        rules,
        kind: ChargeKind::Charge,
        attempt: Uuid::from_u128(7),
        asker: "cashier/a".to_owned(),
        reservation_id: Uuid::from_u128(8),
        quote_digest: Hex([9; 32]),
        amount: Money { cents, currency: Currency::EUR },
        expires: datetime!(2027-03-01 12:00 UTC),
    };
    // The signature was examined before.
    Heard::Stated(Box::new(SignedStatement { statement, signature: Hex([0; 64]) }))
}

fn hold(seats: &[Seat], deeds: &[Deed]) -> Round {
    let panel = Panel::try_new(deeds.len(), Mode::Masking { faults: 2 }).unwrap();
    let now = Instant::now();
    let deadline = now + Duration::from_millis(300);
    let mut round =
        Round::open(panel, Terms { opened_at: now, deadline, version_min: 0 }, seats, true);
    for (replica, deed) in deeds.iter().enumerate().filter(|(at, _)| seats[*at] != Seat::Absent) {
        let [first, second] = match *deed {
            Deed::Tells(cents) => [Some(signed(cents, 1)), Some(signed(cents, 1))],
            Deed::TellsTwo(first, second) => [Some(signed(first, 1)), Some(signed(second, 1))],
            Deed::Flaw(flaw) => [Some(Heard::Flawed(flaw)), Some(Heard::Flawed(flaw))],
            Deed::Fails => [Some(Heard::Failed), Some(Heard::Failed)],
            Deed::KeepsSilent => [None, None],
            Deed::HasRules(rules) => [Some(signed(7, rules)), Some(signed(7, rules))],
        };
        for (asker, heard) in [(Asker::Second, second), (Asker::First, first)] {
            if let Some(heard) = heard {
                round.take(replica, asker, heard, now);
            }
        }
    }
    round.expire(deadline);
    round
}

fn check(deeds: [Deed; 5], expected: Option<i64>, conducts: [Conduct; 5]) {
    let round = hold(&[Seat::Counts; 5], &deeds);
    assert_eq!(round.agreed().map(|(amount, _)| amount.cents), expected, "{deeds:?}");
    assert_eq!(round.conducts(true), conducts, "{deeds:?}");
}

#[test]
fn two_liars_of_any_kind_are_outvoted_and_named() {
    use Conduct::Agreed;
    const HONEST: Deed = Deed::Tells(TRUTH);
    let kinds = [
        (Deed::Tells(2), Conduct::Dissented),
        (Deed::Flaw(Flaw::Forged), Conduct::Forged),
        (Deed::Flaw(Flaw::Replayed), Conduct::Replayed),
        (Deed::Flaw(Flaw::Misquoted), Conduct::Misquoted),
        (Deed::TellsTwo(2, TRUTH), Conduct::Equivocated),
        (Deed::TellsTwo(TRUTH, 2), Conduct::Equivocated),
        (Deed::Fails, Conduct::Failed),
        (Deed::KeepsSilent, Conduct::Silent),
        (Deed::HasRules(2), Conduct::OtherRules),
    ];
    for (one, its) in kinds {
        for (other, others) in kinds {
            let deeds = [HONEST, one, HONEST, other, HONEST];
            check(deeds, Some(TRUTH), [Agreed, its, Agreed, others, Agreed]);
        }
    }
}

#[test]
fn three_different_lies_decide_nothing() {
    let deeds = [2, 3, 4, TRUTH, TRUTH].map(Deed::Tells);
    check(deeds, None, [Conduct::Unjudged; 5]);
    let round = hold(&[Seat::Counts; 5], &deeds);
    assert_eq!(round.decision(), Some(Decision::NoQuorum(Undecided::Unreachable)));
}

#[test]
fn what_five_cannot_mask_is_three_that_tell_the_same_lie() {
    let deeds = [2, 2, 2, TRUTH, TRUTH].map(Deed::Tells);
    let round = hold(&[Seat::Counts; 5], &deeds);
    assert_eq!(round.agreed().map(|(amount, _)| amount.cents), Some(2), "that is the bound");
}

#[test]
fn who_is_out_does_not_lower_the_number_that_must_agree() {
    use Seat::{Absent, Counts, Shadow};
    let deeds = [TRUTH, TRUTH, 2, TRUTH, TRUTH].map(Deed::Tells);
    let round = hold(&[Absent, Absent, Counts, Counts, Counts], &deeds);
    assert_eq!(round.agreed(), None, "two of five are no majority");
    let round = hold(&[Shadow, Shadow, Counts, Counts, Counts], &deeds);
    assert_eq!(round.agreed(), None, "nor do shadows make one");
    let expected = [Conduct::Agreed, Conduct::Agreed, Conduct::Dissented, Conduct::Agreed];
    assert_eq!(round.conducts(true)[..4], expected, "but they prove themselves, and it");
}

#[test]
fn a_decision_names_who_lied_so_far_and_waits_for_nobody() {
    let deeds = [Deed::Tells(2), Deed::Tells(TRUTH), Deed::Tells(TRUTH), Deed::Tells(TRUTH)];
    let all = [&deeds[..], &[Deed::KeepsSilent]].concat();
    let round = hold(&[Seat::Counts; 5], &all);
    assert_eq!(round.conducts(false)[0], Conduct::Dissented);
    assert_eq!(round.conducts(false)[4], Conduct::Unjudged, "it may speak yet");
    assert_eq!(round.agreed().unwrap().1.len(), 3, "the statements that say so");
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        (1..5_i64).prop_map(Deed::Tells),
        (1..5_i64, 1..5_i64).prop_map(|(one, other)| Deed::TellsTwo(one, other)),
        Just(Deed::Flaw(Flaw::Forged)),
        Just(Deed::Flaw(Flaw::Replayed)),
        Just(Deed::Fails),
        Just(Deed::KeepsSilent),
        Just(Deed::HasRules(2)),
    ]
}

proptest! {
    #[test]
    fn whatever_two_of_five_do_the_truth_is_decided_and_nobody_honest_is_accused(
        one in deed(), other in deed(), at in 0..5_usize, apart in 1..5_usize,
    ) {
        let mut deeds = [Deed::Tells(TRUTH); 5];
        let faulty = [at, (at + apart) % 5];
        (deeds[faulty[0]], deeds[faulty[1]]) = (one, other);
        let round = hold(&[Seat::Counts; 5], &deeds);
        prop_assert_eq!(round.agreed().map(|(amount, _)| amount.cents), Some(TRUTH));
        let conducts = round.conducts(true);
        for (replica, conduct) in conducts.iter().enumerate() {
            if faulty.contains(&replica) {
                prop_assert_ne!(*conduct, Conduct::Agreed, "{:?}", deeds);
            } else {
                prop_assert_eq!(*conduct, Conduct::Agreed, "{:?}", deeds);
            }
        }
    }
}
