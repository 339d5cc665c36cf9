//! The core alone: what it asks for after outcomes that no simulation is likely to bring.

use std::time::Duration;

use standfast_reshard::core::{
    Action, CopyState, Core, Ending, Options, Outcome, Phase, Record, Side, SlotSet, Standing,
};

const START: Duration = Duration::from_secs(1_000);

pub(super) fn record(phase: Phase) -> Record {
    Record {
        id: 7,
        source: "a".to_owned(),
        target: "b".to_owned(),
        slots: SlotSet::of(0..4),
        phase,
        problem: None,
        restarts: 0,
        keep: Duration::ZERO,
    }
}

/// An outcome that makes the script go on.
#[expect(clippy::wildcard_enum_match_arm, reason = "the others are done")]
fn good(action: &Action) -> Outcome {
    match action {
        Action::LookAtOwnership(_) => Outcome::Standing(Standing { is_closed: false, epoch: 1 }),
        Action::LookAtCopy(_) => Outcome::Copy(CopyState::Tables { ready: 1, all: 1, errors: 0 }),
        _ => Outcome::Done,
    }
}

/// Goes on until `until` is asked for, and answers it.
fn run_to(core: &mut Core, now: &mut Duration, until: &str) -> Action {
    loop {
        let action = core.next(*now);
        if action.name() == until {
            return action;
        }
        assert!(!matches!(action, Action::GiveUp(_)), "{action:?}");
        if let Action::Wait(wait) = &action {
            *now += *wait;
        }
        core.tell(good(&action), &action, *now);
    }
}

#[test]
fn a_release_that_fails_is_over_and_the_server_takes_the_hold_back() {
    let (mut core, mut now) = (Core::new(record(Phase::CuttingOver), Options::default(), 0), START);
    let settle = run_to(&mut core, &mut now, "settle");
    core.tell(Outcome::Failed("the target is away".to_owned()), &settle, now);
    assert_eq!((core.next(now), core.is_holding()), (Action::Release, true));
    core.tell(Outcome::Failed("its session is gone".to_owned()), &Action::Release, now);
    assert!(!core.is_holding(), "wishes are heard, and others can go on");
    assert!(matches!(core.next(now), Action::Wait(_)));
}

#[test]
fn failures_count_in_a_row_and_a_copy_that_goes_on_between_them_is_not_given_up() {
    let options = Options { failures_max: 3, ..Options::default() };
    let (mut core, mut now) = (Core::new(record(Phase::Copying), options, 0), START);
    let copying = Outcome::Copy(CopyState::Tables { ready: 0, all: 1, errors: 0 });
    for _ in 0..10 {
        for _ in 0..2 {
            let look = run_to(&mut core, &mut now, "look-at-copy");
            core.tell(Outcome::Failed("no answer".to_owned()), &look, now);
        }
        let look = run_to(&mut core, &mut now, "look-at-copy");
        core.tell(copying.clone(), &look, now);
    }
    for _ in 0..3 {
        let look = run_to(&mut core, &mut now, "look-at-copy");
        core.tell(Outcome::Failed("no answer".to_owned()), &look, now);
    }
    assert!(matches!(core.next(now), Action::GiveUp(_)));
}

#[test]
fn a_copy_that_fails_again_and_again_is_given_up_and_one_that_gets_on_is_not() {
    let options = Options { catch_up_max: Duration::from_secs(60), ..Options::default() };
    let copying = |ready, errors| Outcome::Copy(CopyState::Tables { ready, all: 9, errors });
    let (mut core, mut now) = (Core::new(record(Phase::Copying), options, 0), START);
    for minute in 0..8 {
        let look = run_to(&mut core, &mut now, "look-at-copy");
        core.tell(copying(minute, minute * 5), &look, now);
        now += Duration::from_secs(61);
    }
    for errors in [35, 36] {
        let look = run_to(&mut core, &mut now, "look-at-copy");
        core.tell(copying(7, errors), &look, now);
    }
    assert_aborts(&core.next(now), "the copy has failed 1 times");
}

#[test]
fn a_transaction_that_keeps_the_log_from_being_read_is_named_and_not_waited_for_for_ever() {
    let (mut core, mut now) = (Core::new(record(Phase::Capturing), Options::default(), 0), START);
    while now < START + Options::default().catch_up_max {
        let make = run_to(&mut core, &mut now, "make-slot");
        now += Duration::from_secs(30);
        core.tell(Outcome::Late, &make, now);
    }
    assert_aborts(&core.next(now), "transactions that did not end");
}

fn assert_aborts(action: &Action, because: &str) {
    let Action::Record { record, .. } = action else { panic!("{action:?}") };
    assert_eq!(record.phase, Phase::Cleaning { ending: Ending::Aborted });
    let problem = record.problem.as_deref().unwrap();
    assert!(problem.contains(because), "{problem}");
}

#[test]
fn an_old_copy_is_kept_as_long_as_its_move_says_whoever_resumes_it() {
    let hour = Duration::from_secs(3600);
    let kept = Record { keep: hour, ..record(Phase::Kept { since: START }) };
    let (mut core, mut now) = (Core::new(kept.clone(), Options::default(), 0), START);
    assert!(matches!(run_to(&mut core, &mut now, "record"), Action::Record { .. }));
    assert_eq!(now, START + hour);
    let for_ever = Options { keep: Duration::MAX, ..Options::default() };
    let mut core = Core::new(kept, for_ever, 0);
    let look = core.next(START);
    core.tell(good(&look), &look, START);
    assert!(matches!(core.next(START), Action::Wait(_)), "and no bound is too long");
}

#[test]
fn an_action_needs_no_shard_that_it_does_not_touch() {
    let open = Action::Open { side: Side::Target, epoch: 2 };
    assert_eq!(open.sides(), [Side::Target], "the old owner may be away");
    for action in [Action::Wait(START), Action::Release] {
        assert!(action.sides().is_empty(), "{action:?}");
    }
}
