//! Load against real sockets: whatever a server does, every intended attempt has its operation.

mod answered;
mod closed;
mod freeze;
mod history;
mod outcomes;
mod server;
mod spec;
mod table;

use std::net::SocketAddr;
use std::time::Duration;

use standfast_history::Operation;
use standfast_loadgen::{Arrivals, LoadOutcome, LoadPlan, Scenario, ScenarioSpec};
use tokio::time::Instant;

/// A scenario written as in a `system.toml`.
fn scenario(toml: &str) -> Scenario {
    let spec: ScenarioSpec = toml::from_str(toml).expect("a valid scenario");
    Scenario::compile("search", &spec).expect("a valid scenario")
}

fn get() -> Scenario {
    scenario("service = 'offers'\npath = '/'")
}

fn post() -> Scenario {
    scenario("service = 'offers'\nmethod = 'POST'\npath = '/'\nbody = '{}'")
}

/// 100 attempts in half a second; few enough that a busy machine delivers them.
fn plan(scenario: Scenario, target: SocketAddr) -> LoadPlan {
    LoadPlan {
        scenario,
        target,
        rate_per_s: 200.0,
        arrivals: Arrivals::Constant,
        start: Duration::ZERO,
        duration: Duration::from_millis(500),
        timeout: PATIENCE,
        connections_max: 256,
        seed: 7,
    }
}

/// Of plans whose server answers: the generator goes before all else on a busy machine, and the
/// server of a test does not.
const PATIENCE: Duration = Duration::from_secs(3);

/// Of plans whose server does not answer.
const IMPATIENCE: Duration = Duration::from_millis(300);

async fn run(plan: LoadPlan) -> LoadOutcome {
    let load = standfast_loadgen::start(vec![plan], Instant::now()).expect("a valid plan");
    let outcome = load.finish().await.pop().expect("a plan has an outcome");
    check_complete(&outcome);
    outcome
}

/// Every intended attempt has exactly one operation, and its times are in order.
fn check_complete(outcome: &LoadOutcome) {
    let indices: Vec<u64> = outcome.operations.iter().map(|operation| operation.index).collect();
    let expected: Vec<u64> = (0..outcome.intended).collect();
    assert_eq!(indices, expected);
    for operation in &outcome.operations {
        assert!(operation.done_us >= operation.intended_us, "{operation:?}");
        assert!(operation.sent_us.is_none_or(|sent| sent >= operation.intended_us));
        assert!(operation.sent_us.is_none_or(|sent| sent <= operation.done_us));
        assert_eq!(operation.error.is_some(), operation.status == 0, "{operation:?}");
    }
}

/// Asserts `holds` of all operations and says which one it is not true of.
fn check_all(operations: &[Operation], holds: impl Fn(&Operation) -> bool) {
    assert!(!operations.is_empty());
    for operation in operations {
        assert!(holds(operation), "{operation:?}");
    }
}
