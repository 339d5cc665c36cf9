//! Shedding: who gets in, and that nobody of a higher class is refused for a lower one.

use std::time::Duration;

use proptest::prelude::*;
use standfast_tactics::shed::{Gate, Outcome, Policy, Priority, Shedder, Ticket};
use tokio::time::{Instant, sleep};

const MS: Duration = Duration::from_millis(1);

fn fixed(limit: u32) -> Policy {
    Policy { limit_first: limit, limit_min: limit, limit_max: limit, ..Policy::default() }
}

fn fill(shedder: &mut Shedder, priority: Priority, now: Instant) -> u32 {
    let mut admitted = 0;
    while shedder.admit(priority, now).is_ok() {
        admitted += 1;
    }
    admitted
}

#[test]
fn places_are_kept_for_higher_classes_and_lent_to_all_others() {
    let now = Instant::now();
    let mut shedder = Shedder::try_new(fixed(100)).unwrap();
    let reserved = Priority::ALL.map(|priority| shedder.reserved_for(priority));
    assert_eq!(reserved, [20, 10, 10, 5]);
    assert_eq!(fill(&mut shedder, Priority::Low, now), 60, "40 are kept for those above");
    assert_eq!(fill(&mut shedder, Priority::Normal, now), 10);
    assert_eq!(fill(&mut shedder, Priority::High, now), 10 + 50, "half above the limit");
    assert_eq!(fill(&mut shedder, Priority::Critical, now), 20 + 50, "twice the limit");
    assert_eq!(fill(&mut shedder, Priority::High, now), 0);
    let mut shedder = Shedder::try_new(fixed(100)).unwrap();
    assert_eq!(fill(&mut shedder, Priority::Normal, now), 70, "nobody else is there");
    assert_eq!(fill(&mut shedder, Priority::High, now), 60, "20 are kept for payments");
    let refused = shedder.admit(Priority::High, now).unwrap_err();
    assert_eq!((refused.running, refused.limit), (130, 100));
    assert_eq!(shedder.counts(Priority::High).refused, 2);
}

#[test]
fn a_class_within_its_share_gets_the_next_place_that_comes_free() {
    let now = Instant::now();
    let mut shedder = Shedder::try_new(fixed(20)).unwrap();
    let payment = shedder.admit(Priority::Critical, now).unwrap();
    while shedder.running() < 20 {
        shedder.admit(Priority::Critical, now).unwrap();
    }
    assert!(shedder.admit(Priority::Low, now).is_err());
    shedder.finish(payment, Outcome::Served, now + MS);
    assert!(shedder.admit(Priority::Low, now + MS).is_ok(), "payments do not lock it out");
}

#[test]
fn policies_that_make_no_sense_are_refused() {
    let good = Policy::default();
    assert!(Shedder::try_new(good).is_ok());
    for (wrong, named) in [
        (Policy { limit_min: 0, ..good }, "limit_min"),
        (Policy { limit_first: 1, ..good }, "limit_first"),
        (Policy { limit_max: 2_000_000, ..good }, "limit_max"),
        (Policy { shares: [0.5, 0.5, 0.1, 0.0], ..good }, "shares"),
        (Policy { shares: [-0.1, 0.0, 0.0, 0.0], ..good }, "shares"),
        (Policy { overdraft: [0.0, 0.5, 0.0, 0.0], ..good }, "overdraft"),
        (Policy { tolerance: 1.0, ..good }, "tolerance"),
        (Policy { window: Duration::ZERO, ..good }, "window"),
        (Policy { calls_min: 0, ..good }, "calls_min"),
        (Policy { overloaded_share: f64::NAN, ..good }, "overloaded_share"),
    ] {
        let error = Shedder::try_new(wrong).unwrap_err().to_string();
        assert!(error.contains(named), "{error}");
    }
}

#[derive(Clone, Debug)]
enum Step {
    Admit(usize),
    Finish(usize, Outcome),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let outcome = prop_oneof![
        4 => Just(Outcome::Served),
        1 => Just(Outcome::Overloaded),
        1 => Just(Outcome::Ignored),
    ];
    prop_oneof![
        4 => (0_usize..4).prop_map(Step::Admit),
        3 => (any::<usize>(), outcome).prop_map(|(which, outcome)| Step::Finish(which, outcome)),
        2 => (0_u64..200).prop_map(Step::Wait),
    ]
}

/// What would happen to a request of each class now.
fn would(shedder: &Shedder, now: Instant) -> [bool; 4] {
    Priority::ALL.map(|priority| shedder.clone().admit(priority, now).is_ok())
}

proptest! {
    #[test]
    fn whoever_is_refused_while_a_lower_class_gets_in_sees_that_one_within_its_share(
        steps in prop::collection::vec(step(), 1..400),
        limit in 1_u32..40,
        shares in prop::array::uniform4(0.0_f64..0.25),
    ) {
        let policy = Policy {
            limit_first: limit,
            limit_min: 1,
            limit_max: 60,
            shares,
            calls_min: 2,
            window: 10 * MS,
            usual_for: 100 * MS,
            ..Policy::default()
        };
        let mut shedder = Shedder::try_new(policy).unwrap();
        let mut now = Instant::now();
        let mut running: Vec<Ticket> = Vec::new();
        for step in steps {
            match step {
                Step::Admit(class) => {
                    running.extend(shedder.admit(Priority::ALL[class], now).ok());
                }
                Step::Finish(which, outcome) if !running.is_empty() => {
                    let ticket = running.swap_remove(which % running.len());
                    shedder.finish(ticket, outcome, now);
                }
                Step::Finish(..) => {}
                Step::Wait(millis) => now += Duration::from_millis(millis),
            }
            prop_assert_eq!(shedder.running() as usize, running.len());
            prop_assert!((1..=60).contains(&shedder.limit()));
            let reserved: u32 = Priority::ALL.map(|one| shedder.reserved_for(one)).iter().sum();
            prop_assert!(reserved <= shedder.limit());
            let gets_in = would(&shedder, now);
            for (higher, lower) in (0..4).flat_map(|low| (0..low).map(move |high| (high, low))) {
                let lower_class = Priority::ALL[lower];
                let is_within_share =
                    shedder.running_of(lower_class) < shedder.reserved_for(lower_class);
                prop_assert!(
                    gets_in[higher] || !gets_in[lower] || is_within_share,
                    "{lower_class:?} gets in above its share while a higher class is refused"
                );
            }
            // Nobody is refused for nothing: an empty one serves all.
            if shedder.running() == 0 && !shedder.is_draining() {
                prop_assert!(gets_in[0]);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_pass_that_is_dropped_gives_its_place_back() {
    let gate = Gate::try_new(fixed(1)).unwrap();
    let pass = gate.enter(Priority::Low).unwrap();
    assert!(gate.enter(Priority::Normal).is_err());
    sleep(MS).await;
    drop(pass);
    let pass = gate.enter(Priority::Normal).unwrap();
    pass.finish(Outcome::Served);
    assert_eq!(gate.look(Shedder::running), 0);
}
