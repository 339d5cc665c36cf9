//! A server that freezes cannot hide it: what is reported is what clients would have waited.

use std::time::Duration;

use standfast_loadgen::{LoadPlan, latency};

use crate::server::{Behaviour, Server};
use crate::{get, plan, run};

/// A machine that stands still for longer is not one to test on.
const STALL_MAX_S: f64 = 1.5;

#[tokio::test]
async fn the_percentiles_of_a_freeze_are_those_of_the_truth() {
    let length = Duration::from_secs(2);
    let server = Server::start(Behaviour::Freeze { at: Duration::from_secs(1), length }).await;
    let outcome = run(LoadPlan {
        rate_per_s: 100.0,
        duration: Duration::from_secs(6),
        timeout: Duration::from_secs(5),
        // Fewer than the 200 attempts of the freeze: those that wait for a connection count too.
        connections_max: 50,
        ..plan(get(), server.address)
    })
    .await;
    assert_eq!(outcome.intended, 600);
    // A third of the attempts falls into the freeze and waits evenly from 0 to 2 s: the slowest
    // share q of all waits more than 2 s x (1 - 3 q).
    let latencies = latency::of(&outcome.operations);
    for (quantile, truth_s) in [(0.99, 1.94), (0.95, 1.7), (0.9, 1.4), (0.75, 0.5)] {
        #[expect(clippy::cast_precision_loss, reason = "a few seconds of microseconds")]
        let measured_s = latencies.value_at_quantile(quantile) as f64 / 1e6;
        // Nothing is hidden, on any machine; how little is added, `cargo xtask bench load` tells.
        let most = truth_s + STALL_MAX_S;
        assert!((0.95 * truth_s..most).contains(&measured_s), "p{quantile}: {measured_s} s");
    }
    // The service times would have hidden most of it: only what was on its way was slow.
    let service = latency::service_time_of(&outcome.operations);
    assert!(service.value_at_quantile(0.85) < 500_000, "{}", service.value_at_quantile(0.85));
}
