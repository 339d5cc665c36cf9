//! A service that beats, falls silent and comes back.

use std::net::Ipv4Addr;
use std::time::Duration;

use super::*;
use crate::serve::ServeOptions;
use crate::service::environment::Environment;

fn case() -> Case {
    let options = ServeOptions {
        bind: Ipv4Addr::LOCALHOST,
        port: 0,
        instance: "1".to_owned(),
        clock_scale: None,
    };
    let environment = Environment::of(&[("WATCHED", "search=http://a:1"), ("CLOCK_SCALE", "60")]);
    Case::new(&Settings::read(&environment, &options).unwrap())
}

fn beat(incarnation: i64, sequence: i64) -> Beat {
    let at = OffsetDateTime::UNIX_EPOCH + Duration::from_millis(500) * sequence as u32;
    Beat { service: "search".to_owned(), incarnation, sequence, at }
}

/// Checks as often as the settings say, and answers what was found, and when.
fn silence(case: &mut Case, from: Instant, length: Duration) -> Vec<(Detector, Duration)> {
    let (every, mut found) = (Duration::from_secs_f64(5.0 / 60.0), Vec::new());
    let (mut after, mut next_heartbeat_check) = (Duration::ZERO, Duration::ZERO);
    while after <= length {
        let now = from + after;
        found.extend(case.check_phi(now).map(|finding| (finding.detector, after)));
        if after >= next_heartbeat_check {
            next_heartbeat_check += Duration::from_secs(1);
            found.extend(case.check_heartbeat(now).map(|finding| (finding.detector, after)));
        }
        after += every;
    }
    found
}

#[test]
fn phi_finds_a_death_before_the_fixed_limit_and_a_return_ends_both() {
    let (mut case, start) = (case(), Instant::now());
    let half = Duration::from_millis(500);
    let mut now = start;
    for sequence in 1..=40 {
        now = start + half * sequence as u32;
        assert_eq!(case.beat(beat(1, sequence), now), [], "all is well");
        assert_eq!(silence(&mut case, now, half / 2), []);
    }
    let found = silence(&mut case, now, Duration::from_secs(4));
    let [(Detector::Phi, phi), (Detector::Heartbeat, heartbeat)] = found[..] else {
        panic!("{found:?}")
    };
    assert!(phi < Duration::from_secs(1), "{phi:?}");
    assert!(heartbeat <= Duration::from_secs(2), "{heartbeat:?}");
    assert_eq!(case.advice(), Advice::AskPeers, "pings have not noticed yet");
    let later = now + Duration::from_secs(5);
    assert_eq!(case.beat(beat(2, 1), later), [], "one beat of the new process is not enough");
    let back = case.beat(beat(2, 2), later + half);
    let up = |detector| Finding { detector, is_down: false };
    assert_eq!(back, [up(Detector::Heartbeat), up(Detector::Phi)]);
    assert!(!case.is_suspected());
}

#[test]
fn a_beat_that_was_read_before_changes_nothing() {
    let (mut case, now) = (case(), Instant::now());
    case.beat(beat(1, 2), now);
    case.beat(beat(1, 1), now + Duration::from_secs(9));
    case.beat(beat(1, 2), now + Duration::from_secs(9));
    assert_eq!(case.beats, 1);
}

#[test]
fn of_a_service_that_never_beat_nobody_says_that_it_is_dead() {
    let mut case = case();
    let found = silence(&mut case, Instant::now(), Duration::from_secs(10));
    assert_eq!(found, []);
    assert_eq!(case.standing(Detector::Heartbeat), None);
    case.pinged(false, OffsetDateTime::UNIX_EPOCH);
    assert_eq!(case.standing(Detector::Ping), None, "nor by a ping, if it was never there");
    case.pinged(true, OffsetDateTime::UNIX_EPOCH);
    case.pinged(false, OffsetDateTime::UNIX_EPOCH);
    assert_eq!(case.standing(Detector::Ping), Some(Standing::Up), "the echo decides, not a ping");
    assert_eq!((case.pings, case.failed_pings), (3, 2));
}
