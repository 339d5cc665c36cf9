//! The rows that are there before anything is measured, and what they must still be afterwards.

use std::collections::BTreeMap;
use std::ops::Range;

use anyhow::{Context, Result};

use crate::link::Link;
use crate::stand::{SLOTS, Stand, slot_of};

/// With it a row has about 200 bytes.
const NOTE_FILL: usize = 140;
const LOAD_AT_ONCE: usize = 20_000;
/// Slots whose rows are read by one query: some 16,000 rows of a million.
const READ_AT_ONCE: u16 = 64;

/// As it is on a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) id: i64,
    pub(crate) slot: u16,
    pub(crate) value: i64,
    pub(crate) note: String,
}

/// What every row says of itself, so that one which is damaged is found.
pub(crate) fn note(id: i64) -> String {
    format!("note of {id} {}", ".".repeat(NOTE_FILL))
}

/// Writes rows with value 0 to the owners of their slots. The guard is not what is measured here.
pub(crate) async fn load(stand: &Stand, ids: Range<i64>) -> Result<()> {
    let map = stand.map().await?;
    let mut by_owner: BTreeMap<&String, (Vec<i64>, Vec<i32>)> = BTreeMap::new();
    for id in ids {
        let slot = slot_of(id);
        let (ids, slots) = by_owner.entry(&map.owners[usize::from(slot)]).or_default();
        ids.push(id);
        slots.push(i32::from(slot));
    }
    let insert = format!(
        "INSERT INTO items (id, slot, value, note) \
         SELECT id, slot, 0, 'note of ' || id || ' ' || repeat('.', {NOTE_FILL}) \
         FROM unnest($1::bigint[], $2::int[]) AS new (id, slot)"
    );
    for (owner, (ids, slots)) in by_owner {
        let link = stand.link(owner).await?;
        link.client.batch_execute("SET session_replication_role = replica").await?;
        for (ids, slots) in ids.chunks(LOAD_AT_ONCE).zip(slots.chunks(LOAD_AT_ONCE)) {
            link.client.execute(&insert, &[&ids, &slots]).await?;
        }
    }
    tidy_up(stand).await
}

/// So that no contender pays for what was done before.
pub(crate) async fn tidy_up(stand: &Stand) -> Result<()> {
    for shard in &stand.fleet.shards {
        let link = stand.link(&shard.name).await?;
        link.client.batch_execute("VACUUM ANALYZE items").await?;
        link.client.batch_execute("CHECKPOINT").await?;
    }
    Ok(())
}

/// Tells `each` of all rows of a server, wherever they should be.
pub(crate) async fn read(link: &Link, mut each: impl FnMut(Row)) -> Result<()> {
    let query = "SELECT id, slot, value, note FROM items WHERE slot BETWEEN $1 AND $2";
    for first in (0..SLOTS).step_by(READ_AT_ONCE.into()) {
        let (first, last) = (i32::from(first), i32::from(first + READ_AT_ONCE - 1));
        for row in link.client.query(query, &[&first, &last]).await? {
            let slot: i32 = row.try_get(1)?;
            let slot = u16::try_from(slot).context("a slot is not negative")?;
            let (id, value, note) = (row.try_get(0)?, row.try_get(2)?, row.try_get(3)?);
            each(Row { id, slot, value, note });
        }
    }
    Ok(())
}
