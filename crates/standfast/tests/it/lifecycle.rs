//! `up`, `ps`, `logs`, `stop`, `start`, `restart`, `down`: what people know from Compose.

use std::net::TcpListener;
use std::time::Duration;

use serde_json::Value;
use standfast_engines::process::Signal;
use standfast_engines::wait_until;

use crate::http;
use crate::place::{CACHE_FALLBACK_PORTS, Place, free_ports};
use crate::processes;

const OFFER: &str = "/offers/01935b00-0000-7000-8000-100000000001";
const RENAMED: &str = r#"{"name":"Here to stay","stars":4,"guests":4,"price_cents":4711,
    "currency":"EUR","amenities":[]}"#;

/// Bounds a test that fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// The status of the only instance.
async fn status(place: &Place) -> Value {
    let statuses = place.must(&["ps", "--json"]).await.json();
    assert_eq!(statuses.as_array().map(Vec::len), Some(1), "{statuses}");
    statuses[0].clone()
}

fn process<'a>(status: &'a Value, name: &str) -> &'a Value {
    let processes = status["processes"].as_array().expect("a list");
    processes.iter().find(|process| process["name"] == name).expect("it is listed")
}

fn states(status: &Value) -> Vec<(&str, &str)> {
    let processes = status["processes"].as_array().expect("a list");
    processes
        .iter()
        .map(|process| {
            (process["name"].as_str().unwrap_or(""), process["state"].as_str().unwrap_or(""))
        })
        .collect()
}

/// The name of the offer, once the service answers.
async fn offer_name(port: u16) -> Option<String> {
    wait_until(PATIENCE, || async {
        let answer = http::get(port, OFFER).await.ok().filter(|answer| answer.status == 200)?;
        answer.json()["name"].as_str().map(str::to_owned)
    })
    .await
}

#[tokio::test]
async fn data_survives_stop_and_down_and_nothing_survives_down_with_data() {
    let place = Place::new().await;
    let base = free_ports(CACHE_FALLBACK_PORTS);
    let port = base.to_string();
    let up = ["up", "cache-fallback", "-d", "--name", "shop", "--port-base", &port];
    place.must(&up).await.says("offers").says("ready");
    let first = status(&place).await;
    let everything_ready =
        ["cache", "primary", "replica", "offers", "offers-2"].map(|name| (name, "ready"));
    assert_eq!(states(&first), everything_ready);
    place.must(&up).await.says("is up already");
    assert_eq!(status(&place).await["supervisor"], first["supervisor"], "it is the same one");

    let written = http::put(base, OFFER, RENAMED).await.unwrap();
    assert_eq!(written.status, 200, "{}", written.body);
    let logs = place.must(&["logs", "primary"]).await;
    assert!(logs.stdout.contains("ready to accept connections"), "{}", logs.stdout);
    place.standfast(&["logs", "primry"]).await.exits(2).says("primry");

    place.must(&["stop"]).await.says("its data is kept");
    processes::wait_until_none(&place).await;
    let stopped = status(&place).await;
    assert_eq!(stopped["supervisor"], Value::Null);
    assert!(states(&stopped).iter().all(|(_, state)| *state == "stopped"), "{stopped}");
    place.must(&["start"]).await;
    let again = status(&place).await;
    assert_eq!(states(&again), everything_ready);
    assert_eq!(process(&again, "offers")["port"], base, "it keeps its ports");
    assert_eq!(offer_name(base).await.as_deref(), Some("Here to stay"));

    place.must(&["down"]).await.says("the next `up` finds its data");
    processes::wait_until_none(&place).await;
    assert_eq!(place.must(&["ps", "--json"]).await.json(), Value::Array(Vec::new()));
    place.must(&up).await;
    assert_eq!(offer_name(base).await.as_deref(), Some("Here to stay"));

    place.must(&["down", "--data"]).await;
    processes::wait_until_none(&place).await;
    assert_eq!(place.instances(), [""; 0], "nothing is left");
}

#[tokio::test]
async fn one_process_is_stopped_started_restarted_and_broken_by_its_name() {
    let place = Place::new().await;
    let base = free_ports(CACHE_FALLBACK_PORTS);
    let port = base.to_string();
    place.must(&["up", "cache-fallback", "-d", "--port-base", &port]).await;
    place.must(&["stop", "replica"]).await.says("replica is stopped");
    assert_eq!(process(&status(&place).await, "replica")["state"], "stopped");
    assert_eq!(http::get(base, "/health").await.unwrap().status, 200, "the others go on");
    place.must(&["start", "replica"]).await;
    place.standfast(&["stop", "replca"]).await.exits(2).says("did you mean `replica`?");

    let before = status(&place).await;
    place.must(&["restart", "offers"]).await;
    let after = status(&place).await;
    assert_ne!(process(&before, "offers")["pid"], process(&after, "offers")["pid"]);
    assert_eq!(process(&before, "cache")["pid"], process(&after, "cache")["pid"]);

    let pause = ["fault", "pause", "--target", "cache", "--for", "5s"];
    place.must(&pause).await.says("in effect");
    let paused = process(&status(&place).await, "cache").clone();
    assert_eq!(
        (paused["state"].as_str(), paused["fault"].as_str()),
        (Some("paused"), Some("pause"))
    );
    place.must(&["fault", "status"]).await.says("cache");
    place.standfast(&pause).await.exits(2).says("pause");
    let heals = wait_until(PATIENCE, || async {
        (process(&status(&place).await, "cache")["state"] == "ready").then_some(())
    });
    assert!(heals.await.is_some(), "it heals by itself");
    place.must(&["fault", "status"]).await.says("no fault is in effect");

    place.must(&["fault", "kill", "--target", "offers"]).await;
    let restarted = wait_until(PATIENCE, || async {
        let status = status(&place).await;
        let offers = process(&status, "offers");
        (offers["state"] == "ready" && offers["restarts"] == 1).then_some(())
    });
    assert!(restarted.await.is_some(), "the supervisor brings it back");
    place.must(&["fault", "failures"]).await.says("restarted").says("injected");
    place.must(&["down", "--data"]).await;
    processes::wait_until_none(&place).await;
}

#[tokio::test]
async fn two_systems_live_side_by_side() {
    let place = Place::new().await;
    let bases = [free_ports(CACHE_FALLBACK_PORTS), free_ports(CACHE_FALLBACK_PORTS)];
    for base in bases {
        let port = base.to_string();
        place.must(&["up", "cache-fallback", "-d", "--port-base", &port]).await;
    }
    let names = bases.map(|base| format!("cache-fallback-{base}"));
    assert_eq!(place.must(&["ps", "--json"]).await.json().as_array().map(Vec::len), Some(2));
    place.standfast(&["stop"]).await.exits(2).says(&names[0]).says(&names[1]);
    let written = http::put(bases[0], OFFER, RENAMED).await.unwrap();
    assert_eq!(written.status, 200);
    let other = http::get(bases[1], OFFER).await.unwrap();
    assert_ne!(other.json()["name"], "Here to stay", "their data is not the same");
    place.must(&["down", "--data", "--instance", &names[0]]).await;
    assert_eq!(place.instances(), [names[1].clone()]);
    assert_eq!(http::get(bases[1], OFFER).await.unwrap().status, 200, "the other one lives on");
    place.must(&["down", "--data"]).await;
    processes::wait_until_none(&place).await;
}

#[tokio::test]
async fn a_busy_port_names_who_holds_it() {
    let place = Place::new().await;
    let base = free_ports(CACHE_FALLBACK_PORTS);
    let _held = TcpListener::bind(("127.0.0.1", base + 1)).unwrap();
    let (port, busy) = (base.to_string(), format!("port {} of `offers-2`", base + 1));
    let own = format!("pid {} ", std::process::id());
    for detach in [None, Some("--detach")] {
        let words = ["up", "cache-fallback", "--port-base", &port];
        let words: Vec<&str> = words.into_iter().chain(detach).collect();
        place.standfast(&words).await.exits(3).says(&busy).says(&own);
    }
    processes::wait_until_none(&place).await;
}

#[tokio::test]
async fn ctrl_c_of_up_stops_everything_and_keeps_the_data() {
    let place = Place::new().await;
    let base = free_ports(CACHE_FALLBACK_PORTS);
    let port = base.to_string();
    let words = ["up", "cache-fallback", "--name", "shop", "--port-base", &port];
    let mut up = place.start(&words);
    up.wait_for("Ctrl-C stops it").await;
    assert_eq!(http::put(base, OFFER, RENAMED).await.unwrap().status, 200);
    up.signal(Signal::SIGINT);
    up.end().await.exits(0);
    processes::wait_until_none(&place).await;

    // While it comes up, as well.
    let mut up = place.start(&words);
    up.wait_for("Bringing cache-fallback up").await;
    up.signal(Signal::SIGINT);
    let code = up.end().await.code;
    assert!(code == Some(130) || code == Some(0), "{code:?}");
    processes::wait_until_none(&place).await;
    place.must(&["up", "cache-fallback", "-d", "--name", "shop", "--port-base", &port]).await;
    assert_eq!(offer_name(base).await.as_deref(), Some("Here to stay"));
    place.must(&["down", "--data"]).await;
}
