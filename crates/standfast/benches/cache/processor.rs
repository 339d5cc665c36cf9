//! Processor time of the service and of Valkey per hit, as the kernel accounts it.

use std::time::Duration;

use anyhow::{Result, ensure};
use standfast_history::Outcome;
use standfast_loadgen::closed::{self, ClosedPlan};
use standfast_loadgen::{Arrivals, LoadPlan, start};
use tokio::time::Instant;

use crate::figures::{Figure, Figures};
use crate::processor_time::processor_us;
use crate::rig::Rig;
use crate::round_trip::TIMEOUT;

const CONNECTIONS: usize = 32;
const RATE_PER_S: f64 = 1_000.0;

/// Processor time so far, in microseconds.
#[derive(Clone, Copy, Debug)]
struct Spent {
    offers: f64,
    valkey: f64,
}

/// One turn of both loops.
pub(crate) async fn round(rig: &Rig, each: Duration, figures: &mut Figures) -> Result<()> {
    let before = begin(rig).await?;
    let plan = ClosedPlan {
        scenario: rig.hot.clone(),
        target: rig.address,
        connections: CONNECTIONS,
        duration: each,
        timeout: TIMEOUT,
        seed: 1,
    };
    let outcome = closed::start(plan)?.finish().await;
    ensure!(outcome.failed + outcome.info == 0, "hits failed: {outcome:?}");
    let cost = end(rig, before, outcome.ok).await?;
    figures.take(Figure::ClosedOffers, cost.offers);
    figures.take(Figure::ClosedValkey, cost.valkey);
    figures.take(Figure::ClosedRate, outcome.ok as f64 / outcome.elapsed.as_secs_f64());

    let before = begin(rig).await?;
    let plan = LoadPlan {
        scenario: rig.hot.clone(),
        target: rig.address,
        rate_per_s: RATE_PER_S,
        arrivals: Arrivals::Constant,
        start: Duration::ZERO,
        duration: each,
        timeout: TIMEOUT,
        connections_max: CONNECTIONS,
        seed: 1,
    };
    let outcomes = start(vec![plan], Instant::now())?.finish().await;
    let operations = outcomes.into_iter().flat_map(|outcome| outcome.operations);
    let ok = operations.filter(|operation| operation.outcome == Outcome::Ok).count();
    let cost = end(rig, before, ok as u64).await?;
    figures.take(Figure::OpenOffers, cost.offers);
    figures.take(Figure::OpenValkey, cost.valkey);
    Ok(())
}

async fn begin(rig: &Rig) -> Result<(crate::rig::Counted, Spent)> {
    let counted = rig.counted().await?;
    Ok((counted, spent(rig)?))
}

/// What each of `answered` hits cost; all of them must have been hits.
async fn end(
    rig: &Rig,
    (counted_before, spent_before): (crate::rig::Counted, Spent),
    answered: u64,
) -> Result<Spent> {
    let spent_after = spent(rig)?;
    let counted = rig.counted().await?;
    let hits = counted.hits - counted_before.hits;
    let reads = counted.database_reads - counted_before.database_reads;
    ensure!(
        answered > 0 && hits == answered as f64 && reads == 0.0,
        "{answered} answers, but {hits} hits and {reads} database reads"
    );
    Ok(Spent {
        offers: (spent_after.offers - spent_before.offers) / hits,
        valkey: (spent_after.valkey - spent_before.valkey) / hits,
    })
}

fn spent(rig: &Rig) -> Result<Spent> {
    Ok(Spent { offers: processor_us(rig.service_pid()?)?, valkey: processor_us(rig.cache_pid()?)? })
}
