//! Faults inside of services as a user injects them, by the number of the service.

use std::time::Duration;

use standfast_engines::wait_until;

use crate::place::{Place, free_ports};
use crate::{http, processes};

/// Bounds a test that fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// Services of ours whose databases are away: they are alive all the same.
fn three() -> String {
    let service = |number: u16| {
        format!(
            r#"[service.offers-{number}]
serve = "cache-fallback/offers"
port = 500{number}
faults = true
ready = {{ http = "/health" }}
[service.offers-{number}.env]
POSTGRES_URL = "postgresql://a:b@127.0.0.1:1/c"
REPLICA_URL = "postgresql://a:b@127.0.0.1:1/c"
VALKEY_URL = "redis://127.0.0.1:1"
"#
        )
    };
    let rest = r#"[service.other]
run = ["sleep", "9"]
[scenario.get_health]
service = "offers-2"
method = "GET"
path = "/health"
"#;
    let head = "name = \"three\"\ntitle = \"Three services\"\n";
    [head, &service(1), &service(2), rest].concat()
}

#[tokio::test]
async fn a_service_is_broken_from_inside_by_its_number_and_heals() {
    let place = Place::new().await;
    place.write("three/system.toml", &three());
    let base = free_ports(2);
    let up = ["up", "three", "-d", "--name", "three", "--port-base", &base.to_string()];
    place.must(&up).await;

    let failing = ["fault", "intermittent", "--instance", "2", "--probability", "1"];
    place
        .must(&failing)
        .await
        .says("intermittent (probability 1) offers-2 is in effect")
        .says("GET /health answered 500 at request 1");
    assert_eq!(http::get(base + 1, "/health").await.unwrap().status, 500);
    assert_eq!(http::get(base, "/health").await.unwrap().status, 200, "only the one");
    place.must(&["ps"]).await.says("ready (fault: intermittent)");
    place.must(&["fault", "status", "--instance", "2"]).await.says("when cleared");
    place.must(&["fault", "status", "--instance", "1"]).await.says("no fault is in effect");
    place.standfast(&failing).await.exits(2).says("is held by the fault `intermittent` already");
    place.must(&["fault", "clear", "--instance", "2", "--instance", "three"]).await;
    assert_eq!(http::get(base + 1, "/health").await.unwrap().status, 200);

    let slow = ["fault", "latency", "--instance", "1", "--latency", "300", "--for", "1s"];
    place.must(&slow).await.says("slow (300ms) offers-1 is in effect");
    let heals = wait_until(PATIENCE, || async {
        let status = place.must(&["fault", "status"]).await;
        status.stderr.contains("no fault is in effect").then_some(())
    });
    assert!(heals.await.is_some(), "the latency heals by itself");
    place.must(&["fault", "latency", "--instance", "1"]).await.says("slow (1s ± 500ms) offers-1");
    place.must(&["fault", "clear"]).await;

    let load = ["load", "three/get_health", "--rps", "20", "--duration", "300ms", "--metrics"];
    place.must(&load).await.says("200: 6");

    let failures = place.must(&["fault", "failures", "--instance", "2"]).await;
    failures.says("probability 1").says("requests=1");
    place.must(&["down", "--data"]).await;
    processes::wait_until_none(&place).await;
}

#[tokio::test]
async fn a_crash_lasts_until_it_is_cleared_and_a_hang_hangs() {
    let place = Place::new().await;
    place.write("three/system.toml", &three());
    let base = free_ports(2);
    let up = ["up", "three", "-d", "--name", "three", "--port-base", &base.to_string()];
    place.must(&up).await;
    place.must(&["fault", "crash", "--instance", "1"]).await.says("kill offers-1 is in effect");
    place.must(&["ps"]).await.says("stopped (fault: kill)");
    place.must(&["fault", "hang", "--instance", "2"]).await.says("pause offers-2 is in effect");
    place.must(&["ps"]).await.says("paused (fault: pause)");
    place.must(&["fault", "clear", "--instance", "1"]).await;
    assert_eq!(http::get(base, "/health").await.unwrap().status, 200);
    place.must(&["fault", "clear"]).await;
    assert_eq!(http::get(base + 1, "/health").await.unwrap().status, 200);

    let wrong = async |words: &[&str], says: &str| {
        place.standfast(&[&["fault"], words].concat()).await.exits(2).says(says);
    };
    wrong(&["crash", "--instance", "7"], "no service of three ends in -7; there are").await;
    wrong(&["crash"], "say what to break").await;
    let both = ["crash", "--instance", "1", "--target", "offers-2"];
    wrong(&both, "--target offers-2 and --instance 1 are two targets").await;
    wrong(&["crash", "--instance", "1", "--instance", "2"], "names one service").await;
    wrong(&["latency", "--target", "offers-1"], "needs --delay").await;
    wrong(&["intermittent", "--instance", "1", "--probability", "2"], "no probability").await;
    let other = ["slow", "--target", "other", "--delay", "1s"];
    wrong(&other, "[service.other] does not say `faults = true`").await;
    let in_vain = async |words: &[&str], says: &str| {
        place.standfast(&[&["fault"], words].concat()).await.exits(4).says(says);
    };
    let lie = ["incorrect", "--instance", "1", "--product", "PROD-001"];
    in_vain(&lie, "GET /health names no stock of `PROD-001` to be wrong").await;
    in_vain(&["wipe", "--target", "other"], "it keeps nothing in its data folder").await;
    place.must(&["fault", "status"]).await.says("no fault is in effect");
    place.must(&["down", "--data"]).await;
    processes::wait_until_none(&place).await;
}
