//! Asks a server what it has of what was acknowledged, and whether its counts agree with its rows.

use std::time::Duration;

use anyhow::Result;
use tokio::time::{Instant, sleep};

use crate::client::Link;
use crate::difference::{Difference, compare};
use crate::ledger::Ledger;
use crate::target::Target;

/// Rows that are asked for at once.
const ROWS_MAX: usize = 20_000;

/// A replica that is in sync has everything, and shows it a moment later.
const VISIBLE_WITHIN: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(100);

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
    let deadline = Instant::now() + VISIBLE_WITHIN;
    loop {
        let difference = at(target, node, ledger, between).await?;
        if difference.lost == 0 || Instant::now() > deadline {
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

/// By how many rows the counts are off; nobody may write meanwhile.
pub(crate) async fn books_off(target: &Target, node: usize) -> Result<i64> {
    let mut link = Link::open(target.kind, &target.nodes[node].admin_url).await?;
    let (kept, counted) = (target.table("kept"), target.table("counted"));
    let query = format!(
        "SELECT total, (SELECT count(*) FROM {kept} k WHERE k.writer = c.writer) \
         FROM {counted} c WHERE total > 0"
    );
    let pairs = link.pairs(&query).await?;
    Ok(pairs.iter().map(|(total, rows)| (total - rows).abs()).sum())
}
