//! What must be there: everything that was loaded or acknowledged, and nothing else.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use anyhow::Result;

use crate::rows::{Row, note, read};
use crate::stand::{SLOTS, Stand, slot_of};

/// What an acknowledged write did to a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Set(i64),
    Gone,
}

pub(super) struct Ledger {
    loaded: i64,
    written: BTreeMap<i64, Change>,
    /// Updated or deleted where there was no such row.
    missed: u64,
    /// Nobody knows what became of these.
    unknown: BTreeMap<i64, String>,
}

/// How what is there differs from what must be.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) acknowledged: u64,
    pub(super) rows: u64,
    pub(super) lost: u64,
    /// On two shards, or on one that does not own the slot.
    pub(super) doubled: u64,
    /// Deleted, and there.
    pub(super) risen: u64,
    /// With another value, slot or text.
    pub(super) wrong: u64,
    pub(super) missed: u64,
    pub(super) unknown: u64,
    /// Slots whose sum over the hashes of their rows is what it should be.
    pub(super) slots_alike: u64,
    pub(super) first_error: Option<String>,
}

impl Ledger {
    /// Of rows from 0 on.
    pub(super) fn of(loaded: i64) -> Self {
        Self { loaded, written: BTreeMap::new(), missed: 0, unknown: BTreeMap::new() }
    }

    pub(super) fn acknowledge(&mut self, id: i64, change: Change, is_one_row: bool) {
        self.missed += u64::from(!is_one_row);
        self.written.insert(id, change);
    }

    pub(super) fn fail(&mut self, id: i64, error: &anyhow::Error) {
        self.unknown.insert(id, format!("{error:#}"));
    }

    /// The value that a row must have.
    fn expected(&self, id: i64) -> Option<i64> {
        match self.written.get(&id) {
            Some(Change::Set(value)) => Some(*value),
            Some(Change::Gone) => None,
            None => (0..self.loaded).contains(&id).then_some(0),
        }
    }

    /// Reads every row of every shard.
    pub(super) async fn verify(&self, stand: &Stand) -> Result<Found> {
        let mut found = Found {
            acknowledged: self.written.len() as u64,
            missed: self.missed,
            unknown: self.unknown.len() as u64,
            first_error: self.unknown.values().next().cloned(),
            ..Found::default()
        };
        let mut seen = BTreeMap::new();
        let mut sums = vec![0_u64; SLOTS.into()];
        for shard in &stand.fleet.shards {
            let owned = stand.owned(&shard.name).await?;
            let link = stand.link(&shard.name).await?;
            read(&link, |row| {
                let is_here = owned.contains(row.slot);
                found.rows += 1;
                found.doubled += u64::from(seen.insert(row.id, ()).is_some() || !is_here);
                self.judge(&row, &mut found);
                let sum = &mut sums[usize::from(row.slot)];
                *sum = sum.wrapping_add(hash(row.id, row.value, &row.note));
            })
            .await?;
        }
        for id in self.all() {
            let Some(value) = self.expected(id) else { continue };
            if !self.unknown.contains_key(&id) {
                found.lost += u64::from(!seen.contains_key(&id));
            }
            let sum = &mut sums[usize::from(slot_of(id))];
            *sum = sum.wrapping_sub(hash(id, value, &note(id)));
        }
        found.slots_alike = sums.iter().filter(|sum| **sum == 0).count() as u64;
        Ok(found)
    }

    fn all(&self) -> impl Iterator<Item = i64> {
        let added = self.written.keys().copied().filter(|id| *id >= self.loaded);
        (0..self.loaded).chain(added)
    }

    fn judge(&self, row: &Row, found: &mut Found) {
        if self.unknown.contains_key(&row.id) {
            return;
        }
        match self.expected(row.id) {
            None => found.risen += 1,
            Some(value) => {
                let is_right =
                    row.value == value && row.slot == slot_of(row.id) && row.note == note(row.id);
                found.wrong += u64::from(!is_right);
            }
        }
    }
}

/// In one process, so that it need not be the same in the next.
fn hash(id: i64, value: i64, note: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (id, value, note).hash(&mut hasher);
    hasher.finish()
}
