//! Latency and processor time at a moderate fixed rate, in open loop.
//!
//! Where the scheduler puts client, proxy and origin decides most of a round trip. So turns are
//! short, and a contender is compared with the turn without a proxy just before it.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use standfast_history::Outcome;
use standfast_loadgen::{Arrivals, LoadPlan, Scenario, latency, start};
use tokio::time::Instant;

use super::cost::cpu_us;
use super::requests::TIMEOUT;
use crate::figures::{Figure, Figures};
use crate::stand::{Contender, Running, Stand};

pub(crate) const RATE_PER_S: f64 = 2_000.0;
const CONNECTIONS: usize = 16;
const TURN: Duration = Duration::from_millis(500);

/// The generator's thread has to be there when the first attempt is due.
const START_DELAY: Duration = Duration::from_millis(20);

/// What one turn came to, in microseconds.
#[derive(Clone, Copy, Debug)]
struct Turn {
    p50: f64,
    p99: f64,
    cpu: f64,
}

pub(crate) async fn round(stand: &Stand, each: Duration, figures: &mut Figures) -> Result<()> {
    let mut left = each;
    while !left.is_zero() {
        left = left.saturating_sub(TURN);
        let mut direct = None;
        for running in &stand.all {
            let Turn { p50, p99, cpu } = turn(running).await?;
            let contender = running.contender;
            figures.take(Figure::RateP50, contender, p50);
            figures.take(Figure::RateP99, contender, p99);
            let (direct_p50, direct_p99) = *direct.get_or_insert((p50, p99));
            if contender != Contender::None {
                figures.take(Figure::RateCpu, contender, cpu);
                figures.take(Figure::AddedP50, contender, p50 - direct_p50);
                figures.take(Figure::AddedP99, contender, p99 - direct_p99);
            }
        }
    }
    Ok(())
}

async fn turn(running: &Running) -> Result<Turn> {
    let (scenario, target) = Scenario::from_url(&running.url())?;
    let plan = LoadPlan {
        scenario,
        target,
        rate_per_s: RATE_PER_S,
        arrivals: Arrivals::Constant,
        start: Duration::ZERO,
        duration: TURN,
        timeout: TIMEOUT,
        connections_max: CONNECTIONS,
        seed: 1,
    };
    let before = cpu_us(running)?;
    let load = start(vec![plan], Instant::now() + START_DELAY)?;
    let outcome = load.finish().await.pop().context("a plan has an outcome")?;
    let spent = cpu_us(running)? - before;
    let is_ok = |operation: &&standfast_history::Operation| operation.outcome == Outcome::Ok;
    let ok = outcome.operations.iter().filter(is_ok).count();
    let name = running.contender.name();
    ensure!(ok as u64 == outcome.intended, "{name}: {ok} answers of {}", outcome.intended);
    let latencies = latency::of(&outcome.operations);
    let at = |quantile| latencies.value_at_quantile(quantile) as f64;
    Ok(Turn { p50: at(0.5), p99: at(0.99), cpu: spent / ok as f64 })
}
