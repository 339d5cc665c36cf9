//! Asks a server what it has of what was acknowledged, and whether its counts agree with its rows.

use std::time::Duration;

use anyhow::{Context, Result};
use tokio::time::{Instant, sleep};

use crate::client::Link;
use crate::difference::{Difference, compare};
use crate::ledger::Ledger;
use crate::target::Target;

/// Rows that are asked for at once.
const ROWS_MAX: usize = 20_000;

/// A replica that is in sync has everything, and shows it when it has applied it: one that shows
/// nothing more for so long has stopped.
const PROGRESS_WITHIN: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(500);

/// A server may just be changing its role, which ends sessions.
const TRIES: u32 = 20;

/// Places in the pages of the ledger: what was acknowledged between them is compared.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Between<'a> {
    pub(crate) from: &'a [usize],
    pub(crate) to: &'a [usize],
}

/// Compares until nothing is lost, or it is clear that it is.
pub(crate) async fn visible(
    target: &Target,
    node: usize,
    ledger: &Ledger,
    between: Between<'_>,
) -> Result<Difference> {
    let mut progress = (usize::MAX, Instant::now());
    loop {
        let difference = at(target, node, ledger, between).await?;
        if difference.lost < progress.0 {
            progress = (difference.lost, Instant::now());
        }
        if difference.lost == 0 || progress.1.elapsed() > PROGRESS_WITHIN {
            return Ok(difference);
        }
        sleep(PAUSE).await;
    }
}

/// Compares with what a server has now.
pub(crate) async fn at(
    target: &Target,
    node: usize,
    ledger: &Ledger,
    between: Between<'_>,
) -> Result<Difference> {
    for _ in 1..TRIES {
        match once(target, node, ledger, between).await {
            Ok(difference) => return Ok(difference),
            Err(_) => sleep(PAUSE).await,
        }
    }
    let name = &target.nodes[node].name;
    once(target, node, ledger, between).await.with_context(|| format!("{name} cannot be asked"))
}

async fn once(
    target: &Target,
    node: usize,
    ledger: &Ledger,
    between: Between<'_>,
) -> Result<Difference> {
    let mut link = Link::open(target.kind, &target.nodes[node].admin_url).await?;
    let kept = target.table("kept");
    let mut whole = Difference::default();
    for (client, (from, to)) in between.from.iter().zip(between.to).enumerate() {
        for start in (*from..*to).step_by(ROWS_MAX) {
            let wanted = ledger.sequences(client, start..(start + ROWS_MAX).min(*to));
            let (Some(first), Some(last)) = (wanted.first(), wanted.last()) else { continue };
            let query = format!(
                "SELECT sequence, count(*) FROM {kept} WHERE writer = {client} \
                 AND sequence BETWEEN {first} AND {last} GROUP BY sequence ORDER BY sequence"
            );
            let present = link.pairs(&query).await?;
            let difference = compare(&wanted, &present);
            whole.lost += difference.lost;
            whole.doubled += difference.doubled;
        }
    }
    Ok(whole)
}

/// By how many rows the counts of a server are off; nobody may write meanwhile.
pub(crate) async fn books_off(target: &Target, node: usize) -> Result<i64> {
    let totals = totals(target, node).await?;
    Ok(totals.iter().map(|(total, rows)| (total - rows).abs()).sum())
}

/// By how many rows the two servers differ, acknowledged or not; nobody may write meanwhile.
pub(crate) async fn diverged(target: &Target) -> Result<i64> {
    let deadline = Instant::now() + PROGRESS_WITHIN;
    loop {
        let (one, other) = (totals(target, 0).await?, totals(target, 1).await?);
        let differ = |(one, other): (&(i64, i64), &(i64, i64))| (one.1 - other.1).abs();
        let diverged: i64 = one.iter().zip(&other).map(differ).sum();
        if diverged == 0 || Instant::now() > deadline {
            return Ok(diverged);
        }
        sleep(PAUSE).await;
    }
}

/// Of each writer: what was counted, and how many rows there are.
async fn totals(target: &Target, node: usize) -> Result<Vec<(i64, i64)>> {
    let mut link = Link::open(target.kind, &target.nodes[node].admin_url).await?;
    let (kept, counted) = (target.table("kept"), target.table("counted"));
    let query = format!(
        "SELECT total, (SELECT count(*) FROM {kept} k WHERE k.writer = c.writer) \
         FROM {counted} c ORDER BY writer"
    );
    Ok(link.pairs(&query).await?)
}
