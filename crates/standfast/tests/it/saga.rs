//! order-saga on real engines, for tests that kill parts of it and look into its databases.
//!
//! What a client was promised is compared with what the applications show, and what the watchdog
//! decides with what both servers say of themselves.

#![expect(clippy::unwrap_used, reason = "helpers of a test fail by panicking, as tests do")]

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use standfast_engines::wait_until;
use standfast_history::Event;
use standfast_lab::fault::{Fault, FaultKind, Hold, Injected};
use standfast_lab::instance::{Clock, Data, Instance, Network};
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::http::{self, Answer};
use crate::place::Place;
use crate::saga_writers::writable;
use crate::system::{Wanted, bring_up};

/// Bounds a test that fails: a failover and the way back of the old primary take a few seconds.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Both servers of the orders.
pub(crate) const SERVERS: [&str; 2] = ["orders-a", "orders-b"];

pub(crate) const WATCHDOG: &str = "watchdog-orders";

/// Of the watchdog's log, in what a test that fails shows.
const LOG_LINES: usize = 40;

/// A system that is up.
pub(crate) struct Saga {
    pub(crate) instance: Instance,
    /// Open for as long as the instance tells something.
    _events: mpsc::Receiver<Event>,
    _place: Place,
}

impl Saga {
    pub(crate) async fn up() -> Self {
        // Six databases fill two cores; besides, the end of another test ends what this one starts.
        let place = Place::alone().await;
        // Tests kill more often than a watchdog would go along with.
        let tireless = BTreeMap::from([("FAILOVERS_MAX".to_owned(), "1000".to_owned())]);
        let watchdogs = ["watchdog-stock", WATCHDOG, "watchdog-reports"];
        let environment = watchdogs.map(|name| (name.to_owned(), tireless.clone())).into();
        let wanted = Wanted { system: "order-saga", environment, network: Network::Direct };
        let (instance, events) = bring_up(&place, wanted, &Clock::started()).await;
        Self { instance, _events: events, _place: place }
    }

    pub(crate) async fn down(self) {
        self.instance.shutdown(Data::Delete).await.unwrap();
    }

    /// Where a service takes requests, or an engine that speaks HTTP.
    pub(crate) fn port(&self, name: &str) -> u16 {
        let url = self.instance.url(name).unwrap();
        url.rsplit_once(':').unwrap().1.trim_end_matches('/').parse().unwrap()
    }

    /// What it answers; null when it does not.
    pub(crate) async fn get(&self, service: &str, path: &str) -> Value {
        http::get(self.port(service), path).await.map_or(Value::Null, |answer| answer.json())
    }

    /// Asks the middleware to order under `key`.
    pub(crate) async fn order(&self, body: &str, key: &str) -> Answer {
        http::post(self.port("middleware"), "/orders", body, key).await.unwrap()
    }

    /// Waits until `is_so` of what a service answers; answers that.
    pub(crate) async fn wait(
        &self,
        service: &str,
        path: &str,
        is_so: impl Fn(&Value) -> bool,
    ) -> Value {
        let seen = wait_until(PATIENCE, || async {
            let answer = self.get(service, path).await;
            is_so(&answer).then_some(answer)
        });
        match seen.await {
            Some(answer) => answer,
            None => {
                let answer = self.get(service, path).await;
                panic!("{service} {path}: {answer:#}\n{}", self.trouble().await)
            }
        }
    }

    /// Waits until the watchdog sends clients to another primary than `before`.
    pub(crate) async fn has_failed_over(&self, before: &str) {
        let is_so = |status: &Value| {
            let primary = status["primary"].as_str();
            primary.is_some_and(|now| now != before) && status["routed"] == true
        };
        self.wait(WATCHDOG, "/status", is_so).await;
    }

    /// Waits until one server is the primary and the other one its replica that holds everything:
    /// so say the watchdog, the router and both servers themselves. Answers the primary.
    pub(crate) async fn at_rest(&self) -> &'static str {
        let rest = wait_until(PATIENCE, || async {
            let status = self.get(WATCHDOG, "/status").await;
            let primary = SERVERS.into_iter().find(|server| status["primary"] == *server)?;
            let is_rest = is_rest(&status, primary) && writable(self).await == [primary];
            is_rest.then_some(primary)
        });
        match rest.await {
            Some(primary) => primary,
            None => panic!("no rest: {}", self.trouble().await),
        }
    }

    pub(crate) async fn inject(&self, kind: FaultKind, target: &str) -> Injected {
        self.instance.inject(&Fault::new(kind, target), Hold::UntilHealed).await.unwrap()
    }

    pub(crate) async fn heal(&self, injected: Injected) {
        self.instance.heal(injected).await.unwrap();
    }

    /// `kill -9` of a service, after which the supervisor brings it back.
    pub(crate) async fn kill(&self, service: &str) {
        let kill = Fault::new(FaultKind::Kill, service);
        let killed = self.instance.inject(&kill, Hold::No).await.unwrap();
        self.heal(killed).await;
    }

    /// `kill -9` of a database, which only its watchdog may bring back.
    pub(crate) async fn kill_database(&self, node: &str) {
        let kill = Fault::new(FaultKind::Kill, node);
        self.instance.inject(&kill, Hold::No).await.unwrap().leave();
    }

    /// Waits until no saga goes on.
    pub(crate) async fn all_sagas_end(&self) {
        for state in ["running", "compensating", "parked"] {
            let none = |answer: &Value| answer["sagas"].as_array().is_some_and(Vec::is_empty);
            self.wait("middleware", &format!("/sagas?state={state}"), none).await;
        }
    }

    /// What a test that fails shows.
    pub(crate) async fn trouble(&self) -> String {
        let writable = writable(self).await;
        let status = self.get(WATCHDOG, "/status").await;
        let log = std::fs::read_to_string(self.instance.log(WATCHDOG)).unwrap_or_default();
        let last: Vec<&str> = log.lines().rev().take(LOG_LINES).collect();
        let processes: Vec<String> =
            self.instance.processes().iter().map(|one| format!("{one:?}")).collect();
        let ready = self.get("app2", "/ready").await;
        format!(
            "{writable:?} take writes\n{status:#}\n{}\napp2: {ready}\n{}",
            processes.join("\n"),
            last.join("\n"),
        )
    }

    /// All rows of a list that is shown in pages.
    pub(crate) async fn rows(&self, service: &str, list: &str) -> Vec<Value> {
        let mut rows = Vec::new();
        let mut after = String::new();
        loop {
            let path = format!("/{list}?limit=1000{after}");
            let page = self.wait(service, &path, |page| page[list].is_array()).await;
            rows.extend_from_slice(page[list].as_array().unwrap());
            match page["next_after"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => return rows,
            }
        }
    }
}

/// The id of an order in an answer.
pub(crate) fn order_id(answer: &Value) -> Uuid {
    answer["order_id"].as_str().unwrap().parse().unwrap()
}

fn is_rest(status: &Value, primary: &str) -> bool {
    let is_well = |node: &Value| match node["name"] == primary {
        true => node["writable"] == true,
        false => node["writable"] == false && node["follows"].is_string(),
    };
    status["settled"] == true
        && status["fenced"] == json!({})
        && status["router"]["ready"] == json!([primary])
        && status["nodes"].as_array().is_some_and(|nodes| nodes.iter().all(is_well))
}
