//! The trade-off of each detector: a family of settings, from hasty to patient, replayed on what
//! was recorded.

use std::time::Duration;

use serde_json::{Value, json};
use standfast_tactics::detect::{HeartbeatPolicy, PhiPolicy, Symptom};
use tokio::time::Instant;

use super::quality::{Recorded, Setting, replay};
use super::settings::Settings;

/// Silences that are down, as multiples of the interval.
const DOWN_AFTER: [f64; 5] = [1.2, 1.5, 2.0, 3.0, 4.0];

/// Suspicions that are down.
const DOWN_AT: [f64; 6] = [1.0, 2.0, 4.0, 8.0, 12.0, 16.0];

/// One setting, and how it would have done over all services.
#[derive(Clone, Debug)]
pub(super) struct Point {
    pub(super) family: &'static str,
    pub(super) setting: String,
    /// On the clock as people know it, as all times here.
    pub(super) detection_mean: Duration,
    pub(super) detection_max: Duration,
    pub(super) mistakes: usize,
    pub(super) mistakes_per_hour: f64,
    pub(super) mistake_duration: Option<Duration>,
    pub(super) accuracy: f64,
}

/// The families that a chart shows, with the names of their colours' owners.
pub(super) const FAMILIES: [&str; 4] = [PING, CHECKED_SELDOM, CHECKED_OFTEN, PHI];

const PING: &str = "ping/echo";
const CHECKED_SELDOM: &str = "heartbeat";
const CHECKED_OFTEN: &str = "heartbeat, checked as often as phi";
const PHI: &str = "phi";

/// All points. Of pings there is no recording to be replayed: theirs is what theory says, and what
/// was found wrong while beats went on.
pub(super) fn points(settings: &Settings, recordings: &[Vec<Recorded>]) -> Vec<Point> {
    let mut points = Vec::new();
    for down_after in DOWN_AFTER {
        for (family, check_every) in [
            (CHECKED_SELDOM, settings.heartbeat.check_every),
            (CHECKED_OFTEN, settings.phi.check_every),
        ] {
            let policy = HeartbeatPolicy {
                suspect_after: settings.beat_every,
                down_after: settings.beat_every.mul_f64(down_after),
                check_every,
                ..settings.heartbeat
            };
            let text = format!("{down_after} intervals");
            points.extend(point(family, text, Setting::Heartbeat(policy), settings, recordings));
        }
    }
    for down_at in DOWN_AT {
        let policy = PhiPolicy { down_at, suspect_at: down_at / 2.0, ..settings.phi };
        let text = format!("down at {down_at}");
        points.extend(point(PHI, text, Setting::Phi(policy), settings, recordings));
    }
    points
}

/// The longest that a death goes unnoticed by pings, on the clock as people know it.
pub(super) fn ping_bound(settings: &Settings) -> Option<Duration> {
    let bound = settings.ping.bound(Symptom::Fails, Duration::ZERO)?;
    Some(bound.mul_f64(settings.clock_scale))
}

fn point(
    family: &'static str,
    setting: String,
    detector: Setting,
    settings: &Settings,
    recordings: &[Vec<Recorded>],
) -> Option<Point> {
    let origin = Instant::now();
    let figures: Vec<_> =
        recordings.iter().filter_map(|beats| replay(beats, detector, origin)).collect();
    let beats: usize = figures.iter().map(|one| one.beats).sum();
    if beats == 0 {
        return None;
    }
    let scale = settings.clock_scale;
    let weighted = |value: Duration, weight: usize| value.as_secs_f64() * weight as f64;
    let mean: f64 = figures.iter().map(|one| weighted(one.detection_mean, one.beats)).sum();
    let qualities = || figures.iter().map(|one| &one.quality);
    let mistakes: usize = qualities().map(|one| one.mistakes).sum();
    let well: f64 = qualities().map(|one| one.well_for.as_secs_f64()).sum();
    let mistaken: f64 = qualities().map(|one| one.mistaken_for.as_secs_f64()).sum();
    let per_mistake = (mistakes > 0).then(|| mistaken / mistakes as f64);
    Some(Point {
        family,
        setting,
        detection_mean: Duration::from_secs_f64(mean / beats as f64 * scale),
        detection_max: figures.iter().map(|one| one.detection_max).max()?.mul_f64(scale),
        mistakes,
        mistakes_per_hour: if well > 0.0 { mistakes as f64 * 3600.0 / well / scale } else { 0.0 },
        mistake_duration: per_mistake.map(|seconds| Duration::from_secs_f64(seconds * scale)),
        accuracy: if well > 0.0 { 1.0 - mistaken / well } else { 1.0 },
    })
}

impl Point {
    pub(super) fn json(&self) -> Value {
        json!({
            "detector": self.family,
            "setting": self.setting,
            "detection_time_mean_s": self.detection_mean.as_secs_f64(),
            "detection_time_max_s": self.detection_max.as_secs_f64(),
            "mistakes": self.mistakes,
            "mistakes_per_hour": self.mistakes_per_hour,
            "mistake_duration_mean_s": self.mistake_duration.map(|one| one.as_secs_f64()),
            "accuracy": self.accuracy,
        })
    }
}
