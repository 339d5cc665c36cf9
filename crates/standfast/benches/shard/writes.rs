//! Single rows, written at the owner of their slot: through a router, and by pgbench on the same
//! servers, which needs none.
//!
//! As many connections, and as many statements under way. pgbench is measured without the guard as
//! well, since whoever does not shard needs none.

use std::fmt;
use std::sync::Arc;

use anyhow::Result;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::figures::{Figures, verdict};
use crate::options::Options;
use crate::pgbench::Pgbench;
use crate::processor::used_us;
use crate::processor_time::processor_us;
use crate::router::Router;
use crate::stand::Stand;

const GUARDED: usize = 0;
const BARE: usize = 1;
const STATEMENTS: [&str; 2] = [
    "INSERT INTO items (id, slot, value, note) VALUES ($1, $2, 1, 'written')",
    "INSERT INTO bare (id, slot, value, note) VALUES ($1, $2, 1, 'written')",
];

/// Of routed rows to those of pgbench in the same table.
const SHARE_MIN: f64 = 0.8;

/// Rows per second, and what one of them took of the processors, in microseconds.
struct Rate {
    per_s: f64,
    servers_us: f64,
    client_us: f64,
}

pub(crate) async fn run(stand: &Stand, options: &Options, figures: &mut Figures) -> Result<()> {
    let direct = Pgbench::prepare(stand, "bare", options).await?;
    let guarded = Pgbench::prepare(stand, "items", options).await?;
    let each = options.connections.div_ceil(stand.fleet.shards.len() as u32) as usize;
    let router = Arc::new(Router::open(stand, each, &STATEMENTS).await?);
    for round in 1..=options.rounds {
        let seed = u64::from(round) << 32;
        let direct = rival(stand, &direct, options).await?;
        let routed = ours(stand, &router, GUARDED, seed, options).await?;
        let guarded = rival(stand, &guarded, options).await?;
        let bare = ours(stand, &router, BARE, seed, options).await?;
        for (name, rate) in [
            ("pgbench", &direct),
            ("pgbench, guarded table", &guarded),
            ("routed, guarded table", &routed),
            ("routed, no guard", &bare),
        ] {
            figures.take(&format!("{name}: rows/s"), rate.per_s);
            figures.take(&format!("{name}: servers' µs/row"), rate.servers_us);
        }
        figures.take("routed, guarded table: router's µs/row", routed.client_us);
        figures.take("routed with guard / pgbench without", routed.per_s / direct.per_s);
        figures.take("routed / pgbench, both guarded", routed.per_s / guarded.per_s);
        figures.take("routed / pgbench, both without guard", bare.per_s / direct.per_s);
        figures.take("pgbench, guarded / without guard", guarded.per_s / direct.per_s);
    }
    Ok(())
}

async fn rival(stand: &Stand, pgbench: &Pgbench, options: &Options) -> Result<Rate> {
    let before = used_us(&stand.pids());
    let per_s = pgbench.run(stand).await?;
    let rows = per_s * options.each().as_secs_f64();
    let servers_us = (used_us(&stand.pids()) - before) / rows;
    Ok(Rate { per_s, servers_us, client_us: f64::NAN })
}

/// Each client writes one row at a time, at random keys.
async fn ours(
    stand: &Stand,
    router: &Arc<Router>,
    statement: usize,
    seed: u64,
    options: &Options,
) -> Result<Rate> {
    let own = std::process::id();
    let before = (used_us(&stand.pids()), processor_us(own)?);
    let (begun, mut clients) = (Instant::now(), JoinSet::new());
    let end = begun + options.each();
    for client in 0..u64::from(options.connections) {
        let router = Arc::clone(router);
        clients.spawn(async move {
            let (mut dice, mut rows) = (StdRng::seed_from_u64(seed + client), 0_u64);
            while Instant::now() < end {
                let id = dice.random_range(1..i64::MAX / 2);
                rows += router.write(statement, id, &[]).await?.rows;
            }
            anyhow::Ok(rows)
        });
    }
    let mut rows = 0;
    while let Some(written) = clients.join_next().await {
        rows += written??;
    }
    let (rows, elapsed) = (rows as f64, begun.elapsed());
    let servers_us = (used_us(&stand.pids()) - before.0) / rows;
    let client_us = (processor_us(own)? - before.1) / rows;
    Ok(Rate { per_s: rows / elapsed.as_secs_f64(), servers_us, client_us })
}

pub(crate) struct Report<'a> {
    pub(crate) figures: &'a Figures,
    pub(crate) options: &'a Options,
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Options { rounds, seconds, connections, .. } = self.options;
        writeln!(
            f,
            "\nsingle rows on 4 servers by {connections} connections; medians of {rounds}"
        )?;
        writeln!(f, "rounds of {seconds} s (first to last decile)")?;
        for name in [
            "pgbench: rows/s",
            "pgbench, guarded table: rows/s",
            "routed, guarded table: rows/s",
            "routed, no guard: rows/s",
            "pgbench: servers' µs/row",
            "pgbench, guarded table: servers' µs/row",
            "routed, guarded table: servers' µs/row",
            "routed, no guard: servers' µs/row",
            "routed, guarded table: router's µs/row",
        ] {
            let spread = self.figures.spread(name);
            let (low, middle, high) = (spread.low, spread.middle, spread.high);
            writeln!(f, "  {name:<42}{middle:>8.0}   ({low:.0} to {high:.0})")?;
        }
        for name in [
            "pgbench, guarded / without guard",
            "routed / pgbench, both without guard",
            "routed with guard / pgbench without",
        ] {
            let spread = self.figures.spread(name);
            let (low, middle, high) = (spread.low, spread.middle, spread.high);
            writeln!(f, "  {name:<42}{middle:>8.2}   ({low:.2} to {high:.2})")?;
        }
        let ratio = self.figures.spread("routed / pgbench, both guarded");
        let verdict = verdict(ratio.middle >= SHARE_MIN);
        writeln!(
            f,
            "  routed / pgbench, both guarded            {:>8.2}   ({:.2} to {:.2}; goal: >= \
             {SHARE_MIN}): {verdict}",
            ratio.middle, ratio.low, ratio.high
        )
    }
}
