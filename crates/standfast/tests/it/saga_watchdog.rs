//! Who decides about the orders dies itself in the middle of a failover: its successor finds in the
//! journal what was begun, and finishes it.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use standfast_engines::process::{ProcessId, Signal};
use tokio::time::sleep;

use crate::saga::{Saga, WATCHDOG};
use crate::saga_books::balance;
use crate::saga_clients::Clients;
use crate::saga_writers::Lookout;

const SEED: u64 = 6;

/// From detection to the promotion, a failover takes about as long.
const FAILOVER_MS_MAX: u64 = 50;

/// `kill -9` of one process alone; children of a database go by themselves, a moment later.
fn kill_at_once(saga: &Saga, name: &str) {
    let process = saga.instance.pid(name).and_then(ProcessId::of).expect("it runs");
    assert!(process.signal(Signal::SIGKILL), "{name} has ended already");
}

/// Primary and watchdog die one after the other.
async fn dies_in_a_failover(saga: &Saga, clients: &Clients, rng: &mut StdRng) {
    let primary = saga.at_rest().await;
    kill_at_once(saga, primary);
    // When the watchdog dies is what the test varies; nothing waits for this.
    sleep(Duration::from_millis(rng.random_range(0..=FAILOVER_MS_MAX))).await;
    kill_at_once(saga, WATCHDOG);
    clients.get(saga, 20).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failover_is_finished_by_whoever_comes_after_a_watchdog_that_died() {
    let saga = Saga::up().await;
    let lookout = Lookout::start(&saga);
    let clients = Clients::start(&saga, 3);
    clients.get(&saga, 40).await;
    let mut rng = StdRng::seed_from_u64(SEED);
    for _ in 0..3 {
        dies_in_a_failover(&saga, &clients, &mut rng).await;
    }
    saga.at_rest().await;
    balance(&saga, &clients.end().await).await;
    lookout.end().await;
    saga.down().await;
}
