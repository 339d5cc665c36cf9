//! Chen's figures, each from a trace that can be checked by hand.

use std::time::Duration;

use standfast_tactics::detect::{Quality, TraceEvent};

const SECOND: Duration = Duration::from_secs(1);

use TraceEvent::{Failed, Recovered, Suspected, Trusted};

fn quality(trace: &[(u32, TraceEvent)], end: u32) -> Quality {
    let trace: Vec<_> = trace.iter().map(|(at, event)| (*at * SECOND, *event)).collect();
    Quality::of(&trace, end * SECOND)
}

#[test]
fn a_failure_that_is_found_has_a_detection_and_a_return_time() {
    let found = quality(&[(10, Failed), (13, Suspected), (20, Recovered), (24, Trusted)], 100);
    assert_eq!(found.detection_times, [3 * SECOND]);
    assert_eq!(found.return_times, [4 * SECOND]);
    assert_eq!((found.mistakes, found.missed), (0, 0), "to be slow to trust is no mistake");
    assert_eq!(found.well_for, 90 * SECOND);
    assert_eq!(found.accuracy(), Some(1.0));
}

#[test]
fn only_the_last_suspicion_of_a_failure_counts() {
    let trace = [(10, Failed), (11, Suspected), (12, Trusted), (17, Suspected)];
    assert_eq!(quality(&trace, 30).detection_times, [7 * SECOND]);
    assert_eq!(quality(&trace[..3], 30).missed, 1, "it was taken for up at the end");
}

#[test]
fn a_suspicion_of_the_well_is_a_mistake_until_trust_returns_or_it_comes_true() {
    let trace = [(10, Suspected), (14, Trusted), (30, Suspected), (36, Failed), (50, Recovered)];
    let made = quality(&trace, 86);
    assert_eq!((made.mistakes, made.mistaken_for), (2, 10 * SECOND));
    assert_eq!(made.mistake_duration(), Some(5 * SECOND));
    assert_eq!(made.detection_times, [Duration::ZERO], "it was suspected already");
    assert_eq!(made.well_for, 72 * SECOND);
    let hourly = made.mistakes_per_hour().unwrap();
    assert!((hourly - 100.0).abs() < 1e-9, "two in 72 s: {hourly}");
    let accuracy = made.accuracy().unwrap();
    assert!((accuracy - 62.0 / 72.0).abs() < 1e-9, "{accuracy}");
}

#[test]
fn a_mistake_that_lasts_to_the_end_counts_to_the_end() {
    let made = quality(&[(90, Suspected)], 100);
    assert_eq!((made.mistakes, made.mistaken_for), (1, 10 * SECOND));
}

#[test]
fn quantiles_are_by_nearest_rank() {
    let mut trace = Vec::new();
    for failure in 0..20 {
        let at = failure * 100;
        trace.extend([(at, Failed), (at + failure + 1, Suspected)]);
        trace.extend([(at + 50, Recovered), (at + 51, Trusted)]);
    }
    let found = quality(&trace, 2000);
    assert_eq!(found.detection_time(0.95), Some(19 * SECOND));
    assert_eq!(found.detection_time(1.0), Some(20 * SECOND));
    assert_eq!(found.detection_time(0.0), Some(SECOND));
    assert_eq!(quality(&[], 10).detection_time(0.5), None);
}
