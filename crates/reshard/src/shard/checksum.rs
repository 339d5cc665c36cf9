//! What a shard holds, slot by slot: how many rows, and a sum over the hash of each.
//!
//! A sum does not depend on the order of rows, so nothing is sorted; that of `bigint` is as wide in
//! PostgreSQL as it has to be. A row is hashed as its text, with settings that are the same in all
//! our sessions.

use std::collections::BTreeMap;

use crate::core::{Comparison, Difference, SlotSet};
use crate::session::{Session, SqlError};

use super::{Shard, Table};

/// Rows and checksum by table and slot; slots without a row are not in it.
pub type Checksums = BTreeMap<(String, u16), (u64, String)>;

/// A transaction that sees the shard as it was.
#[derive(Debug)]
pub(crate) struct Snapshot {
    session: Session,
}

impl Shard {
    /// Sees the shard from now on as it is now.
    pub(crate) async fn snapshot(&self) -> Result<Snapshot, SqlError> {
        let session = self.another_session().await?;
        session.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT 1").await?;
        Ok(Snapshot { session })
    }

    /// What the shard holds of `slots` now.
    pub async fn checksums(
        &self,
        tables: &[Table],
        slots: &SlotSet,
    ) -> Result<Checksums, SqlError> {
        self.snapshot().await?.checksums(tables, slots).await
    }
}

impl Snapshot {
    pub(crate) async fn checksums(
        &self,
        tables: &[Table],
        slots: &SlotSet,
    ) -> Result<Checksums, SqlError> {
        let mut checksums = Checksums::new();
        for table in tables {
            let (name, condition) = (table.quoted(), slots.condition());
            let query = format!(
                "SELECT slot, count(*), sum(hashtextextended(t::text, 0)) \
                 FROM {name} t WHERE {condition} GROUP BY slot"
            );
            for row in self.session.rows(&query).await? {
                let [Some(slot), Some(count), Some(sum)] = row.as_slice() else {
                    return Err(self.session.odd(format!("{row:?} as a checksum")));
                };
                let (Ok(slot), Ok(count)) = (slot.parse(), count.parse()) else {
                    return Err(self.session.odd(format!("{row:?} as a checksum")));
                };
                checksums.insert((table.to_string(), slot), (count, sum.clone()));
            }
        }
        Ok(checksums)
    }
}

/// Sets what two shards hold side by side.
pub(crate) fn compare(followed: &Checksums, follower: &Checksums) -> Comparison {
    let nothing = || (0, "0".to_owned());
    let mut keys: Vec<_> = followed.keys().chain(follower.keys()).collect();
    keys.sort_unstable();
    keys.dedup();
    let difference = |key: &&(String, u16)| {
        let of = |sums: &Checksums| sums.get(*key).cloned().unwrap_or_else(nothing);
        let (one, other) = (of(followed), of(follower));
        (one != other).then(|| Difference {
            table: key.0.clone(),
            slot: key.1,
            followed: one,
            follower: other,
        })
    };
    Comparison {
        rows: followed.values().map(|(rows, _)| rows).sum(),
        differences: keys.iter().filter_map(difference).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_is_missing_changed_or_too_many_is_a_difference_of_its_slot() {
        let sums = |list: &[(u16, u64, &str)]| -> Checksums {
            let entry = |(slot, rows, sum): &(u16, u64, &str)| {
                (("items".to_owned(), *slot), (*rows, (*sum).to_owned()))
            };
            list.iter().map(entry).collect()
        };
        let followed = sums(&[(1, 2, "10"), (2, 1, "7"), (3, 5, "1")]);
        assert_eq!(compare(&followed, &followed), Comparison { rows: 8, differences: vec![] });
        let follower = sums(&[(1, 2, "11"), (3, 5, "1"), (4, 1, "3")]);
        let found = compare(&followed, &follower).differences;
        assert_eq!(found.iter().map(|one| one.slot).collect::<Vec<_>>(), [1, 2, 4]);
    }
}
