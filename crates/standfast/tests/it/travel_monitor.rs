//! travelhub's monitor on its real database: three detectors find a death and its end, what they
//! found is written down, and the death of their own database is nobody else's.

#![expect(clippy::unwrap_used, reason = "helpers of a test fail by panicking, as tests do")]

use std::time::Duration;

use serde_json::Value;
use standfast_engines::wait_until;
use standfast_lab::fault::{Fault, FaultKind, Hold, Injected};
use standfast_lab::instance::{Clock, Data, Instance, Network};

use crate::http;
use crate::place::Place;
use crate::system::{Wanted, bring_up, connect};

/// Bounds a test that fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// A beat each second: slow enough for a machine that builds beside the test.
const CLOCK_SCALE: &str = "30";

/// Every three seconds on that clock: the rest of the test would wait for pings otherwise.
const PING_EVERY: &str = "90s";

const BEATING: [&str; 13] = [
    "gateway",
    "web",
    "search",
    "reservations",
    "inventory",
    "analytics",
    "cashier",
    "payments-1",
    "payments-2",
    "payments-3",
    "payments-4",
    "payments-5",
    "monitor",
];

async fn up(place: &Place) -> Instance {
    let scaled = |name: &str| {
        let variables = [("CLOCK_SCALE", CLOCK_SCALE), ("PING_EVERY", PING_EVERY)];
        (name.to_owned(), variables.map(|(key, value)| (key.to_owned(), value.to_owned())).into())
    };
    let environment = BEATING.into_iter().map(scaled).collect();
    let wanted = Wanted { system: "travelhub", environment, network: Network::Direct };
    let (instance, mut events) = bring_up(place, wanted, &Clock::started()).await;
    // Nobody reads them here, and nobody may wait for that.
    tokio::spawn(async move { while events.recv().await.is_some() {} });
    instance
}

async fn get(instance: &Instance, path: &str) -> Value {
    let port = instance.endpoint("monitor").unwrap().port();
    http::get(port, path).await.map_or(Value::Null, |answer| answer.json())
}

async fn wait(instance: &Instance, path: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let seen = wait_until(PATIENCE, || async {
        let answer = get(instance, path).await;
        is_so(&answer).then_some(answer)
    });
    match seen.await {
        Some(answer) => answer,
        None => panic!("{path}: {:#}", get(instance, path).await),
    }
}

/// The newest episode of analytics.
fn episode(failures: &Value) -> Option<&Value> {
    failures["failures"].as_array()?.iter().find(|one| one["service"] == "analytics")
}

fn service<'a>(status: &'a Value, name: &str) -> &'a Value {
    let services = status["services"].as_array().map(Vec::as_slice).unwrap_or_default();
    services.iter().find(|one| one["service"] == name).unwrap_or(&Value::Null)
}

async fn inject(instance: &Instance, target: &str) -> Injected {
    let kill = Fault::new(FaultKind::Kill, target);
    instance.inject(&kill, Hold::UntilHealed).await.unwrap()
}

async fn count(instance: &Instance, query: &str) -> i64 {
    let client = wait_until(PATIENCE, || connect_monitor(instance)).await;
    client.unwrap().query_one(query, &[]).await.unwrap().get(0)
}

async fn connect_monitor(instance: &Instance) -> Option<tokio_postgres::Client> {
    connect(instance, "monitor-db").await
}

async fn all_services_beat_and_answer(instance: &Instance) {
    let status = wait(instance, "/status", |status| {
        let services = status["services"].as_array().map(Vec::as_slice).unwrap_or_default();
        let is_known = |one: &Value| {
            // Enough for phi to know how regular they are.
            one["beats"].as_u64() > Some(4) && one["detectors"]["ping"] == "up"
        };
        services.len() == BEATING.len() - 1 && services.iter().all(is_known)
    });
    let status = status.await;
    assert_eq!(status["clock_scale"], 30.0);
    assert_eq!(status["detectors"]["heartbeat"]["bound_ms"], 4000.0);
}

async fn the_death_of_its_database_is_held_against_nobody(instance: &Instance) {
    let outage = inject(instance, "monitor-db").await;
    wait(instance, "/status", |status| status["database"] == "away").await;
    // Longer than a service may be silent: whoever judged now would take all of them for dead.
    let since = tokio::time::Instant::now();
    wait(instance, "/health", |_| since.elapsed() > Duration::from_secs(5)).await;
    instance.heal(outage).await.unwrap();
    let beats = |status: &Value| service(status, "analytics")["beats"].as_u64();
    let before = beats(&get(instance, "/status").await);
    wait(instance, "/status", |status| {
        status["database"] == "usable" && beats(status) > before.map(|before| before + 3)
    })
    .await;
    let failures = get(instance, "/failures").await;
    let by_heartbeat = episode(&failures).map_or(&Value::Null, |one| &one["found_by"]["heartbeat"]);
    assert_eq!(by_heartbeat, &Value::Null, "{failures:#}");
}

async fn a_death_and_its_end_are_found_by_all_three(instance: &Instance) {
    let death = inject(instance, "analytics").await;
    let is_found = |failures: &Value| {
        let found = episode(failures).map(|one| one["found_by"].clone()).unwrap_or_default();
        ["ping", "heartbeat", "phi"].iter().all(|by| !found[by].is_null())
    };
    let failures = wait(instance, "/failures", is_found).await;
    let status = get(instance, "/status").await;
    let analytics = service(&status, "analytics");
    assert_eq!((&analytics["state"], &analytics["advice"]), (&"down".into(), &"remove".into()));
    let query = "SELECT count(DISTINCT detector) FROM failures WHERE service = 'analytics'";
    let written =
        wait_until(PATIENCE, || async { (count(instance, query).await == 3).then_some(()) });
    assert!(written.await.is_some(), "not written: {failures:#}");
    let metrics = instance.scrape("monitor").await.unwrap();
    let name = "monitor_found_after_seconds{service=\"analytics\",detector=\"phi\"}";
    assert!(metrics.get(name).is_some_and(|after| after > 0.0), "{metrics:?}");
    instance.heal(death).await.unwrap();
    wait(instance, "/failures", |now| episode(now).is_some_and(|one| one["is_over"] == true)).await;
}

async fn other_settings_are_tried_on_what_was_recorded(instance: &Instance) {
    // It is computed, which takes its time beside builds.
    let quality = wait(instance, "/quality", |now| now["beats"].as_u64() > Some(50)).await;
    let settings = quality["settings"].as_array().unwrap();
    assert_eq!(settings.len(), 16);
    let is_time = |one: &Value| one["detection_time_mean_s"].as_f64() > Some(0.0);
    assert!(settings.iter().all(is_time), "{quality:#}");
    let port = instance.endpoint("monitor").unwrap().port();
    let chart = wait_until(PATIENCE, || async { http::get(port, "/quality.svg").await.ok() });
    let chart = chart.await.unwrap();
    assert_eq!(chart.header("content-type"), Some("image/svg+xml"));
}

#[tokio::test(flavor = "multi_thread")]
async fn three_detectors_find_a_death_and_its_end_and_nobody_dies_with_their_database() {
    let place = Place::alone().await;
    let instance = up(&place).await;
    all_services_beat_and_answer(&instance).await;
    the_death_of_its_database_is_held_against_nobody(&instance).await;
    a_death_and_its_end_are_found_by_all_three(&instance).await;
    other_settings_are_tried_on_what_was_recorded(&instance).await;
    instance.shutdown(Data::Delete).await.unwrap();
}
