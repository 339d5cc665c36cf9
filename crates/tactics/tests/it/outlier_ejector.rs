//! Ejection: who is left out, for how long, how it comes back, and never too many at once.

use std::time::Duration;

use proptest::prelude::*;
use standfast_tactics::outlier::{Change, Ejector, Heard, Place, Policy, Why};
use standfast_tactics::vote::{Ballot, Exact, Mode, Panel, Reply, Seat, Terms};
use tokio::time::Instant;

const SECOND: Duration = Duration::from_secs(1);

fn ejector(replicas: usize) -> Ejector {
    Ejector::try_new(replicas, Policy::default()).expect("the default makes sense")
}

fn lie(ejector: &mut Ejector, replica: usize, times: u32, now: Instant) -> Option<Change> {
    (0..times).map(|_| ejector.record(replica, Heard::Dissented, now)).fold(None, Option::or)
}

/// Lets a replica that rests come back at once; answers how long it rested.
fn return_at_once(ejector: &mut Ejector, replica: usize, now: &mut Instant) -> Duration {
    let Place::Rests { until } = ejector.place(replica) else { panic!("{replica} is not out") };
    let rested = until - *now;
    *now = until;
    ejector.seats(*now);
    while ejector.record(replica, Heard::Agreed, *now) != Some(Change::Returned) {}
    rested
}

#[test]
fn it_rests_listens_as_a_shadow_and_counts_again_after_agreeing() {
    let (mut ejector, now) = (ejector(3), Instant::now());
    let until = now + 5 * SECOND;
    let why = Why::DissentsInARow;
    assert_eq!(lie(&mut ejector, 2, 3, now), Some(Change::Ejected { why, until }));
    assert_eq!(ejector.seats(until - SECOND), [Seat::Counts, Seat::Counts, Seat::Absent]);
    assert_eq!(ejector.seats(until), [Seat::Counts, Seat::Counts, Seat::Shadow]);
    for _ in 0..4 {
        assert_eq!(ejector.record(2, Heard::Agreed, until), None);
    }
    assert_eq!(ejector.record(2, Heard::Abstained, until), None, "silence starts it anew");
    for _ in 0..4 {
        assert_eq!(ejector.record(2, Heard::Agreed, until), None);
    }
    assert_eq!(ejector.record(2, Heard::Agreed, until), Some(Change::Returned));
    assert_eq!(ejector.seats(until), [Seat::Counts; 3]);
}

#[test]
fn a_relapse_rests_longer_and_good_conduct_is_remembered_too() {
    let (mut ejector, mut now) = (ejector(3), Instant::now());
    let mut rests = Vec::new();
    for _ in 0..8 {
        lie(&mut ejector, 0, 3, now);
        rests.push(return_at_once(&mut ejector, 0, &mut now).as_secs());
    }
    assert_eq!(rests, [5, 10, 20, 40, 80, 160, 300, 300]);
    now += 5 * 60 * SECOND;
    lie(&mut ejector, 0, 3, now);
    assert_eq!(return_at_once(&mut ejector, 0, &mut now).as_secs(), 40, "five of eight forgotten");
    lie(&mut ejector, 0, 3, now);
    let Place::Rests { until } = ejector.place(0) else { panic!("it is out") };
    ejector.seats(until);
    let relapse = ejector.record(0, Heard::Dissented, until);
    let until = until + 160 * SECOND;
    assert_eq!(relapse, Some(Change::Ejected { why: Why::Relapse, until }));
}

#[test]
fn one_of_three_and_two_of_five_may_be_out() {
    for (replicas, cap) in [(3, 1), (4, 1), (5, 2), (7, 3), (1, 0), (2, 0)] {
        let (mut ejector, now) = (ejector(replicas), Instant::now());
        for replica in 0..replicas {
            let change = lie(&mut ejector, replica, 3, now);
            let is_out = matches!(change, Some(Change::Ejected { .. }));
            assert_eq!(is_out, replica < cap, "{replica} of {replicas}: {change:?}");
        }
        assert_eq!(ejector.out(), cap);
    }
}

#[test]
fn who_cannot_be_ejected_is_named_once_and_follows_when_there_is_room() {
    let (mut ejector, mut now) = (ejector(3), Instant::now());
    lie(&mut ejector, 0, 3, now);
    assert_eq!(lie(&mut ejector, 1, 3, now), Some(Change::Withheld { why: Why::DissentsInARow }));
    assert_eq!(lie(&mut ejector, 1, 50, now), None, "it has been said");
    return_at_once(&mut ejector, 0, &mut now);
    assert!(matches!(lie(&mut ejector, 1, 1, now), Some(Change::Ejected { .. })));
}

#[test]
fn now_and_then_a_dissent_is_no_reason_but_more_than_ever_is() {
    let (mut ejector, now) = (ejector(3), Instant::now());
    let mut dissent_every = |every: u32, votes: u32| {
        (0..votes).find_map(|vote| {
            let is_bad = vote % every == every - 1;
            ejector.record(0, if is_bad { Heard::Dissented } else { Heard::Agreed }, now)
        })
    };
    assert_eq!(dissent_every(20, 2000), None);
    let Some(Change::Ejected { why, .. }) = dissent_every(2, 20) else { panic!("half is much") };
    assert_eq!(why, Why::OwnHistory);
}

#[test]
fn who_has_always_lied_half_of_the_time_has_no_past_to_hide_behind() {
    let (mut ejector, now) = (ejector(3), Instant::now());
    let change = [0, 1, 1].iter().cycle().take(60).find_map(|lies| {
        ejector.record(0, if *lies == 1 { Heard::Dissented } else { Heard::Agreed }, now)
    });
    let Some(Change::Ejected { why, .. }) = change else { panic!("it lies two times of three") };
    assert_eq!(why, Why::DissentRate);
}

#[test]
fn a_tally_feeds_it_and_lag_is_no_dissent() {
    let (mut ejector, now) = (ejector(3), Instant::now());
    let panel = Panel::try_new(3, Mode::Masking { faults: 1 }).unwrap();
    let terms = Terms { opened_at: now, deadline: now + SECOND, version_min: 0 };
    let mut changes = Vec::new();
    for _ in 0..3 {
        let mut ballot = Ballot::open(panel, Exact, terms, &ejector.seats(now));
        for (replica, reply) in [(0, Reply::at(5, 1)), (1, Reply::at(5, 1))] {
            ballot.take(replica, reply, now);
        }
        ballot.take(2, Reply::at(4, 7), now);
        changes.extend(ejector.record_tally(&ballot.tally(), now));
    }
    assert_eq!(changes, [], "it is behind");
    for _ in 0..3 {
        let mut ballot = Ballot::open(panel, Exact, terms, &ejector.seats(now));
        for (replica, value) in [(0, 1), (1, 1), (2, 7)] {
            ballot.take(replica, Reply::at(5, value), now);
        }
        changes.extend(ejector.record_tally(&ballot.tally(), now));
    }
    assert!(matches!(changes[..], [(2, Change::Ejected { .. })]), "{changes:?}");
}

#[test]
fn impossible_policies_are_refused_by_name() {
    let default = Policy::default();
    let few = standfast_tactics::outlier::Chart { samples_min: 10, ..default.chart };
    let broken = [
        (Policy { dissents_in_a_row: 0, ..default }, "dissents_in_a_row"),
        (Policy { dissent_rate_max: f64::NAN, ..default }, "dissent_rate_max"),
        (Policy { rest_max: Duration::ZERO, ..default }, "rest_max"),
        (Policy { rest_growth: 0.5, ..default }, "rest_growth"),
        (Policy { forgiven_after: Duration::ZERO, ..default }, "forgiven_after"),
        (Policy { chart: few, ..default }, "samples_min"),
    ];
    for (policy, field) in broken {
        let error = Ejector::try_new(3, policy).unwrap_err().to_string();
        assert!(error.contains(field), "{error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn a_majority_always_counts_and_nobody_is_out_for_ever(
        votes in prop::collection::vec((0..5_usize, 0..3_u8, 0..4000_u64), 0..400),
    ) {
        let (mut ejector, mut now) = (ejector(5), Instant::now());
        for (replica, heard, wait_ms) in votes {
            now += Duration::from_millis(wait_ms);
            let heard = [Heard::Agreed, Heard::Dissented, Heard::Abstained][usize::from(heard)];
            let was_in = ejector.place(replica) == Place::In;
            let change = ejector.record(replica, heard, now);
            if matches!(change, Some(Change::Ejected { .. })) {
                prop_assert_eq!(heard, Heard::Dissented);
            }
            prop_assert!(change != Some(Change::Returned) || !was_in);
            let seats = ejector.seats(now);
            prop_assert!(seats.iter().filter(|seat| **seat == Seat::Counts).count() >= 3);
        }
        now += Policy::default().rest_max;
        ejector.seats(now);
        for replica in 0..5 {
            for _ in 0..Policy::default().agreements_to_return {
                ejector.record(replica, Heard::Agreed, now);
            }
        }
        prop_assert_eq!(ejector.out(), 0);
    }
}
