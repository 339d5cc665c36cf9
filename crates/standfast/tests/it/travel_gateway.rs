//! travelhub's gateway is killed while it takes requests for a service that is away, and while it
//! delivers them: whoever was told 202 finds that done, under one key, when the service is there.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpListener as Bound};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use standfast_engines::process::Signal;
use standfast_engines::wait_until;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::http;
use crate::place::Place;
use crate::program::Running;

const SEED: u64 = 7;

const KILLS: u32 = 6;
const CLIENTS: usize = 8;

/// Some requests are taken in this time, on the slowest machine as well.
const LIFE_MS_MAX: u64 = 300;

/// What a machine that builds beside the test may take.
const PATIENCE: Duration = Duration::from_secs(60);

fn free_port() -> u16 {
    let bound = Bound::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a free port");
    bound.local_addr().expect("it is bound").port()
}

/// How often each key came.
type Keys = Arc<Mutex<BTreeMap<String, u32>>>;

/// A gateway before a service at `service`, which it believes to be all of them.
async fn gateway(place: &Place, port: u16, service: u16) -> Running {
    let journal = place.directory().join("journal");
    let url = format!("http://127.0.0.1:{service}");
    let mut command = place.command(env!("CARGO_BIN_EXE_standfast"));
    for name in ["SEARCH_URLS", "RESERVATIONS_URLS", "INVENTORY_URLS", "MONITOR_URLS"] {
        command.env(name, &url);
    }
    command.env("JOURNAL_DIR", journal).env("BREAK_MAX", "500ms");
    command.args(["serve", "travelhub/gateway", "--port", &port.to_string()]);
    let running = Running::of(&mut command);
    let answers = || async { http::get(port, "/ready").await.ok() };
    wait_until(PATIENCE, answers).await.expect("the gateway comes up");
    running
}

/// Reserves until the gateway is gone; answers the keys that were acknowledged.
async fn reserve(port: u16, client: usize, life: u32) -> Vec<String> {
    let mut acknowledged = Vec::new();
    for number in 0.. {
        let key = format!("{life}-{client}-{number}");
        match http::post(port, "/api/reservations", "{}", &key).await {
            Ok(answer) => {
                assert_eq!(answer.status, 202, "{answer:?}");
                acknowledged.push(key);
            }
            Err(_) => break,
        }
    }
    acknowledged
}

/// A service that takes reservations, does each in `work`, and counts them by their keys.
async fn serve(listener: TcpListener, keys: Keys, work: Duration) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(answer(stream, Arc::clone(&keys), work));
    }
}

async fn answer(mut stream: TcpStream, keys: Keys, work: Duration) {
    let (mut request, mut buffer) = (String::new(), vec![0; 4096]);
    while let Ok(read @ 1..) = stream.read(&mut buffer).await {
        request.push_str(&String::from_utf8_lossy(&buffer[..read]));
        // The body of each is `{}`.
        if !request.ends_with("\r\n\r\n{}") {
            continue;
        }
        let lower = request.to_lowercase();
        let key = lower.split("idempotency-key: ").nth(1).and_then(|rest| rest.lines().next());
        let key = key.expect("whatever is delivered has its key").to_owned();
        *keys.lock().expect("nobody panics").entry(key).or_default() += 1;
        // What it takes to do it, after which it is done whether or not anybody hears of it.
        tokio::time::sleep(work).await;
        let answer = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}";
        if stream.write_all(answer).await.is_err() {
            return;
        }
        request.clear();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_was_told_202_finds_it_done_however_often_the_gateway_is_killed() {
    let place = Place::alone().await;
    let (port, service) = (free_port(), free_port());
    let mut rng = StdRng::seed_from_u64(SEED);
    let mut acknowledged = Vec::new();
    for life in 0..KILLS {
        let gateway = gateway(&place, port, service).await;
        let mut clients = JoinSet::new();
        for client in 0..CLIENTS {
            clients.spawn(reserve(port, client, life));
        }
        // In the middle of whatever it does by then; nothing waits for this.
        tokio::time::sleep(Duration::from_millis(rng.random_range(50..=LIFE_MS_MAX))).await;
        gateway.signal(Signal::SIGKILL);
        drop(gateway.end().await);
        acknowledged.extend(clients.join_all().await.into_iter().flatten());
    }
    assert!(!acknowledged.is_empty(), "nothing was taken (seed {SEED})");
    let keys = Keys::default();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, service)).await.expect("it is free");
    let mut serving = JoinSet::new();
    serving.spawn(serve(listener, Arc::clone(&keys), Duration::ZERO));
    let _gateway = gateway(&place, port, service).await;
    all_done(port, &acknowledged).await;
    let keys = keys.lock().expect("nobody panics");
    // The service was there all the time, so that none of them is delivered twice.
    let twice: Vec<_> = keys.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twice.is_empty(), "{twice:?} (seed {SEED})");
    assert!(acknowledged.iter().all(|key| keys.contains_key(key)), "(seed {SEED})");
}

/// Each of `acknowledged` comes to be done.
async fn all_done(port: u16, acknowledged: &[String]) {
    for key in acknowledged {
        let path = format!("/api/pending/{key}");
        let is_done = || async {
            let answer = http::get(port, &path).await.ok()?;
            (answer.json()["state"] == "done").then(|| answer.json()["status"].clone())
        };
        let status = wait_until(PATIENCE, is_done).await;
        assert_eq!(status, Some(201.into()), "{key} (seed {SEED})");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_taken_is_delivered_under_its_key_however_often_the_gateway_is_killed_at_it() {
    const REQUESTS: usize = 120;
    // Three kills leave some for the last life.
    const BETWEEN_KILLS: usize = 25;
    let place = Place::alone().await;
    let (port, service) = (free_port(), free_port());
    let mut running = gateway(&place, port, service).await;
    let mut acknowledged = Vec::new();
    for number in 0..REQUESTS {
        let key = format!("key-{number}");
        let answer = http::post(port, "/api/reservations", "{}", &key).await.expect("it lives");
        assert_eq!(answer.status, 202, "{answer:?}");
        acknowledged.push(key);
    }
    let keys = Keys::default();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, service)).await.expect("it is free");
    let mut serving = JoinSet::new();
    serving.spawn(serve(listener, Arc::clone(&keys), Duration::from_millis(20)));
    let seen = || keys.lock().expect("nobody panics").len();
    for kill in 1..=3 {
        let is_at_it = || async { (seen() >= kill * BETWEEN_KILLS).then_some(()) };
        wait_until(PATIENCE, is_at_it).await.expect("it delivers");
        running.signal(Signal::SIGKILL);
        drop(running.end().await);
        running = gateway(&place, port, service).await;
    }
    all_done(port, &acknowledged).await;
    let keys = keys.lock().expect("nobody panics");
    assert_eq!(keys.len(), REQUESTS, "nothing is delivered that nobody asked for");
    // A delivery whose end was not written down yet is made again, under the same key.
    let often: Vec<_> = keys.iter().filter(|(_, count)| **count > 4).collect();
    assert!(often.is_empty(), "more often than the gateway was killed: {often:?}");
}
