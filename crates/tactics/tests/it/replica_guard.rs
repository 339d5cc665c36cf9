//! The lag guard: a late replica is told from an idle primary.

use std::time::Duration;

use proptest::prelude::*;
use standfast_tactics::replica_guard::{Policy, ReplicaGuard};
use tokio::time::Instant;

const SECOND: Duration = Duration::from_secs(1);

fn guard(beats_max: usize) -> ReplicaGuard {
    ReplicaGuard::new(Policy { lag_max: 2 * SECOND, beats_max })
}

#[test]
fn before_the_first_beat_nothing_is_known_to_be_missing() {
    assert!(guard(10).may_read(Instant::now()));
}

#[test]
fn the_lag_is_the_age_of_the_oldest_missing_beat() {
    let (mut guard, start) = (guard(10), Instant::now());
    for beat in 1..=4_u32 {
        guard.acknowledged(beat.into(), start + beat * SECOND);
    }
    guard.visible(2);
    assert_eq!(guard.lag(start + 4 * SECOND), SECOND, "beat 3 is missing since second 3");
    assert!(guard.may_read(start + 5 * SECOND));
    assert!(!guard.may_read(start + 6 * SECOND));
    guard.visible(1);
    assert_eq!(guard.lag(start + 4 * SECOND), SECOND, "a reordered answer takes nothing back");
}

#[test]
fn a_primary_that_is_away_does_not_make_the_replica_late() {
    let (mut guard, start) = (guard(10), Instant::now());
    guard.acknowledged(1, start);
    guard.visible(1);
    assert!(guard.may_read(start + 3600 * SECOND));
}

#[test]
fn a_beat_that_is_seen_before_its_acknowledgement_is_not_missing() {
    let (mut guard, start) = (guard(10), Instant::now());
    guard.visible(1);
    guard.acknowledged(1, start);
    assert_eq!(guard.lag(start + SECOND), Duration::ZERO);
}

#[test]
fn a_guard_that_has_just_begun_does_not_trust_a_replica_that_shows_the_past() {
    let (mut guard, start) = (guard(10), Instant::now());
    guard.visible(3);
    assert!(guard.may_read(start), "the primary is away: nothing newer is known of");
    guard.acknowledged(7, start);
    assert!(!guard.may_read(start), "it shows a beat of an earlier guard");
    guard.visible(7);
    assert!(guard.may_read(start));
}

#[test]
fn a_lag_is_known_only_of_a_replica_that_shows_a_beat_of_this_guard() {
    let (mut guard, start) = (guard(10), Instant::now());
    guard.visible(3);
    assert_eq!(guard.known_lag(start), None, "it may be hours behind");
    guard.acknowledged(7, start);
    assert_eq!(guard.known_lag(start), None);
    guard.visible(7);
    assert_eq!(guard.known_lag(start + SECOND), Some(Duration::ZERO));
}

proptest! {
    #[test]
    fn a_full_memory_never_shortens_the_lag(beats in 1..500_u64, beats_max in 0..20_usize) {
        let (mut guard, start) = (guard(beats_max), Instant::now());
        for beat in 1..=beats {
            guard.acknowledged(beat, start + Duration::from_millis(beat));
        }
        let now = start + Duration::from_millis(beats);
        prop_assert_eq!(guard.lag(now), Duration::from_millis(beats - 1));
        guard.visible(beats);
        prop_assert_eq!(guard.lag(now + SECOND), Duration::ZERO);
    }
}
