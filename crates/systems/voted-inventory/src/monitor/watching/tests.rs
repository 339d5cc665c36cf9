//! From evidence to record and journal.

use std::net::Ipv4Addr;

use super::super::wire::{Dissent, Finding};
use super::*;
use crate::serve::ServeOptions;
use crate::service::environment::Environment;

fn monitor() -> Monitor {
    let urls = [("INVENTORY_URLS", "http://a:1,http://b:2,http://c:3")];
    let options = ServeOptions {
        bind: Ipv4Addr::LOCALHOST,
        port: 0,
        instance: "1".to_owned(),
        clock_scale: None,
    };
    let settings = Settings::read(&Environment::of(&urls), &options).unwrap();
    Monitor::new(settings, Instant::now())
}

fn report(sequence: u64, times: u64) -> Report {
    let dissents = vec![Dissent { product: "A".to_owned(), times }];
    let replica = "inventory-2".to_owned();
    let finding = Finding { replica, answers: times, dissents, ..Finding::default() };
    Report { reporter: Uuid::nil(), sequence, findings: vec![finding] }
}

fn states(monitor: &Monitor) -> Vec<State> {
    monitor.book().replicas.iter().map(|one| one.case.state).collect()
}

#[test]
fn a_report_that_comes_twice_counts_once() {
    let monitor = monitor();
    monitor.reported(&report(1, 2)).unwrap();
    monitor.reported(&report(1, 2)).unwrap();
    assert_eq!(states(&monitor), [State::On; 3]);
    monitor.reported(&report(2, 1)).unwrap();
    assert_eq!(states(&monitor), [State::On, State::Off, State::On]);
    let book = monitor.book();
    assert_eq!((book.reports, book.record.counts()), (2, (1, 0)));
    assert!(book.journal.len() >= 2, "the state and the failure are to be written");
}

#[test]
fn a_report_about_a_stranger_changes_nothing() {
    let monitor = monitor();
    let mut wrong = report(1, 3);
    wrong.findings[0].replica = "inventory-9".to_owned();
    assert!(monitor.reported(&wrong).unwrap_err().to_string().contains("inventory-9"));
    monitor.reported(&report(1, 3)).unwrap();
    assert_eq!(states(&monitor)[1], State::Off, "the number was not used up");
}

#[test]
fn a_failure_is_recorded_from_its_detection_to_its_end() {
    let monitor = monitor();
    monitor.checked(0, Check::Refused);
    monitor.checks_changed(0, true);
    monitor.weigh();
    assert_eq!((states(&monitor)[0], monitor.book().on()), (State::Off, 2));
    monitor.checks_changed(0, false);
    monitor.weigh();
    let book = monitor.book();
    let failure = book.record.newest().next().unwrap();
    assert_eq!(failure.cause, Cause::CrashCheck);
    assert!(failure.recovered_at >= Some(failure.detected_at));
}

#[test]
fn one_replica_alone_does_not_say_how_far_the_log_is() {
    let monitor = monitor();
    let well = |applied_offset| Check::Well { applied_offset, took: std::time::Duration::ZERO };
    for (replica, offset) in [(0, 5), (1, 1_000_000), (2, 6)] {
        monitor.checked(replica, well(offset));
    }
    assert_eq!(monitor.book().newest(), 6);
}

fn held(replica: &str, cause: Option<Cause>) -> Held {
    let (replica, since) = (replica.to_owned(), OffsetDateTime::UNIX_EPOCH);
    Held { replica, cause, since, epoch: 9, accused: Vec::new() }
}

#[test]
fn what_was_held_before_a_restart_holds_until_something_newer_is_known() {
    let monitor = monitor();
    monitor.checks_changed(0, true);
    monitor.weigh();
    let all =
        vec![held("inventory-1", None), held("inventory-2", Some(Cause::Slow)), held("x", None)];
    monitor.restore(all, Vec::new());
    assert_eq!(states(&monitor), [State::Off, State::Off, State::On]);
    assert_eq!(monitor.book().replicas[1].case.epoch, 9);
}

#[test]
fn a_database_that_was_away_at_the_start_is_told_what_is_so_now() {
    let monitor = monitor();
    monitor.checks_changed(0, true);
    monitor.weigh();
    let detected_at = OffsetDateTime::UNIX_EPOCH;
    let (id, replica, cause) = (Uuid::nil(), "inventory-2".to_owned(), Cause::Vote);
    let open = Failure { id, replica, cause, detected_at, recovered_at: None };
    let all = vec![held("inventory-1", None), held("inventory-2", Some(Cause::Vote))];
    monitor.catch_up(all, vec![open]);
    assert_eq!(states(&monitor), [State::Off, State::On, State::On], "what was seen is newer");
    let mut book = monitor.book();
    let mut told = Vec::new();
    while let Some((entry, mark)) = book.journal.first() {
        told.push(entry);
        book.journal.is_written(mark);
    }
    let epochs = told.iter().rev().filter_map(|entry| match entry {
        Entry::State { replica, state, epoch, .. } => Some((replica.as_str(), *state, *epoch)),
        Entry::Detected { .. } | Entry::Recovered { .. } | Entry::Sample { .. } => None,
    });
    let newest: Vec<_> = epochs.take(2).collect();
    let expected = [("inventory-2", State::On, 10), ("inventory-1", State::Off, 11)];
    assert_eq!(newest, expected, "later than all that the database holds");
    assert!(matches!(told.last(), Some(Entry::Recovered { failure, .. }) if failure.is_nil()));
    assert_eq!(book.record.newest().filter(|failure| failure.recovered_at.is_none()).count(), 1);
}
