//! What one scenario was answered is what another one asks for.

use std::collections::BTreeSet;
use std::time::Duration;

use standfast_history::Outcome;
use standfast_loadgen::{LoadError, LoadPlan, Scenario, ScenarioSpec};
use tokio::time::Instant;

use crate::plan;
use crate::server::{Behaviour, Server};

const ORDER: &str = "service = 'orders'
    path = '/orders/{id}'
    variables.id = { uuid = true }
    observe = { id = '{id}' }";

const CANCEL: &str = "service = 'orders'
    method = 'POST'
    path = '/orders/{order}/cancel'
    headers = { Idempotency-Key = '{order}' }
    variables.order = { answered = 'order' }
    observe = { id = '{order}', value = 'body:/head' }";

fn named(name: &str, toml: &str) -> Scenario {
    let spec: ScenarioSpec = toml::from_str(toml).expect("a valid scenario");
    Scenario::compile(name, &spec).expect("a valid scenario")
}

#[tokio::test]
async fn each_id_that_was_answered_is_asked_for_once() {
    let server = Server::start(Behaviour::Echo).await;
    let orders = plan(named("order", ORDER), server.address);
    let cancels = LoadPlan {
        rate_per_s: 100.0,
        start: Duration::from_millis(200),
        duration: Duration::from_millis(300),
        ..plan(named("cancel", CANCEL), server.address)
    };
    let load = standfast_loadgen::start(vec![cancels, orders], Instant::now());
    let outcomes = load.expect("valid plans").finish().await;
    let [cancels, orders] = outcomes.as_slice() else { panic!("two plans have two outcomes") };
    let made: BTreeSet<&String> = orders
        .operations
        .iter()
        .filter(|operation| operation.outcome == Outcome::Ok)
        .filter_map(|operation| operation.id.as_ref())
        .collect();
    let sent = cancels.operations.iter().filter(|cancel| cancel.sent_us.is_some());
    // The nil UUID stands in when a busy machine has answered nothing yet.
    let nil = "00000000-0000-0000-0000-000000000000";
    let taken: Vec<&String> =
        sent.clone().filter_map(|cancel| cancel.id.as_ref()).filter(|id| *id != nil).collect();
    assert!(!taken.is_empty(), "{:?}", cancels.operations);
    assert!(taken.iter().all(|id| made.contains(*id)), "{taken:?}");
    assert_eq!(taken.iter().collect::<BTreeSet<_>>().len(), taken.len(), "none comes twice");
    for cancel in sent.filter(|cancel| cancel.outcome == Outcome::Ok) {
        let (id, head) = (cancel.id.as_deref(), cancel.value.as_deref());
        let (id, head) = (id.expect("observed"), head.expect("observed"));
        assert_eq!(head.matches(id).count(), 2, "in the path and in the header: {head}");
    }
}

#[tokio::test]
async fn without_load_on_the_other_scenario_there_is_nothing_to_ask_for() {
    let server = Server::start(Behaviour::Echo).await;
    let blind = named("order", "service = 'orders'\npath = '/'");
    for plans in [
        vec![plan(named("cancel", CANCEL), server.address)],
        vec![plan(named("cancel", CANCEL), server.address), plan(blind, server.address)],
    ] {
        let error = standfast_loadgen::start(plans, Instant::now()).expect_err("nothing answers");
        let LoadError::Plan { scenario, reason } = error else { panic!("{error}") };
        assert_eq!(scenario, "order");
        assert!(reason.contains("no load or observes none"), "{reason}");
    }
}

#[test]
fn all_ids_of_a_scenario_come_from_one_other() {
    let two = "service = 'orders'
        path = '/{a}/{b}'
        variables.a = { answered = 'order' }
        variables.b = { answered = 'report' }";
    let spec: ScenarioSpec = toml::from_str(two).expect("a valid text");
    let error = Scenario::compile("both", &spec).expect_err("two sources").to_string();
    assert!(error.contains("is answered by `report`"), "{error}");
}
