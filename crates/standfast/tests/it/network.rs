//! Network faults as a user injects them, and on the links between real databases.

#![expect(clippy::unwrap_used, reason = "helpers of a test fail by panicking, as tests do")]

use std::time::Duration;

use serde_json::Value;
use standfast_engines::wait_until;
use standfast_lab::fault::{Fault, FaultKind, Hold};
use standfast_lab::instance::{Clock, Data, Network};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::place::{Place, free_ports};
use crate::system::{connect, linked_cache_fallback};
use crate::{http, processes};

const OFFER: &str = "/offers/01935b00-0000-7000-8000-100000000001";

/// Bounds a test that fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// Longer than an answer takes over a link that is whole, even here.
const SILENCE: Duration = Duration::from_millis(300);

const PAIR: &str = r#"name = "pair"
title = "A cache and one who uses it"
[engine.cache]
kind = "valkey"
port = 6379
[service.web]
run = ["sleep", "600"]
port = 5000
env = { CACHE_URL = "{cache.url}" }
ready = { command = ["true"] }
"#;

async fn links(place: &Place) -> Vec<Value> {
    let status = place.must(&["ps", "--json"]).await.json();
    status[0]["links"].as_array().unwrap().clone()
}

/// Asks the cache over the link; it refuses whoever gives no password, which is an answer.
async fn ask(stream: &mut TcpStream) -> Option<()> {
    let mut answer = [0; 7];
    let read = tokio::time::timeout(SILENCE, stream.read_exact(&mut answer)).await;
    read.ok()?.unwrap();
    assert_eq!(&answer, b"-NOAUTH");
    Some(())
}

#[tokio::test]
async fn a_link_is_cut_and_slowed_by_commands_and_heals() {
    let place = Place::new().await;
    place.write("pair/system.toml", PAIR);
    let port = free_ports(2).to_string();
    place.must(&["up", "pair", "-d", "--name", "pair", "--port-base", &port]).await;
    let link = links(&place).await.remove(0);
    assert_eq!(link["edge"], "web:cache");
    let listener = u16::try_from(link["port"].as_u64().unwrap()).unwrap();

    let cut = ["fault", "cut", "--target", "web:cache"];
    place.must(&cut).await.says("cut web:cache is in effect: 1 link cut, 0 connections silent");
    place.must(&["fault", "status"]).await.says("cut").says("when cleared");
    place.must(&["ps"]).await.says("link web:cache: fault: cut");
    place.standfast(&cut).await.exits(2).says("`web:cache` is held by the fault `cut` already");
    let mut stream = TcpStream::connect(("127.0.0.1", listener)).await.unwrap();
    stream.write_all(b"PING\r\n").await.unwrap();
    assert_eq!(ask(&mut stream).await, None, "silence");
    let slow = ["fault", "latency", "--target", "cache", "--delay", "100ms", "--jitter", "10ms"];
    let slow = [slow.as_slice(), &["--for", "1500ms"]].concat();
    place.must(&slow).await.says("latency (100ms ± 10ms) cache is in effect");
    place.must(&["fault", "clear", "--target", "web:cache"]).await;
    let answered = tokio::time::timeout(PATIENCE, stream.readable()).await;
    assert!(answered.is_ok() && ask(&mut stream).await.is_some(), "it flows on");
    let heals = wait_until(PATIENCE, || async {
        let status = place.must(&["fault", "status"]).await;
        status.stderr.contains("no fault is in effect").then_some(())
    });
    assert!(heals.await.is_some(), "the latency heals by itself");
    place.must(&["fault", "failures"]).await.says("1 link cut").says("connections=1");

    let wrong = async |words: &[&str], says: &str| {
        place.standfast(&[&["fault"], words].concat()).await.exits(2).says(says);
    };
    wrong(&["cut", "--target", "web:cahce"], "did you mean `cache`?").await;
    wrong(&["cut", "--target", "web"], "no edge leads to `web`").await;
    wrong(&["partition", "--target", "web cache"], "needs two sides").await;
    wrong(&["latency", "--target", "cache"], "--delay").await;
    wrong(&["latency", "--target", "cache", "--delay", "5"], "no duration").await;
    wrong(&["bandwidth", "--target", "cache", "--rate", "5"], "no data rate").await;
    drop(stream);
    let closed = wait_until(PATIENCE, || async {
        links(&place).await.iter().all(|link| link["connections"] == 0).then_some(())
    });
    assert!(closed.await.is_some(), "the proxy sees that the client has left");
    let in_vain = place.standfast(&["fault", "reset", "--target", "cache"]).await.exits(4);
    in_vain.says("no connection is open");
    place.must(&["down", "--data"]).await;
    processes::wait_until_none(&place).await;
}

#[tokio::test]
async fn links_stay_direct_or_not_when_a_system_is_started_again() {
    let place = Place::new().await;
    place.write("pair/system.toml", PAIR);
    let port = free_ports(2).to_string();
    let up = ["up", "pair", "-d", "--name", "pair", "--port-base", &port];
    place.must(&up).await;
    for words in [&["stop"], &["start"]] {
        place.must(words).await;
    }
    assert_eq!(links(&place).await.len(), 1);
    place.must(&["down"]).await;
    place.must(&[up.as_slice(), &["--direct"]].concat()).await;
    for words in [&["stop"], &["start"]] {
        place.must(words).await;
    }
    assert!(links(&place).await.is_empty());
    let refused = place.standfast(&["fault", "cut", "--target", "cache"]).await.exits(2);
    refused.says("`web:cache` does not lead through the fault proxy").says("direct links");
    place.must(&["down", "--data"]).await;
    processes::wait_until_none(&place).await;
}

#[tokio::test]
async fn the_list_shows_the_edges_of_a_system() {
    let place = Place::new().await;
    let listed = place.must(&["list"]).await.says("offers:replica").says("replica:primary");
    assert!(listed.stdout.contains("partition"), "faults are listed: {}", listed.stdout);
    let listed = place.must(&["list", "--json"]).await.json();
    let edges = listed["systems"][0]["edges"].as_array().unwrap();
    assert!(edges.contains(&Value::from("offers:cache")), "{edges:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_behind_a_cut_link_comes_to_the_replica_when_it_is_healed() {
    let place = Place::new().await;
    let clock = Clock::started();
    let (instance, _events) = linked_cache_fallback(&place, &[], &clock, Network::All).await;
    let primary = connect(&instance, "primary").await.unwrap();
    let replica = connect(&instance, "replica").await.unwrap();
    primary.batch_execute("CREATE TABLE seen (number integer)").await.unwrap();
    let count = async || {
        let counted = replica.query_one("SELECT count(*) FROM seen", &[]).await;
        counted.ok().map(|row| row.get::<_, i64>(0))
    };
    let arrives = |number: i64| {
        let count = &count;
        wait_until(PATIENCE, move || async move { (count().await == Some(number)).then_some(()) })
    };
    assert!(arrives(0).await.is_some(), "it replicates over the link");

    let cut = Fault::new(FaultKind::Cut, "replica:primary");
    let injected = instance.inject(&cut, Hold::UntilHealed).await.unwrap();
    assert_eq!(injected.evidence.text, "1 link cut, 1 connection silent");
    primary.batch_execute("INSERT INTO seen VALUES (1)").await.unwrap();
    let seen = wait_until(SILENCE, || async { (count().await == Some(1)).then_some(()) }).await;
    assert_eq!(seen, None, "the replica does not hear of it");
    let cache = Fault::new(FaultKind::Cut, "cache");
    let without_cache = instance.inject(&cache, Hold::UntilHealed).await.unwrap();
    let offers = instance.endpoint("offers").unwrap().port();
    let falls_back = wait_until(PATIENCE, || async {
        let answer = http::get(offers, OFFER).await.ok()?;
        (answer.status == 200).then_some(())
    });
    assert!(falls_back.await.is_some(), "it answers without the cache");
    instance.heal(without_cache).await.unwrap();

    let hit = instance.heal(injected).await.unwrap().hit.unwrap();
    assert!(hit.bytes > 0, "{hit:?}");
    assert!(arrives(1).await.is_some(), "it catches up");
    instance.shutdown(Data::Delete).await.unwrap();
}
