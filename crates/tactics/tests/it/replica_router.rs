//! The router: nobody reads less than they asked for, nor the primary more than it can take.

use std::time::Duration;

use standfast_tactics::replica_router::{
    Change, Demand, End, FellShort, Look, Policy, Refusal, ReplicaRouter, Route, Session,
    SharedRouter, Shown, Standing, Target, Ticket, Why, Wish,
};
use standfast_tactics::retry::BudgetPolicy;
use standfast_tactics::session_token::LogPosition;
use tokio::time::Instant;

const SECOND: Duration = Duration::from_secs(1);

fn at(bytes: u64) -> LogPosition {
    LogPosition::from_bytes(bytes)
}

fn policy() -> Policy {
    let fallback = BudgetPolicy { share: 0.5, per_second: 1.0, saved_max: 2.0 };
    Policy { fallback, ..Policy::default() }
}

/// Replicas that show these positions, at `now`.
fn router(shows: &[u64], now: Instant) -> ReplicaRouter {
    let mut router = ReplicaRouter::try_new(shows.len(), policy()).expect("it makes sense");
    for (replica, shows) in shows.iter().enumerate() {
        look(&mut router, replica, *shows, None, now);
    }
    router
}

fn look(
    router: &mut ReplicaRouter,
    replica: usize,
    shows: u64,
    beat: Option<u64>,
    now: Instant,
) -> Option<Change> {
    router.looked(replica, Look { shows: at(shows), beat }, now)
}

/// Asks as one who will not wait.
fn ask(router: &mut ReplicaRouter, wish: impl Into<Wish>, now: Instant) -> Route {
    let asked = now.checked_sub(policy().wait_max).expect("long after the machine was started");
    router.route(wish.into(), asked, now)
}

fn go(route: Route) -> Ticket {
    match route {
        Route::Go(ticket) => ticket,
        Route::Wait { .. } | Route::Refuse(_) => panic!("{route:?}"),
    }
}

/// Who answers, who is done with it at once.
fn target(router: &mut ReplicaRouter, wish: impl Into<Wish>, now: Instant) -> Target {
    let ticket = go(ask(router, wish, now));
    let target = ticket.target();
    assert_eq!(router.finish(ticket, End::Abandoned), Ok(None));
    target
}

fn beats(router: &mut ReplicaRouter, replica: usize, from: u64, times: u64, now: Instant) {
    for beat in from..from + times {
        router.acknowledged(beat, now);
        look(router, replica, beat, Some(beat), now);
    }
}

#[test]
fn each_demand_goes_to_whom_it_can() {
    let now = Instant::now();
    let mut router = router(&[100, 200], now);
    assert_eq!(target(&mut router, Demand::Strong, now), Target::Primary);
    assert_eq!(target(&mut router, Demand::AtLeast(at(150)), now), Target::Replica(1));
    assert_eq!(target(&mut router, Demand::AtLeast(at(201)), now), Target::Primary);
    let others = [(); 4].map(|()| target(&mut router, Demand::Any, now));
    assert!(others.contains(&Target::Replica(0)) && others.contains(&Target::Replica(1)));
    let session = Session::resumed(at(200));
    let floors = [(); 4].map(|()| target(&mut router, session.wish(Demand::Any), now));
    assert_eq!(floors, [Target::Replica(1); 4], "what the session has seen");
}

#[test]
fn the_replica_with_the_fewest_reads_answers_and_equals_take_turns() {
    let now = Instant::now();
    let mut router = router(&[1, 1, 1], now);
    let tickets: Vec<Ticket> = (0..6).map(|_| go(ask(&mut router, Demand::Any, now))).collect();
    assert_eq!([0, 1, 2].map(|replica| router.in_flight(replica)), [2, 2, 2]);
    for ticket in tickets {
        if ticket.target() == Target::Replica(1) {
            router.finish(ticket, End::Abandoned).expect("nothing was said");
        }
    }
    assert_eq!(target(&mut router, Demand::Any, now), Target::Replica(1));
}

#[test]
fn the_bound_on_lag_is_the_readers_own() {
    let start = Instant::now();
    let mut router = router(&[1, 1], start);
    router.acknowledged(1, start);
    for replica in [0, 1] {
        look(&mut router, replica, 1, Some(1), start);
    }
    router.acknowledged(2, start);
    let now = start + SECOND;
    look(&mut router, 0, 2, Some(1), now);
    look(&mut router, 1, 3, Some(2), now);
    let within = |millis| Demand::MaxLag(Duration::from_millis(millis));
    assert_eq!(router.lag(0, now), SECOND);
    // What came between the beat that it shows and the one that it lacks is as old as the former.
    assert_eq!(router.age(0, now), Some(SECOND + policy().beat_period));
    assert_eq!([(); 3].map(|()| target(&mut router, within(1049), now)), [Target::Replica(1); 3]);
    let both = [(); 4].map(|()| target(&mut router, within(1050), now));
    assert!(both.contains(&Target::Replica(0)) && both.contains(&Target::Replica(1)));
}

#[test]
fn what_nobody_looks_at_is_not_read() {
    let start = Instant::now();
    let mut router = router(&[100], start);
    let late = start + policy().silence_max;
    assert_eq!(target(&mut router, Demand::Any, late), Target::Replica(0));
    let late = late + Duration::from_millis(1);
    assert_eq!(target(&mut router, Demand::Any, late), Target::Primary);
    look(&mut router, 0, 100, None, late);
    assert_eq!(target(&mut router, Demand::Any, late), Target::Replica(0));
}

#[test]
fn the_primary_takes_over_only_what_the_budget_pays_for() {
    let start = Instant::now();
    let mut router = router(&[100], start);
    let behind = Demand::AtLeast(at(101));
    for _ in 0..2 {
        assert_eq!(target(&mut router, behind, start), Target::Primary, "saved");
    }
    assert_eq!(ask(&mut router, behind, start), Route::Refuse(Refusal::BudgetSpent));
    assert_eq!(target(&mut router, Demand::Strong, start), Target::Primary, "no fallback");
    for _ in 0..2 {
        assert_eq!(target(&mut router, Demand::Any, start), Target::Replica(0));
    }
    assert_eq!(target(&mut router, behind, start), Target::Primary, "two reads earned one");
    assert_eq!(ask(&mut router, behind, start), Route::Refuse(Refusal::BudgetSpent));
    assert_eq!(target(&mut router, behind, start + SECOND), Target::Primary, "a second did, too");
}

#[test]
fn without_a_primary_replicas_answer_what_they_can() {
    let start = Instant::now();
    let mut router = router(&[100], start);
    router.primary_away();
    assert_eq!(target(&mut router, Demand::AtLeast(at(100)), start), Target::Replica(0));
    for demand in [Demand::Strong, Demand::AtLeast(at(101))] {
        assert_eq!(ask(&mut router, demand, start), Route::Refuse(Refusal::PrimaryAway));
    }
    router.acknowledged(1, start);
    assert_eq!(target(&mut router, Demand::Strong, start), Target::Primary);
}

#[test]
fn a_late_replica_is_out_until_it_has_been_well_for_some_looks() {
    let start = Instant::now();
    let mut router = router(&[1, 1], start);
    for replica in [0, 1] {
        beats(&mut router, replica, 1, 1, start);
    }
    router.acknowledged(2, start);
    let late = start + policy().lag_out + Duration::from_millis(1);
    look(&mut router, 1, 2, Some(2), late);
    assert_eq!(look(&mut router, 0, 1, Some(1), late), Some(Change::Evicted(Why::Lag)));
    let only_one = [(); 3].map(|()| target(&mut router, Demand::Any, late));
    assert_eq!(only_one, [Target::Replica(1); 3]);
    router.acknowledged(3, late);
    let between = late + policy().lag_back + Duration::from_millis(1);
    for _ in 0..9 {
        assert_eq!(look(&mut router, 0, 2, Some(2), between), None, "better, not yet well");
    }
    for _ in 1..policy().looks_to_return {
        assert_eq!(look(&mut router, 0, 3, Some(3), between), None);
    }
    assert_eq!(look(&mut router, 0, 3, Some(3), between), Some(Change::Returned));
    assert_eq!(router.standing(0), Standing::In);
}

#[test]
fn one_that_is_out_for_its_lag_answers_before_the_primary_does() {
    let start = Instant::now();
    let mut router = router(&[1], start);
    beats(&mut router, 0, 1, 1, start);
    router.acknowledged(2, start);
    let late = start + 2 * policy().lag_out;
    assert_eq!(look(&mut router, 0, 1, Some(1), late), Some(Change::Evicted(Why::Lag)));
    assert_eq!(target(&mut router, Demand::Any, late), Target::Replica(0));
    assert_eq!(target(&mut router, Demand::AtLeast(at(1)), late), Target::Replica(0));
    assert_eq!(target(&mut router, Demand::MaxLag(SECOND), late), Target::Primary);
    let slack = Demand::MaxLag(3 * policy().lag_out);
    assert_eq!(target(&mut router, slack, late), Target::Replica(0));
}

#[test]
fn failures_in_a_row_evict_and_the_first_read_after_them_is_a_trial() {
    let now = Instant::now();
    let mut router = router(&[1], now);
    let fail = |router: &mut ReplicaRouter| {
        let ticket = go(ask(router, Demand::Any, now));
        assert_eq!(ticket.target(), Target::Replica(0));
        router.finish(ticket, End::Failed).expect("no answer falls short")
    };
    assert_eq!((fail(&mut router), fail(&mut router)), (None, None));
    assert_eq!(fail(&mut router), Some(Change::Evicted(Why::Failures)));
    assert_eq!(target(&mut router, Demand::Any, now), Target::Primary);
    assert_eq!(router.look_failed(0), None);
    for _ in 1..policy().looks_to_return {
        assert_eq!(look(&mut router, 0, 1, None, now), None);
    }
    assert_eq!(look(&mut router, 0, 1, None, now), Some(Change::Returned));
    assert_eq!(fail(&mut router), Some(Change::Evicted(Why::Failures)), "looks are not reads");
}

#[test]
fn an_answer_that_shows_less_than_was_asked_for_is_refused() {
    let now = Instant::now();
    let mut router = router(&[100], now);
    let ticket = go(ask(&mut router, Demand::AtLeast(at(90)), now));
    let answer = router.finish(ticket, End::Answered(Shown::exactly(at(60))));
    assert_eq!(answer, Err(FellShort { shows: at(60), required: at(90) }));
    assert_eq!(router.standing(0), Standing::Out { why: Why::WentBack, good: 0 });
    for _ in 0..9 {
        assert_eq!(look(&mut router, 0, 99, None, now), None, "it once showed 100");
    }
    for _ in 1..policy().looks_to_return {
        assert_eq!(look(&mut router, 0, 100, None, now), None);
    }
    assert_eq!(look(&mut router, 0, 100, None, now), Some(Change::Returned));
}

#[test]
fn a_look_that_was_on_its_way_while_a_read_ended_does_not_go_back() {
    let now = Instant::now();
    let mut router = router(&[100], now);
    let ticket = go(ask(&mut router, Demand::Any, now));
    router.finish(ticket, End::Answered(Shown::exactly(at(110)))).expect("it shows enough");
    assert_eq!(router.shows(0), at(110));
    assert_eq!(look(&mut router, 0, 105, None, now), None, "asked for before the read ended");
    assert_eq!(router.standing(0), Standing::In);
    assert_eq!(look(&mut router, 0, 104, None, now), Some(Change::Evicted(Why::WentBack)));
}

#[test]
fn one_that_was_made_anew_begins_anew() {
    let now = Instant::now();
    let mut router = router(&[100], now);
    let ticket = go(ask(&mut router, Demand::Any, now));
    router.replaced(0);
    assert_eq!(target(&mut router, Demand::Any, now), Target::Primary, "nobody has looked at it");
    assert_eq!(look(&mut router, 0, 5, None, now), Some(Change::Returned));
    assert_eq!(router.in_flight(0), 1);
    router.finish(ticket, End::Abandoned).expect("nothing was said");
    assert_eq!(router.in_flight(0), 0);
}

#[test]
fn numbers_that_make_no_sense_are_refused() {
    let check = |policy: Policy, field: &str| {
        let error = ReplicaRouter::try_new(1, policy).expect_err(field);
        assert!(error.to_string().contains(field), "{error}");
    };
    check(Policy { lag_back: 5 * SECOND, ..policy() }, "lag_back");
    check(Policy { failures_max: 0, ..policy() }, "failures_max");
    check(Policy { silence_max: Duration::ZERO, ..policy() }, "silence_max");
    let fallback = BudgetPolicy { share: 2.0, ..policy().fallback };
    check(Policy { fallback, ..policy() }, "share");
}

#[tokio::test(start_paused = true)]
async fn a_read_waits_for_a_replica_that_is_nearly_there() {
    let router = SharedRouter::try_new(1, policy()).expect("it makes sense");
    router.looked(0, Look { shows: at(100), beat: None });
    let (asked, reader) = (Instant::now(), router.clone());
    let read = tokio::spawn(async move {
        let wish = Wish::from(Demand::AtLeast(at(101)));
        reader.enter(wish).await.map(|pass| pass.target())
    });
    tokio::time::sleep(policy().wait_max / 2).await;
    router.looked(0, Look { shows: at(101), beat: None });
    assert_eq!(read.await.expect("it ends"), Ok(Target::Replica(0)));
    assert_eq!(asked.elapsed(), policy().wait_max / 2, "as soon as it was seen");
    assert_eq!(router.with(|router| router.in_flight(0)), 0, "a pass that is dropped is over");
}

#[tokio::test(start_paused = true)]
async fn a_read_that_has_waited_long_enough_goes_to_the_primary_or_is_refused() {
    let router = SharedRouter::try_new(1, policy()).expect("it makes sense");
    router.looked(0, Look { shows: at(100), beat: None });
    let asked = Instant::now();
    let wish = Wish::from(Demand::AtLeast(at(101)));
    for _ in 0..2 {
        let pass = router.enter(wish).await.expect("the budget pays");
        assert_eq!(pass.target(), Target::Primary);
        pass.answered(Shown::exactly(at(101))).expect("the primary shows all");
    }
    assert_eq!(router.enter(wish).await.map(|_| ()), Err(Refusal::BudgetSpent));
    assert_eq!(asked.elapsed(), 3 * policy().wait_max);
    let pass = router.enter(Demand::Any.into()).await.expect("the replica is there");
    let error = pass.answered(Shown::exactly(at(99))).map_err(|error| error.required);
    assert_eq!(error, Ok(()), "nothing was required");
}
