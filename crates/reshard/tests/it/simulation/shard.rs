//! A simulated PostgreSQL server, as far as a move can see it: rows, a log, publications, slots and
//! subscriptions. Nothing filters by origin, as in version 15.

use std::collections::{BTreeMap, BTreeSet};

use standfast_reshard::core::Leg;

/// A row's slot and key.
pub(super) type Key = (u16, u64);

/// What is in the log, and what decoding shows of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Insert { key: Key, value: u64 },
    Update { key: Key, value: u64 },
    Delete { key: Key },
    Mark { leg: Leg, value: u64 },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subscription {
    /// It is yet to copy.
    New,
    Streaming,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Shard {
    pub(super) rows: BTreeMap<Key, u64>,
    pub(super) is_open: bool,
    pub(super) epoch: u64,
    pub(super) fence: u64,
    pub(super) marks: BTreeMap<Leg, u64>,
    pub(super) log: Vec<Change>,
    pub(super) publications: BTreeSet<Leg>,
    /// Where in the log each slot is.
    pub(super) slots: BTreeMap<Leg, usize>,
    pub(super) subscriptions: BTreeMap<Leg, Subscription>,
    /// What the subscriptions were made with: the incarnations of the followed one and of this.
    pub(super) copied_by: BTreeMap<Leg, (u32, u32)>,
    /// Another one after each failover.
    pub(super) incarnation: u32,
    /// What the replica has for sure.
    pub(super) replica: Option<Box<Replica>>,
    /// Transactions of writers that have seen the slots open and have not ended.
    pub(super) in_flight: Vec<Change>,
}

/// Of what a subscription applies, it may lack the newest.
#[derive(Clone, Debug, Default)]
pub(super) struct Replica {
    rows: BTreeMap<Key, u64>,
    marks: BTreeMap<Leg, u64>,
    log: Vec<Change>,
}

impl Shard {
    /// A commit that is acknowledged is on the replica, with everything before it.
    pub(super) fn replicate(&mut self) {
        let (rows, marks, log) = (self.rows.clone(), self.marks.clone(), self.log.clone());
        self.replica = Some(Box::new(Replica { rows, marks, log }));
    }

    /// The replica takes over. Its slots are not those of the server that is gone, and who had not
    /// been answered has not written.
    pub(super) fn fail_over(&mut self) {
        let replica = self.replica.take().unwrap_or_default();
        (self.rows, self.marks, self.log) = (replica.rows, replica.marks, replica.log);
        self.replicate();
        self.slots.clear();
        self.in_flight.clear();
        self.incarnation += 1;
    }

    /// Does `change` and logs it; `Err` when the server would refuse it.
    pub(super) fn apply(&mut self, change: Change) -> Result<(), String> {
        match change {
            Change::Insert { key, value } => {
                if self.rows.insert(key, value).is_some() {
                    return Err(format!("row {key:?} is inserted twice"));
                }
            }
            Change::Update { key, value } => {
                let Some(row) = self.rows.get_mut(&key) else { return Ok(()) };
                *row = value;
            }
            Change::Delete { key } => {
                if self.rows.remove(&key).is_none() {
                    return Ok(());
                }
            }
            Change::Mark { leg, value } => {
                self.marks.insert(leg, value);
            }
        }
        self.log.push(change);
        Ok(())
    }

    /// The next change that the slot of `leg` has for its subscriber.
    pub(super) fn decode(&mut self, leg: Leg) -> Option<Change> {
        let position = self.slots.get_mut(&leg)?;
        while let Some(change) = self.log.get(*position) {
            *position += 1;
            let is_published = match change {
                Change::Mark { leg: of, .. } => *of == leg,
                Change::Insert { .. } | Change::Update { .. } | Change::Delete { .. } => true,
            };
            if is_published {
                return Some(*change);
            }
        }
        None
    }

    /// What a move must not leave behind.
    pub(super) fn leftovers(&self) -> usize {
        self.publications.len() + self.slots.len() + self.subscriptions.len() + self.marks.len()
    }
}
