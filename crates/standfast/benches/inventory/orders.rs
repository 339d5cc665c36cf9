//! Orders per second with durable acknowledgement, through HTTP, beside what pgbench commits on the
//! same server with as many clients.
//!
//! The service does more than to commit: behind each order that is taken, its event is published,
//! three replicas apply it, and their replies are written. All that is waited for before the next
//! contender has its turn; PostgreSQL's processor time per order includes it.

use std::fmt;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use standfast_lab::instance::Metrics;
use standfast_loadgen::closed::{self, ClosedPlan};

use crate::cpu::Spent;
use crate::figures::{Figures, verdict};
use crate::options::Options;
use crate::pgbench::{Pgbench, Script};
use crate::rig::Rig;

const CLIENTS: [usize; 3] = [1, 10, 50];

/// Of orders to single-row commits.
const SHARE_MIN: f64 = 1.0;

/// Far beyond any commit: a request that needs longer is an error, not a figure.
const TIMEOUT: Duration = Duration::from_secs(5);

pub(crate) async fn run(rig: &Rig, options: &Options, figures: &mut Figures) -> Result<()> {
    let pgbench = Pgbench::prepare(rig).await?;
    // Keys are drawn from the seed: the same one again would be retries, which write nothing.
    let mut seeds = 1..;
    for round in 1..=options.rounds {
        for clients in CLIENTS {
            let (single, single_cpu) =
                rows(rig, &pgbench, Script::Single, clients, options).await?;
            let seed = seeds.next().context("seeds do not end")?;
            let orders = orders(rig, clients, seed, options).await?;
            let (equal, equal_cpu) = rows(rig, &pgbench, Script::Order, clients, options).await?;
            let mut take = |name, value| figures.take(&named(name, clients), value);
            take("single rows/s", single);
            take("orders/s", orders.rate);
            take("rows of an order/s", equal);
            take("orders / single rows", orders.rate / single);
            take("orders / rows of an order", orders.rate / equal);
            take("orders p50 µs", orders.p50_us);
            take("orders per transaction", orders.per_transaction);
            take("behind after s", orders.behind.as_secs_f64());
            take("PostgreSQL µs/single row", single_cpu);
            take("PostgreSQL µs/rows of an order", equal_cpu);
            take("PostgreSQL µs/order until taken", orders.postgres_us);
            take("PostgreSQL µs/order until decided", orders.postgres_all_us);
            take("service µs/order", orders.service_us);
        }
        println!("round {round} of {} done", options.rounds);
    }
    Ok(())
}

fn named(name: &str, clients: usize) -> String {
    format!("{clients} clients: {name}")
}

/// Transactions per second, and PostgreSQL's processor time for each.
async fn rows(
    rig: &Rig,
    pgbench: &Pgbench,
    script: Script,
    clients: usize,
    options: &Options,
) -> Result<(f64, f64)> {
    let postgres = rig.pid("postgres")?;
    // The backends of pgbench end before it does; what the kernel has added up of them is read
    // while they live.
    let before = Spent::by(postgres)?;
    let running = pgbench.run(rig, script, clients, options.seconds);
    tokio::pin!(running);
    let mut latest = before.clone();
    let rate = loop {
        tokio::select! {
            rate = &mut running => break rate?,
            () = tokio::time::sleep(Duration::from_millis(50)) => {
                latest = latest.joined(Spent::by(postgres)?);
            }
        }
    };
    let transactions = rate * f64::from(options.seconds);
    Ok((rate, latest.since(&before) / transactions))
}

struct Orders {
    rate: f64,
    p50_us: f64,
    per_transaction: f64,
    postgres_us: f64,
    postgres_all_us: f64,
    service_us: f64,
    /// How long publishing and deciding went on after the last answer.
    behind: Duration,
}

async fn orders(rig: &Rig, clients: usize, seed: u64, options: &Options) -> Result<Orders> {
    let (postgres, service) = (rig.pid("postgres")?, rig.pid("orders")?);
    let target = rig.address("orders")?;
    let before = (Spent::by(postgres)?, Spent::by(service)?, Metrics::scrape(target).await?);
    let plan = ClosedPlan {
        scenario: rig.create_order.clone(),
        target,
        connections: clients,
        duration: options.each(),
        timeout: TIMEOUT,
        seed,
    };
    let outcome = closed::start(plan)?.finish().await;
    let taken = Spent::by(postgres)?;
    ensure!(outcome.failed + outcome.info == 0, "orders failed: {outcome:?}");
    let behind = rig.drained().await?;
    let after = (Spent::by(postgres)?, Spent::by(service)?, Metrics::scrape(target).await?);
    let count = outcome.ok as f64;
    let counted =
        |name: &str| after.2.get(name).unwrap_or(f64::NAN) - before.2.get(name).unwrap_or(0.0);
    let placed = counted("orders_placed_total");
    ensure!(placed == count, "{count} orders were answered, and {placed} are durable");
    Ok(Orders {
        rate: count / outcome.elapsed.as_secs_f64(),
        p50_us: outcome.latency.value_at_quantile(0.5) as f64,
        per_transaction: placed / counted("orders_batches_total"),
        postgres_us: taken.since(&before.0) / count,
        postgres_all_us: after.0.since(&before.0) / count,
        service_us: after.1.since(&before.1) / count,
        behind,
    })
}

pub(crate) struct Report<'a>(pub(crate) &'a Figures);

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\nmedians of all rounds, by clients; fsync is on")?;
        write!(f, "  {:<36}", "")?;
        for clients in CLIENTS {
            write!(f, "{clients:>10}")?;
        }
        writeln!(f)?;
        for name in [
            "single rows/s",
            "rows of an order/s",
            "orders/s",
            "orders p50 µs",
            "orders per transaction",
            "behind after s",
            "PostgreSQL µs/single row",
            "PostgreSQL µs/rows of an order",
            "PostgreSQL µs/order until taken",
            "PostgreSQL µs/order until decided",
            "service µs/order",
            "orders / single rows",
            "orders / rows of an order",
        ] {
            write!(f, "  {name:<36}")?;
            for clients in CLIENTS {
                let value = self.0.median(&named(name, clients));
                let digits = if value < 10.0 { 2 } else { 0 };
                write!(f, "{value:>10.digits$}")?;
            }
            writeln!(f)?;
        }
        let share = self.0.spread(&named("orders / single rows", 10));
        writeln!(
            f,
            "  orders / single rows at 10 clients: {:.2} ({:.2} to {:.2}; goal: >= \
             {SHARE_MIN:.2}): {}",
            share.middle,
            share.low,
            share.high,
            verdict(share.middle >= SHARE_MIN)
        )
    }
}
