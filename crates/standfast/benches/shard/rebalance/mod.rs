//! A shard comes and goes while clients write in open loop: what they notice, and whether every
//! row is what it should be afterwards.

mod coordinating;
mod ledger;
mod load;
mod report;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use standfast_reshard::catalog::{Catalog, Request};
use standfast_reshard::core::SlotSet;
use standfast_reshard::shard::Shard;

use crate::options::Options;
use crate::rows::load as load_rows;
use crate::stand::Stand;

use coordinating::Coordinating;
use load::{Load, Window};
use report::Outcome;

/// The one that joins.
const NEWCOMER: &str = "s5";
/// Caches are cold, and checkpoints are due, when the load begins.
const SETTLING: Duration = Duration::from_secs(5);
/// How long clients are watched before, between and after.
const QUIET: Duration = Duration::from_secs(20);

/// What became of a request to add or to remove the shard.
#[derive(Debug)]
struct Step {
    name: &'static str,
    window: Window,
    moved: SlotSet,
    /// Of rows: how many the newcomer had when its slots were its own, and all shards together.
    rows: (u64, u64),
    coordinated: coordinating::Coordinated,
}

pub(crate) async fn run(stand: &Stand, options: &Options) -> Result<Value> {
    load_rows(stand, 0..options.all_rows.into()).await?;
    println!("{} rows on 4 shards; {} writes/s", options.all_rows, options.rate_per_s);
    let load = Load::start(stand, options).await?;
    let coordinating = Coordinating::new(stand, options)?;
    let worked = steps(stand, &load, &coordinating).await;
    let (writes, ledger) = load.stop().await?;
    let steps = worked?;
    let found = ledger.verify(stand).await?;
    let left_behind = left_behind(stand).await?;
    let outcome = Outcome { options, writes: &writes, steps: &steps, found, left_behind };
    print!("{outcome}");
    Ok(outcome.json())
}

async fn steps(stand: &Stand, load: &Load, coordinating: &Coordinating<'_>) -> Result<Vec<Step>> {
    load.watch(SETTLING + QUIET).await?;
    let add = Request::Add { shard: NEWCOMER.to_owned() };
    let remove = Request::Remove { shard: NEWCOMER.to_owned() };
    let mut steps = Vec::new();
    for (name, request) in [("4 to 5 shards", add), ("5 to 4 shards", remove)] {
        steps.push(step(name, &request, stand, load, coordinating).await?);
        load.watch(QUIET).await?;
    }
    Ok(steps)
}

async fn step(
    name: &'static str,
    request: &Request,
    stand: &Stand,
    load: &Load,
    coordinating: &Coordinating<'_>,
) -> Result<Step> {
    let before = stand.map().await?;
    let (held, begin) = (rows_of(stand).await?, load.now());
    let catalog = Catalog::connect(&stand.fleet.catalog_url).await?;
    let planned = catalog.request(request, None).await?;
    let coordinated = coordinating.until_done(planned.len(), load).await?;
    let window = Window { begin, end: load.now() };
    let after = stand.map().await?;
    let changed = (0_u16..).zip(before.owners.iter().zip(&after.owners));
    let moved = SlotSet::of(changed.filter(|(_, (old, new))| old != new).map(|(slot, _)| slot));
    let has_joined = matches!(request, Request::Add { .. });
    let rows = if has_joined { rows_of(stand).await? } else { held };
    Ok(Step { name, window, moved, rows, coordinated })
}

/// Of the newcomer, and of all: as many as clients see at one moment of each.
async fn rows_of(stand: &Stand) -> Result<(u64, u64)> {
    let (mut newcomer, mut all) = (0, 0);
    for shard in &stand.fleet.shards {
        let link = stand.link(&shard.name).await?;
        let query = "SELECT count(*) FROM items WHERE reshard.is_here(slot)";
        let count: i64 = link.client.query_one(query, &[]).await?.try_get(0)?;
        all += count.cast_unsigned();
        newcomer += if shard.name == NEWCOMER { count.cast_unsigned() } else { 0 };
    }
    Ok((newcomer, all))
}

/// What bears the name of a move, or is open where it should not be.
async fn left_behind(stand: &Stand) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for address in &stand.fleet.shards {
        let shard = Shard::connect(address, 0).await?;
        let leftovers = shard.leftovers().await?.into_iter();
        found.extend(leftovers.map(|one| format!("{} on {}", one.name, one.shard)));
        let link = stand.link(&address.name).await?;
        let query = "SELECT slot FROM reshard.slot WHERE is_open";
        let open = link.client.query(query, &[]).await?.into_iter().map(|row| row.get::<_, i32>(0));
        let open = open.map(u16::try_from).collect::<Result<Vec<_>, _>>().context("a slot")?;
        if SlotSet::of(open) != stand.owned(&address.name).await? {
            found.push(format!("slots of others are open on {}", address.name));
        }
    }
    let unfinished = Catalog::connect(&stand.fleet.catalog_url).await?.open_moves().await?;
    ensure!(unfinished.is_empty(), "{} moves have not ended", unfinished.len());
    Ok(found)
}

/// What is shared between the load and whoever writes.
type Shared<T> = Arc<std::sync::Mutex<T>>;
