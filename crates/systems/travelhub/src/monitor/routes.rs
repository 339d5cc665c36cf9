//! The monitor's HTTP surface.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use serde_json::{Value, json};
use standfast_tactics::detect::{Advice, Standing, Symptom};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::time::Instant;

use super::case::Detector;
use super::chart::{Frame, svg};
use super::episode::Episode;
use super::metrics::Metrics;
use super::quality::Recorded;
use super::settings::Settings;
use super::tradeoff::{Point, ping_bound, points};
use super::watching::{Monitor, Watched};
use crate::service::answer;
use crate::service::problem::Problem;

/// What requests need.
#[derive(Clone, Debug)]
pub(super) struct App {
    pub(super) monitor: Arc<Monitor>,
    pub(super) metrics: Arc<Metrics>,
}

pub(super) fn router(app: App) -> Router {
    let router = Router::new()
        .route("/status", get(status))
        .route("/failures", get(failures))
        .route("/metrics", get(metrics))
        .route("/metrics.json", get(figures))
        .route("/quality", get(quality))
        .route("/quality.svg", get(chart))
        .route("/health", get(answer::health))
        .route("/ready", get(ready));
    answer::with_fallbacks(router).with_state(app)
}

async fn status(State(app): State<App>) -> Response<Body> {
    let (settings, now) = (&app.monitor.settings, Instant::now());
    let book = app.monitor.book();
    let services: Vec<Value> = book.services.iter().map(|one| service(one, now)).collect();
    let up = book.services.iter().filter(|one| !one.case.is_suspected()).count();
    let body = json!({
        "up": up,
        "of": services.len(),
        "services": services,
        "detectors": detectors(settings),
        "clock_scale": settings.clock_scale,
        "clock": clock(settings),
        "database": if book.is_database_away { "away" } else { "usable" },
    });
    answer::json(StatusCode::OK, &body)
}

/// In words, so that no figure is taken for what it is not.
fn clock(settings: &Settings) -> String {
    match settings.clock_scale {
        1.0 => "intervals are as configured".to_owned(),
        scale => format!(
            "intervals are divided by {scale}; times are as they really went, except at /quality, \
             where they are multiplied by it again"
        ),
    }
}

fn service(watched: &Watched, now: Instant) -> Value {
    let case = &watched.case;
    let (phi, down_after) = case.phi(now);
    let standings = Detector::ALL.into_iter().map(|detector| {
        (detector.name().to_owned(), json!(case.standing(detector).map_or("unknown", word)))
    });
    let advice = match case.advice() {
        Advice::Keep => "keep",
        Advice::Watch => "watch",
        Advice::Degrade => "degrade",
        Advice::AskPeers => "ask-peers",
        Advice::Remove => "remove",
    };
    json!({
        "service": watched.name,
        "state": if case.is_suspected() { "down" } else { "up" },
        "detectors": standings.collect::<serde_json::Map<_, _>>(),
        "advice": advice,
        "phi": phi,
        "phi_down_after_ms": milliseconds(down_after),
        "last_sign_at": case.last_sign.map(text),
        "beats": case.beats,
        "pings": case.pings,
    })
}

fn word(standing: Standing) -> &'static str {
    match standing {
        Standing::Up => "up",
        Standing::Suspect => "suspect",
        Standing::Down => "down",
    }
}

/// The settings, each with the longest that a death goes unnoticed by it.
fn detectors(settings: &Settings) -> Value {
    let (ping, heartbeat, phi) = (settings.ping, settings.heartbeat, settings.phi);
    let bound = |symptom| ping.bound(symptom, Duration::ZERO).map(milliseconds);
    json!({
        "ping": {
            "every_ms": milliseconds(ping.period),
            "timeout_ms": milliseconds(ping.timeout),
            "failures_to_down": ping.failures,
            "bound_ms": bound(Symptom::Fails),
            "bound_of_a_hang_ms": bound(Symptom::Silent),
        },
        "heartbeat": {
            "every_ms": milliseconds(settings.beat_every),
            "check_every_ms": milliseconds(heartbeat.check_every),
            "down_after_ms": milliseconds(heartbeat.down_after),
            "bound_ms": milliseconds(heartbeat.bound()),
            "is_read": settings.reads_beats,
        },
        "phi": {
            "down_at": phi.down_at,
            "check_every_ms": milliseconds(phi.check_every),
            "deviation_min_ms": milliseconds(phi.deviation_min),
        },
    })
}

async fn failures(State(app): State<App>) -> Response<Body> {
    let book = app.monitor.book();
    let failures: Vec<Value> = book.episodes.newest().map(episode).collect();
    let body = json!({ "failures": failures, "clock_scale": app.monitor.settings.clock_scale });
    answer::json(StatusCode::OK, &body)
}

fn episode(episode: &Episode) -> Value {
    let found = Detector::ALL.into_iter().map(|detector| {
        let detection = episode.detection(detector).map(|one| {
            json!({
                "at": text(one.at),
                "after_last_sign_ms": episode.after(detector).map(milliseconds),
                "recovered_at": one.over_at.map(text),
            })
        });
        (detector.name().to_owned(), json!(detection))
    });
    json!({
        "service": episode.service,
        "last_sign_at": text(episode.last_sign),
        "found_by": found.collect::<serde_json::Map<_, _>>(),
        "is_over": episode.is_over,
    })
}

async fn figures(State(app): State<App>) -> Response<Body> {
    let book = app.monitor.book();
    let services = book.services.iter().map(|one| {
        json!({
            "service": one.name,
            "beats": one.case.beats,
            "pings": one.case.pings,
            "failed_pings": one.case.failed_pings,
        })
    });
    let body = json!({
        "services": services.collect::<Vec<_>>(),
        "failures": book.episodes.found,
        "unwritten": book.unwritten.len(),
        "clock_scale": app.monitor.settings.clock_scale,
    });
    answer::json(StatusCode::OK, &body)
}

async fn metrics(State(app): State<App>) -> Response<Body> {
    answer::metrics(app.metrics.render(&app.monitor.book(), Instant::now()))
}

async fn quality(State(app): State<App>) -> Response<Body> {
    let settings = &app.monitor.settings;
    let Replayed { points, beats } = replayed(&app.monitor).await;
    let points: Vec<Value> = points.iter().map(Point::json).collect();
    let body = json!({
        "beats": beats,
        "settings": points,
        "ping_longest_s": ping_bound(settings).map(|bound| bound.as_secs_f64()),
        "clock_scale": settings.clock_scale,
        "times": "on a clock that is not scaled",
    });
    answer::json(StatusCode::OK, &body)
}

async fn chart(State(app): State<App>) -> Response<Body> {
    let settings = &app.monitor.settings;
    let Replayed { points, beats } = replayed(&app.monitor).await;
    let (ping_bound, clock_scale) = (ping_bound(settings), settings.clock_scale);
    let text = svg(&points, Frame { ping_bound, clock_scale, beats });
    let mut response = Response::new(Body::from(text));
    let kind = HeaderValue::from_static("image/svg+xml");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// What came of the recordings.
struct Replayed {
    points: Vec<Point>,
    beats: usize,
}

/// On a thread of its own, and from a copy: detectors must not wait for it.
async fn replayed(monitor: &Arc<Monitor>) -> Replayed {
    let recordings: Vec<Vec<Recorded>> =
        monitor.book().services.iter().map(|one| one.recording.beats()).collect();
    let monitor = Arc::clone(monitor);
    let replay = move || Replayed {
        points: points(&monitor.settings, &recordings),
        beats: recordings.iter().map(Vec::len).sum(),
    };
    let replayed = tokio::task::spawn_blocking(replay).await;
    replayed.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}

/// Ready once every service has been pinged: it needs its database for heartbeats alone.
async fn ready(State(app): State<App>) -> Response<Body> {
    let book = app.monitor.book();
    let database = if book.is_database_away { "away" } else { "usable" };
    if book.services.iter().all(|one| one.case.pings > 0) {
        return answer::json(StatusCode::OK, &json!({ "ready": true, "monitor-db": database }));
    }
    drop(book);
    let wait = Duration::from_secs(1);
    Problem::unavailable(wait, "not every service has been pinged yet").into_response()
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

fn text(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).expect("this time has a year of four digits")
}
