//! Each kind of evidence by itself, and all of them together.

use super::super::wire::Dissent;
use super::*;

const MS: Duration = Duration::from_millis(1);

const POLICY: CasePolicy = CasePolicy {
    share: SharePolicy {
        window: Duration::from_secs(2),
        calls_min: 10,
        failures_max: 0.3,
        calls_to_clear: 5,
    },
    heartbeat: HeartbeatPolicy {
        suspect_after: Duration::from_millis(500),
        down_after: Duration::from_secs(1),
        beats_to_return: 2,
        check_every: Duration::from_millis(100),
        own_pause_max: Duration::from_millis(400),
    },
    dissents_to_off: 3,
    errors_to_off: 3,
    errors_forgotten_after: Duration::from_secs(10),
    is_enforced: true,
};

fn well(applied_offset: i64) -> Check {
    Check::Well { applied_offset, took: MS }
}

fn lies(product: &str, times: u64) -> Finding {
    let dissents = vec![Dissent { product: product.to_owned(), times }];
    Finding { answers: times, dissents, ..Finding::default() }
}

fn cleared(product: &str) -> Finding {
    Finding { answers: 5, cleared: vec![product.to_owned()], ..Finding::default() }
}

#[test]
fn refused_checks_are_a_crash_and_overdue_ones_are_slow() {
    let now = Instant::now();
    for (check, cause) in [(Check::Refused, Cause::CrashCheck), (Check::Overdue, Cause::Slow)] {
        let mut case = Case::new(POLICY, now);
        case.checked(check, 0, now);
        case.checks_down();
        assert_eq!(case.weigh(now), Some(Change::Off(cause)));
        assert_eq!(case.weigh(now), None, "it is told once");
        case.checks_up();
        assert_eq!(case.weigh(now), Some(Change::On));
        assert_eq!(case.epoch, 2);
    }
}

#[test]
fn the_third_lie_is_too_much_and_the_truth_about_all_of_them_clears_it() {
    let (mut case, now) = (Case::new(POLICY, Instant::now()), Instant::now());
    case.found(&lies("A", 2), now);
    assert_eq!(case.weigh(now), None);
    case.found(&lies("B", 1), now);
    assert_eq!(case.weigh(now), Some(Change::Off(Cause::Vote)));
    case.found(&cleared("A"), now);
    assert_eq!(case.weigh(now), None, "B is not cleared");
    case.found(&cleared("B"), now);
    assert_eq!(case.weigh(now), Some(Change::On));
    case.found(&lies("A", 2), now);
    assert_eq!(case.weigh(now), None, "what was cleared is forgotten");
}

#[test]
fn a_replica_that_stops_applying_the_log_is_found_though_it_is_well() {
    let start = Instant::now();
    let mut case = Case::new(POLICY, start);
    let mut off_after = None;
    for step in 0..30 {
        let now = start + step * 100 * MS;
        case.checked(well(7), 7 + i64::from(step), now);
        if case.weigh(now) == Some(Change::Off(Cause::Heartbeat)) {
            off_after = Some(now - start);
        }
    }
    let off_after = off_after.expect("it is found");
    assert!(off_after <= POLICY.heartbeat.bound(), "{off_after:?}");
}

#[test]
fn a_log_without_news_is_no_fault_of_a_replica() {
    let start = Instant::now();
    let mut case = Case::new(POLICY, start);
    for step in 0..100 {
        let now = start + step * 100 * MS;
        case.checked(well(7), 7, now);
        assert_eq!(case.weigh(now), None);
    }
}

#[test]
fn what_voters_see_fail_counts_with_the_checks() {
    let (mut case, now) = (Case::new(POLICY, Instant::now()), Instant::now());
    case.checked(well(0), 0, now);
    let finding = Finding { answers: 5, failures: 4, ..Finding::default() };
    case.found(&finding, now);
    assert_eq!(case.weigh(now), Some(Change::Off(Cause::Share)));
}

#[test]
fn lone_refusals_are_held_against_it_for_a_while() {
    let now = Instant::now();
    let mut case = Case::new(POLICY, now);
    (0..2).for_each(|_| case.refused_alone(now));
    assert_eq!(case.weigh(now), None);
    case.refused_alone(now);
    assert_eq!(case.weigh(now), Some(Change::Off(Cause::Errors)));
    let later = now + POLICY.errors_forgotten_after;
    // The clock has jumped, so that the heartbeat concludes nothing.
    assert_eq!(case.weigh(later), Some(Change::On));
}

#[test]
fn in_a_control_arm_nothing_follows_from_evidence() {
    let now = Instant::now();
    let mut case = Case::new(CasePolicy { is_enforced: false, ..POLICY }, now);
    case.checked(Check::Refused, 0, now);
    case.checks_down();
    assert_eq!(case.weigh(now), None);
    assert_eq!((case.state, case.open.len()), (State::On, 1));
}

#[test]
fn after_a_restart_it_goes_on_where_it_was() {
    let now = Instant::now();
    let mut case = Case::new(POLICY, now);
    case.restore(Some(Cause::Vote), 7, vec!["A".to_owned()]);
    assert_eq!((case.state, case.weigh(now)), (State::Off, None));
    case.checks_up();
    assert_eq!(case.weigh(now), None, "the lie is not cleared");
    case.found(&cleared("A"), now);
    assert_eq!(case.weigh(now), Some(Change::On));
    assert_eq!(case.epoch, 8);
}
