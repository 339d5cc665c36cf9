//! Deadlines: what a header says, and what a call gets.

use std::time::Duration;

use standfast_tactics::deadline::Deadline;
use tokio::time::Instant;

const MS: Duration = Duration::from_millis(1);

#[test]
fn no_caller_gets_more_than_the_server_gives() {
    let now = Instant::now();
    let check = |header, expected_ms| {
        let deadline = Deadline::from_header(header, now, 300 * MS).unwrap();
        assert_eq!(deadline.remaining(now), expected_ms * MS);
    };
    check(None, 300);
    check(Some("250"), 250);
    check(Some(" 250 "), 250);
    check(Some("5000"), 300);
    check(Some("0"), 0);
}

#[test]
fn a_header_that_is_no_number_is_an_error() {
    for header in ["", "-1", "1.5", "1s", "99999999999999999999"] {
        let error = Deadline::from_header(Some(header), Instant::now(), MS).unwrap_err();
        assert!(error.to_string().contains("x-deadline-ms"), "{error}");
    }
}

#[test]
fn what_is_left_travels_on_and_shrinks() {
    let now = Instant::now();
    let deadline = Deadline::after(now, 300 * MS);
    let later = now + Duration::from_micros(100_500);
    assert_eq!(deadline.header_value(later), "199", "rounded down: the callee gives up first");
    assert_eq!(deadline.keeping(later, 50 * MS).remaining(later), Duration::from_micros(149_500));
    assert!(!deadline.has_passed(later));
    let too_late = now + 400 * MS;
    assert!(deadline.has_passed(too_late));
    assert_eq!(deadline.remaining(too_late), Duration::ZERO);
    assert_eq!(deadline.header_value(too_late), "0");
}
