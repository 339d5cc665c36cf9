//! Replays of made-up beats, whose figures can be told beforehand.

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn regular(count: u32) -> Vec<Recorded> {
    (0..count).map(|number| Recorded { at: SECOND * 30 * number, incarnation: 1 }).collect()
}

fn heartbeat(down_after: u64, check_every: u64) -> Setting {
    Setting::Heartbeat(HeartbeatPolicy {
        suspect_after: SECOND,
        down_after: SECOND * down_after as u32,
        beats_to_return: 1,
        check_every: SECOND * check_every as u32,
        own_pause_max: SECOND,
    })
}

fn figures(beats: &[Recorded], setting: Setting) -> Figures {
    replay(beats, setting, Instant::now()).unwrap()
}

#[test]
fn the_time_to_detect_is_that_of_a_death_after_any_beat() {
    // Beats at 0, 30, 60 …; with checks at 60, 120 … a silence of 60 is found after 60 or 90.
    let found = figures(&regular(101), heartbeat(60, 60));
    assert_eq!(found.detection_max, 90 * SECOND);
    let mean = found.detection_mean.as_secs_f64();
    assert!((mean - 60.0).abs() < 0.5, "75 less half an interval: {mean}");
    assert_eq!(found.quality.mistakes, 0);
    let quicker = figures(&regular(101), heartbeat(60, 5));
    assert_eq!(quicker.detection_max, 60 * SECOND);
}

#[test]
fn a_beat_that_is_late_is_a_mistake_of_those_who_are_quick() {
    let mut beats = regular(100);
    beats.iter_mut().skip(50).for_each(|beat| beat.at += 20 * SECOND);
    let quick = figures(&beats, heartbeat(40, 5));
    assert_eq!(quick.quality.mistakes, 1);
    assert_eq!(quick.quality.mistake_duration(), Some(10 * SECOND), "noticed at 40, back at 50");
    assert_eq!(figures(&beats, heartbeat(55, 5)).quality.mistakes, 0);
}

#[test]
fn another_incarnation_tells_that_the_suspicion_was_right() {
    let mut beats = regular(100);
    beats.iter_mut().skip(50).for_each(|beat| {
        beat.at += 200 * SECOND;
        beat.incarnation = 2;
    });
    let found = figures(&beats, heartbeat(60, 5));
    assert_eq!((found.quality.mistakes, found.quality.missed), (0, 0));
    assert_eq!(found.quality.detection_times, [60 * SECOND]);
    let blind = figures(&beats, heartbeat(600, 5));
    assert_eq!(blind.quality.missed, 1);
}

#[test]
fn phi_learns_from_the_recording_how_long_to_wait() {
    let policy = PhiPolicy {
        deviation_min: SECOND * 3,
        pause: Duration::ZERO,
        first_estimate: SECOND * 30,
        check_every: SECOND * 5,
        own_pause_max: SECOND,
        ..PhiPolicy::default()
    };
    let found = figures(&regular(200), Setting::Phi(policy));
    assert!(found.detection_max <= 75 * SECOND, "{:?}", found.detection_max);
    assert!(found.detection_mean < 45 * SECOND, "{:?}", found.detection_mean);
    let careless = PhiPolicy { down_at: 1.0, suspect_at: 0.5, ..policy };
    let quicker = figures(&regular(200), Setting::Phi(careless));
    assert!(quicker.detection_mean < found.detection_mean);
}

#[test]
fn a_recording_takes_each_beat_once_and_forgets_the_oldest() {
    let mut recording = Recording::new(3);
    let beat = |sequence: i64| Beat {
        service: "search".to_owned(),
        incarnation: 1,
        sequence,
        at: time::OffsetDateTime::UNIX_EPOCH + SECOND * sequence as u32,
    };
    for sequence in [1, 2, 2, 1, 3, 4] {
        recording.push(&beat(sequence));
    }
    let times: Vec<_> = recording.beats().iter().map(|beat| beat.at.as_secs()).collect();
    assert_eq!(times, [2, 3, 4]);
    assert!(replay(&recording.beats()[..2], heartbeat(60, 5), Instant::now()).is_none());
}
