//! What may be published next, as plain data: pages come in, runs go out, results come back.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::time::Duration;

use tokio::time::Instant;

use super::policy::{AfterParking, Order, Policy};

/// A row that is neither published nor parked. What it says stays with the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row<K> {
    /// From a sequence.
    pub id: u64,
    /// The transaction that wrote it.
    pub transaction: u64,
    /// Rows of one key go in order.
    pub key: K,
    /// How often it was rejected, as far as that was written back.
    pub attempts: u32,
    /// How long ago it was written.
    pub age: Duration,
}

/// The oldest rows that are visible, by id, of keys that are not excluded; all from one snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<K> {
    /// The oldest transaction that was still running.
    pub horizon: u64,
    /// The rows. None of a key may be missing before one that is here.
    pub rows: Vec<Row<K>>,
}

/// Names one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RunId(u64);

/// Rows of one key, to be published in this order, up to the first failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run<K> {
    /// To be given back with the result.
    pub id: RunId,
    /// Their key.
    pub key: K,
    /// Their ids.
    pub rows: Vec<u64>,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// All of it was acknowledged.
    Done,
    /// The next row was rejected for what it is: too large, no such topic, cannot be encoded.
    Rejected,
    /// The queue did not answer, or said that it cannot now. The row may have been published; it
    /// will be again.
    Unavailable,
}

/// What to write back, in one transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WriteBack {
    /// Rows that are published.
    pub published: Vec<u64>,
    /// A row that was rejected, and how often by now.
    pub rejected: Option<(u64, u32)>,
    /// A row that is not tried again.
    pub parked: Option<u64>,
}

/// How far behind the outbox is, by the last page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lag {
    /// Rows that were not published.
    pub rows: usize,
    /// Of these, rows that wait for an older transaction.
    pub behind_horizon: usize,
    /// The age of the oldest of them.
    pub oldest: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum KeyState {
    InFlight,
    Waits(Instant),
    Held,
}

/// The publisher's side.
#[derive(Clone, Debug)]
pub struct Outbox<K> {
    policy: Policy,
    keys: HashMap<K, KeyState>,
    runs: HashMap<RunId, Run<K>>,
    next_run: u64,
    rows_out: usize,
    /// Published, and not yet known to be marked: a page may still show them.
    unmarked: BTreeSet<u64>,
    /// Marked since the last query began, whose snapshot may be older.
    settled: BTreeSet<u64>,
    /// Rejections of rows that are being tried.
    tries: HashMap<u64, u32>,
    outages: u32,
    queue_away_until: Option<Instant>,
    lag: Lag,
}

impl<K: Clone + Eq + Hash> Outbox<K> {
    /// An outbox of which nothing is known.
    pub fn new(policy: Policy) -> Self {
        Self {
            policy,
            keys: HashMap::new(),
            runs: HashMap::new(),
            next_run: 0,
            rows_out: 0,
            unmarked: BTreeSet::new(),
            settled: BTreeSet::new(),
            tries: HashMap::new(),
            outages: 0,
            queue_away_until: None,
            lag: Lag::default(),
        }
    }

    /// Begins the query for a page, one at a time. Answers the keys to leave out: they could only
    /// fill the page up, and keep others waiting.
    pub fn begin_page(&mut self, now: Instant) -> Vec<K> {
        self.settled.clear();
        self.keys.retain(|_, state| is_blocked(*state, now));
        self.keys.keys().cloned().collect()
    }

    /// Takes a page; answers what to publish now, oldest first. Every run must come back by
    /// [`Outbox::finish`], also when its publisher was cancelled.
    pub fn offer(&mut self, page: Page<K>, now: Instant) -> Vec<Run<K>> {
        let Page { horizon, mut rows } = page;
        rows.retain(|row| !self.unmarked.contains(&row.id) && !self.settled.contains(&row.id));
        rows.sort_unstable_by_key(|row| row.id);
        self.keys.retain(|_, state| is_blocked(*state, now));
        let order = self.policy.order;
        let waits = |row: &Row<K>| order == Order::ByHorizon && row.transaction >= horizon;
        self.lag = Lag {
            rows: rows.len(),
            behind_horizon: rows.iter().filter(|row| waits(row)).count(),
            oldest: rows.iter().map(|row| row.age).max().unwrap_or_default(),
        };
        if self.queue_away_until.is_some_and(|until| now < until) {
            return Vec::new();
        }
        let mut room = self.policy.rows_max.max(1).saturating_sub(self.rows_out);
        let mut runs: Vec<Run<K>> = Vec::new();
        // Where a key's run is, or `None` once a row of it has to stay: later ones stay with it.
        let mut open: HashMap<K, Option<usize>> = HashMap::new();
        for row in rows {
            if self.keys.contains_key(&row.key) {
                continue;
            }
            let place = open.get(&row.key).copied();
            let is_full = place
                .flatten()
                .is_some_and(|index| runs[index].rows.len() >= self.policy.run_max.max(1));
            if place == Some(None) || is_full || waits(&row) || room == 0 {
                open.insert(row.key, None);
                continue;
            }
            room -= 1;
            if row.attempts > 0 {
                let tries = self.tries.entry(row.id).or_default();
                *tries = row.attempts.max(*tries);
            }
            if let Some(Some(index)) = place {
                runs[index].rows.push(row.id);
            } else {
                open.insert(row.key.clone(), Some(runs.len()));
                let id = RunId(self.next_run);
                self.next_run += 1;
                runs.push(Run { id, key: row.key, rows: vec![row.id] });
            }
        }
        for run in &runs {
            self.rows_out += run.rows.len();
            self.keys.insert(run.key.clone(), KeyState::InFlight);
            self.runs.insert(run.id, run.clone());
        }
        runs
    }

    /// Takes the result of a run of which the first `sent` rows were acknowledged. `draw` is a
    /// random number from 0 to 1 for the wait after a failure.
    pub fn finish(
        &mut self,
        run: RunId,
        sent: usize,
        end: End,
        now: Instant,
        draw: f64,
    ) -> WriteBack {
        let Some(Run { key, rows, .. }) = self.runs.remove(&run) else {
            return WriteBack::default();
        };
        self.rows_out -= rows.len();
        self.keys.remove(&key);
        let published = rows[..sent.min(rows.len())].to_vec();
        for id in &published {
            self.unmarked.insert(*id);
            self.tries.remove(id);
        }
        if !published.is_empty() || end == End::Done {
            (self.outages, self.queue_away_until) = (0, None);
        }
        let mut write_back = WriteBack { published, ..WriteBack::default() };
        match (end, rows.get(sent)) {
            (End::Done, _) | (End::Rejected, None) => {}
            (End::Unavailable, _) => {
                self.outages = self.outages.saturating_add(1);
                self.queue_away_until = Some(now + self.policy.wait(self.outages, draw));
            }
            (End::Rejected, Some(id)) => {
                let tries = self.tries.entry(*id).or_default();
                *tries = tries.saturating_add(1);
                let tries = *tries;
                write_back.rejected = Some((*id, tries));
                if tries < self.policy.tries_max {
                    let until = now + self.policy.wait(tries, draw);
                    self.keys.insert(key, KeyState::Waits(until));
                } else {
                    self.tries.remove(id);
                    // Until it is written back, a page may still show it.
                    self.unmarked.insert(*id);
                    write_back.parked = Some(*id);
                    if self.policy.after_parking == AfterParking::HoldKey {
                        self.keys.insert(key, KeyState::Held);
                    }
                }
            }
        }
        write_back
    }

    /// What was published or parked is written back, and committed: no page whose query begins
    /// from now on will show it.
    pub fn marked(&mut self, ids: &[u64]) {
        for id in ids {
            if self.unmarked.remove(id) {
                self.settled.insert(*id);
            }
        }
    }

    /// Rows that are published or parked and, as far as is known, not marked as such: to be written
    /// back again if that failed.
    pub fn unmarked(&self) -> impl Iterator<Item = u64> {
        self.unmarked.iter().copied()
    }

    /// Holds a key: after a start, those that have parked rows.
    pub fn hold(&mut self, key: K) {
        self.keys.insert(key, KeyState::Held);
    }

    /// An operator has resolved the parked row of a key.
    pub fn release(&mut self, key: &K) {
        if self.keys.get(key) == Some(&KeyState::Held) {
            self.keys.remove(key);
        }
    }

    /// How far behind it is, by the last page.
    pub fn lag(&self) -> Lag {
        self.lag
    }

    /// How many rows are being published.
    pub fn rows_out(&self) -> usize {
        self.rows_out
    }
}

fn is_blocked(state: KeyState, now: Instant) -> bool {
    match state {
        KeyState::InFlight | KeyState::Held => true,
        KeyState::Waits(until) => now < until,
    }
}
