//! The soak: random `kill -9` of any one process of cache-fallback while clients read and write.
//!
//! `cargo xtask soak 200` is the long one; the number of kills and the seed come from
//! `STANDFAST_SOAK_KILLS` and `STANDFAST_SOAK_SEED`; with a folder in `STANDFAST_SOAK_EVIDENCE`,
//! history, kills and logs are kept there.

#![expect(clippy::unwrap_used, reason = "helpers of a test fail by panicking, as tests do")]

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use standfast_checker::StalenessBounds;
use standfast_engines::process::Signal;
use standfast_engines::wait_until;
use standfast_history::{Event, write_jsonl};
use standfast_lab::instance::{Clock, Data, Instance, ProcessState};
use standfast_loadgen::{
    Arrivals, Load, LoadPlan, ObserveSpec, Scenario, ScenarioSpec, VariableSpec,
};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::http;
use crate::place::Place;
use crate::processes;
use crate::soak_history::{Disturbance, Final, SoakHistory};
use crate::soak_victim::{PROCESSES, Victim, draw};
use crate::system::{cache_fallback, connect};

/// So few keep a test run short; the long soak is a task of its own.
const KILLS_DEFAULT: u32 = 12;

/// Short lives, so that copies expire and are overtaken many times.
const TTL: Duration = Duration::from_secs(1);
const STALE_FOR: Duration = Duration::from_secs(2);
const LAG_MAX: Duration = Duration::from_secs(1);

/// A request of 250 ms, an answer that is shared for a second while the cache is away, and the
/// 200 ms between two heartbeats.
const MARGIN: Duration = Duration::from_millis(1450);

/// No process takes this long to come back: PostgreSQL replays some megabytes of its log at most.
const RESTORED_WITHIN: Duration = Duration::from_secs(30);

/// What the whole soak may take for each kill, beside a minute for everything else.
const SECONDS_PER_KILL: u64 = 5;

/// Few offers, so that each is read and written often.
const OFFERS: std::ops::RangeInclusive<u64> = 100_000_000_001..=100_000_000_024;

fn number(variable: &str, default: u64) -> u64 {
    let text = std::env::var(variable).ok().filter(|text| !text.is_empty());
    text.map_or(default, |text| text.parse().expect("a number"))
}

struct Soak {
    instance: Instance,
    events: mpsc::Receiver<Event>,
    clock: Clock,
    port: u16,
}

impl Soak {
    async fn up(place: &Place) -> Self {
        let times = [("CACHE_TTL", TTL), ("STALE_FOR", STALE_FOR), ("REPLICA_LAG_MAX", LAG_MAX)];
        let clock = Clock::new();
        let (instance, events) = cache_fallback(place, &times, &clock).await;
        let port = instance.endpoint("offers").unwrap().port();
        Self { instance, events, clock, port }
    }

    fn load(&self, seed: u64, at_most: Duration) -> Load {
        let target = self.instance.endpoint("offers").unwrap();
        let plan = |name: &str, spec: &ScenarioSpec, rate_per_s: f64| LoadPlan {
            scenario: Scenario::compile(name, spec).unwrap(),
            target,
            rate_per_s,
            arrivals: Arrivals::Poisson,
            start: Duration::ZERO,
            duration: at_most,
            // The service promises 300 ms; a machine that is busy with something else may need
            // more.
            timeout: Duration::from_secs(2),
            connections_max: 64,
            seed,
        };
        let system = self.instance.system();
        let plans = vec![
            plan("read", &read(), 120.0),
            plan("write", &write(), 30.0),
            plan("search", &system.scenarios["search-hot"], 20.0),
        ];
        let origin = Instant::now();
        self.clock.start(origin);
        standfast_loadgen::start(plans, origin).unwrap()
    }

    /// Kills one process, and waits until all of the system is as it was.
    async fn kill_one(&self, rng: &mut StdRng) -> Disturbance {
        let victim = loop {
            // Between two looks a process may have gone by itself, such as an autovacuum worker.
            let drawn = draw(&self.instance, rng);
            let killed_us = self.clock.now_us();
            if let Some(victim) = drawn
                && victim.id.signal(Signal::SIGKILL)
            {
                break (victim, killed_us);
            }
        };
        let (victim, killed_us) = victim;
        let restored = wait_until(RESTORED_WITHIN, || self.is_restored(&victim));
        if restored.await.is_none() {
            let processes = self.instance.processes();
            let answer = http::get(self.port, "/ready").await;
            let log =
                std::fs::read_to_string(self.instance.log(victim.process)).unwrap_or_default();
            let end: Vec<&str> = log.lines().rev().take(30).collect();
            panic!("not restored after {victim:?}: {processes:#?}\n{answer:?}\n{end:#?}");
        }
        let restored_us = self.clock.now_us();
        Disturbance { process: victim.process, label: victim.label, killed_us, restored_us }
    }

    /// Whether nothing of the victim is left, everything runs and the service uses all of it.
    async fn is_restored(&self, victim: &Victim) -> Option<()> {
        self.answers_are_controlled().await;
        let is_gone = victim.tree.iter().all(|id| !id.is_alive());
        let processes = self.instance.processes();
        // The supervisor learns of an end a moment after it, and until then says that all is well.
        let are_ready = processes.iter().all(|process| {
            process.state == ProcessState::Ready && process.pid != Some(victim.id.pid)
        });
        if !is_gone || !are_ready {
            return None;
        }
        for database in ["primary", "replica"] {
            connect(&self.instance, database).await?.query_one("SELECT 1", &[]).await.ok()?;
        }
        let ready = http::get(self.port, "/ready").await.ok().filter(|it| it.status == 200)?;
        let ready = ready.json();
        let is_usable = |name: &str| ready["dependencies"][name] == "usable";
        ["primary", "replica", "cache"].iter().all(|name| is_usable(name)).then_some(())
    }

    /// What the load generator does not record: errors explain themselves, and say when to retry.
    async fn answers_are_controlled(&self) {
        let path = format!("/offers/01935b00-0000-7000-8000-{}", OFFERS.start());
        // While the service itself is away there is no answer, and the load notices that.
        let Ok(answer) = http::get(self.port, &path).await else { return };
        if answer.status == 200 {
            return;
        }
        assert_eq!(answer.status, 503, "{answer:?}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{answer:?}");
        assert!(answer.header("retry-after").is_some(), "{answer:?}");
        assert!(answer.json()["title"].is_string(), "{answer:?}");
    }

    /// What the primary has.
    async fn stored(&self) -> BTreeMap<String, Final> {
        let client = connect(&self.instance, "primary").await.expect("it is restored");
        let query = "SELECT right(id::text, 12), version, price_cents FROM offers \
                     WHERE id::text LIKE '01935b00-0000-7000-8000-1000000000__'";
        let rows = client.query(query, &[]).await.unwrap();
        let stored = rows.iter().map(|row| {
            let version = i64::from(row.get::<_, i32>(1));
            (row.get(0), Final { version, value: row.get::<_, i32>(2).to_string() })
        });
        stored.collect()
    }

    /// In the end clients see what the primary has, and nothing calls itself old.
    async fn converges(&self, last: &BTreeMap<String, Final>) {
        for key in OFFERS.map(|number| number.to_string()) {
            let path = format!("/offers/01935b00-0000-7000-8000-{key}");
            let shown = wait_until(RESTORED_WITHIN, || async {
                let answer = http::get(self.port, &path).await.ok()?;
                let is_fresh = answer.header("x-stale") == Some("false");
                let version = answer.json()["version"].as_i64();
                (is_fresh && version == Some(last[&key].version)).then_some(())
            });
            assert!(shown.await.is_some(), "offer {key} never shows {:?}", last[&key]);
        }
    }
}

fn read() -> ScenarioSpec {
    ScenarioSpec {
        service: "offers".to_owned(),
        method: "GET".to_owned(),
        path: "/offers/01935b00-0000-7000-8000-{number}".to_owned(),
        headers: BTreeMap::new(),
        body: None,
        variables: [("number".to_owned(), any_offer())].into(),
        success: vec![200],
        uncertain: None,
        observe: ObserveSpec {
            id: None,
            key: Some("{number}".to_owned()),
            version: Some("header:ETag".to_owned()),
            value: Some("body:/price_cents".to_owned()),
            sent: None,
        },
        write: None,
    }
}

/// Every write has a price of its own, so that a value tells which write it is of.
fn write() -> ScenarioSpec {
    let body = r#"{"name":"Soaked","stars":4,"guests":4,"price_cents":{price},
        "currency":"EUR","amenities":["pool"]}"#;
    let headers = [("Content-Type", "application/json"), ("Idempotency-Key", "{attempt}")];
    ScenarioSpec {
        method: "PUT".to_owned(),
        headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        body: Some(body.to_owned()),
        variables: [
            ("number".to_owned(), any_offer()),
            ("attempt".to_owned(), VariableSpec::Uuid(true)),
            ("price".to_owned(), VariableSpec::Sequence { from: 100_000 }),
        ]
        .into(),
        observe: ObserveSpec { value: Some("{price}".to_owned()), ..read().observe },
        ..read()
    }
}

fn any_offer() -> VariableSpec {
    let bound = |number: &u64| i64::try_from(*number).unwrap();
    VariableSpec::Integer { from: bound(OFFERS.start()), to: bound(OFFERS.end()) }
}

/// For those who look for the cause of a complaint.
fn keep_evidence(instance: &Instance, history: &SoakHistory, folder: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    write_jsonl(&folder.join("history.jsonl"), &history.operations).unwrap();
    write_jsonl(&folder.join("kills.jsonl"), &history.disturbances).unwrap();
    for name in PROCESSES {
        std::fs::copy(instance.log(name), folder.join(format!("{name}.log"))).unwrap();
    }
}

/// Events that show a failure of the supervision, in words.
fn complaints(events: &mut mpsc::Receiver<Event>) -> Vec<String> {
    let mut complaints = Vec::new();
    while let Ok(event) = events.try_recv() {
        if event.event == "crash_loop" {
            complaints.push(format!("{event:?}"));
        }
    }
    complaints
}

#[tokio::test(flavor = "multi_thread")]
async fn random_kills_leave_no_wrong_answer_no_lost_write_and_no_orphan() {
    let kills = number("STANDFAST_SOAK_KILLS", KILLS_DEFAULT.into());
    let seed = number("STANDFAST_SOAK_SEED", rand::random::<u32>().into());
    eprintln!("soak: {kills} kills, STANDFAST_SOAK_SEED={seed}");
    let place = Place::alone().await;
    let at_most = Duration::from_secs(60 + kills * SECONDS_PER_KILL);
    let mut rng = StdRng::seed_from_u64(seed);
    let mut soak = Soak::up(&place).await;
    let initial = soak.stored().await;
    let started = Instant::now();
    let load = soak.load(seed, at_most);
    let mut disturbances = Vec::new();
    for _ in 0..kills {
        // Not only a system at rest is hit, but also one that is just filling its pools and cache.
        let pause = Duration::from_millis(rng.random_range(100..1500));
        tokio::time::sleep(pause).await;
        disturbances.push(soak.kill_one(&mut rng).await);
        let took = started.elapsed();
        assert!(took < at_most, "{} kills took {took:?}", disturbances.len());
    }
    load.stop();
    let operations = load.finish().await.into_iter().flat_map(|load| load.operations).collect();
    let last = soak.stored().await;
    soak.converges(&last).await;

    let us = |time: Duration| u64::try_from(time.as_micros()).unwrap();
    let bounds = StalenessBounds {
        fresh_within_us: us(TTL + LAG_MAX + MARGIN),
        stale_within_us: us(TTL + STALE_FOR + LAG_MAX + MARGIN),
    };
    let history = SoakHistory { operations, disturbances, initial, last, bounds };
    if let Some(folder) = std::env::var_os("STANDFAST_SOAK_EVIDENCE") {
        keep_evidence(&soak.instance, &history, Path::new(&folder));
    }
    eprintln!("soak: {}\nsoak: took {:?}", history.summary(), started.elapsed());
    let mut complaints = [history.complaints(), complaints(&mut soak.events)].concat();
    soak.instance.shutdown(Data::Delete).await.unwrap();
    processes::wait_until_none(&place).await;
    complaints.extend(place.instances().iter().map(|left| format!("folder {left} is left")));
    let shown = complaints.iter().take(20).fold(String::new(), |mut text, complaint| {
        writeln!(text, "{complaint}").unwrap();
        text
    });
    assert!(complaints.is_empty(), "seed {seed}, {} complaints:\n{shown}", complaints.len());
}
