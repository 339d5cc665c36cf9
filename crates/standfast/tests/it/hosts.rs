//! Hosts of their own as a user has them: brought up, isolated, and there again after a stop.

use std::time::Duration;

use standfast_engines::hosts::Network;
use standfast_engines::process::{Guardian, Spawner};
use tokio::net::TcpStream;

use crate::place::{Place, free_ports};
use crate::processes;

/// Longer than an answer takes, even here.
const SILENCE: Duration = Duration::from_millis(300);

const PAIR: &str = r#"name = "pair"
title = "A cache and one who uses it"
[engine.cache]
kind = "valkey"
port = 6379
[service.web]
run = ["sleep", "600"]
env = { CACHE_URL = "{cache.url}", OWN = "{host}" }
"#;

/// Where `ps` says that the cache is.
async fn cache(place: &Place) -> String {
    let status = place.must(&["ps", "--json"]).await.json();
    let processes = status[0]["processes"].as_array().expect("a list");
    let cache = processes.iter().find(|process| process["name"] == "cache");
    let cache = cache.expect("it is listed");
    format!("{}:{}", cache["host"].as_str().expect("a text"), cache["port"])
}

async fn is_reached(address: &str) -> bool {
    tokio::time::timeout(SILENCE, TcpStream::connect(address)).await.is_ok()
}

#[tokio::test]
async fn a_host_is_isolated_by_command_and_there_again_after_a_stop() {
    if let Err(error) = Network::try_out(&Spawner::start(Guardian::None).unwrap()).await {
        assert!(error.is_lack(), "{error}");
        println!("skipped: {error}");
        return;
    }
    let place = Place::new().await;
    place.write("pair/system.toml", PAIR);
    let port = free_ports(1).to_string();
    place.must(&["up", "pair", "-d", "--hosts", "--name", "pair", "--port-base", &port]).await;
    let address = cache(&place).await;
    place.must(&["ps"]).await.says(&address);
    assert!(is_reached(&address).await);

    let isolate = ["fault", "isolate", "--target", "cache"];
    place.must(&isolate).await.says("isolate cache is in effect: host").says("is silent");
    assert!(!is_reached(&address).await);
    place.must(&["ps"]).await.says("fault: isolate");
    place.must(&["fault", "status"]).await.says("isolate").says("when cleared");
    place.standfast(&isolate).await.exits(2).says("is held by the fault `isolate` already");
    let cut = ["fault", "cut", "--target", "cache"];
    place.standfast(&cut).await.exits(2).says("direct links");
    place.must(&["fault", "clear"]).await;
    assert!(is_reached(&address).await);

    for words in [&["stop"], &["start"]] {
        place.must(words).await;
    }
    assert!(is_reached(&cache(&place).await).await, "it has a host again");
    place.must(&["down", "--data"]).await;
    processes::wait_until_none(&place).await;
}
