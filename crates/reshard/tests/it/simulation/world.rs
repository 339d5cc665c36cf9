//! Two shards, a catalog, writers, and coordinators of whom one may be a ghost.

use std::collections::BTreeMap;
use std::time::Duration;

use standfast_reshard::core::{Core, Leg, Options, Phase, Record, Sabotage, Side, SlotSet, Wish};

use super::dice::Dice;
use super::shard::{Change, Key, Shard, Subscription};

/// What both shards held when writers waited.
pub(super) type Snapshots = (BTreeMap<Key, u64>, BTreeMap<Key, u64>);

/// A coordinator: the one that has the lock, or one that lost it and does not know.
#[derive(Debug)]
pub(super) struct Coordinator {
    pub(super) core: Core,
    pub(super) fence: u64,
    pub(super) snapshots: Option<Snapshots>,
}

#[derive(Debug)]
pub(super) struct Catalog {
    pub(super) record: Record,
    pub(super) owner: Side,
    pub(super) epoch: u64,
    pub(super) fence: u64,
}

/// A transaction that closes the slots and is not committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hold {
    pub(super) side: Side,
    pub(super) epoch: u64,
    pub(super) fence: u64,
}

pub(super) struct World {
    pub(super) dice: Dice,
    pub(super) now: Duration,
    pub(super) source: Shard,
    pub(super) target: Shard,
    pub(super) catalog: Catalog,
    pub(super) hold: Option<Hold>,
    pub(super) options: Options,
    pub(super) wish: Option<Wish>,
    /// Every acknowledged row.
    pub(super) truth: BTreeMap<Key, u64>,
    pub(super) acknowledged: usize,
    pub(super) handovers: u64,
    next_value: u64,
    pub(super) breach: Option<String>,
    pub(super) trace: Option<Vec<String>>,
}

impl World {
    pub(super) fn new(seed: u64, sabotage: Option<Sabotage>, is_traced: bool) -> Self {
        let mut dice = Dice::of(seed);
        let keep = Duration::from_millis(if dice.percent(50) { 0 } else { dice.between(0, 3000) });
        let options = Options {
            // Those that lose heart early come back often.
            pauses_max: dice.between(1, 6) as u32,
            failures_max: dice.between(1, 8) as u32,
            catch_up_max: Duration::from_secs(20),
            keep,
            sabotage,
            ..Options::default()
        };
        let record = Record {
            id: 7,
            source: "source".to_owned(),
            target: "target".to_owned(),
            slots: SlotSet::of(0..4),
            phase: Phase::Planned,
            problem: None,
            restarts: 0,
            keep: Duration::ZERO,
        };
        let catalog = Catalog { record, owner: Side::Source, epoch: 1, fence: 0 };
        let mut world = Self {
            dice,
            now: Duration::from_secs(1),
            source: Shard { is_open: true, epoch: 1, ..Shard::default() },
            target: Shard::default(),
            catalog,
            hold: None,
            options,
            wish: None,
            truth: BTreeMap::new(),
            acknowledged: 0,
            handovers: 0,
            next_value: 0,
            breach: None,
            trace: is_traced.then(Vec::new),
        };
        for _ in 0..world.dice.between(0, 20) {
            world.write();
        }
        world
    }

    pub(super) fn shard(&mut self, side: Side) -> &mut Shard {
        match side {
            Side::Source => &mut self.source,
            Side::Target => &mut self.target,
        }
    }

    pub(super) fn tell(&mut self, line: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{:>6} ms  {}", self.now.as_millis(), line()));
        }
    }

    pub(super) fn breach(&mut self, problem: impl FnOnce() -> String) {
        if self.breach.is_none() {
            let problem = problem();
            self.tell(|| format!("BREACH {problem}"));
            self.breach = Some(problem);
        }
    }

    /// The lock is free: somebody takes it, and every shard is told who it is.
    pub(super) fn coordinate(&mut self) -> Coordinator {
        self.catalog.fence += 1;
        let fence = self.catalog.fence;
        // It waits for what a predecessor holds, and the server takes that back in time.
        self.hold = None;
        self.source.fence = fence;
        self.target.fence = fence;
        self.tell(|| format!("coordinator {fence} goes on"));
        self.begin_core(fence, fence << 24)
    }

    /// A coordinator that gave up takes the move up again, with the lock that it still has.
    pub(super) fn take_up_again(&mut self, before: &Coordinator) -> Coordinator {
        let fence = before.fence;
        self.hold = self.hold.filter(|hold| hold.fence != fence);
        self.tell(|| format!("coordinator {fence} takes it up again"));
        let is_repeated = self.options.sabotage == Some(Sabotage::MarksRepeated);
        let mark = if is_repeated { fence << 24 } else { before.core.mark() };
        self.begin_core(fence, mark)
    }

    fn begin_core(&mut self, fence: u64, mark: u64) -> Coordinator {
        let mut core = Core::new(self.catalog.record.clone(), self.options, mark);
        core.wish(self.wish);
        Coordinator { core, fence, snapshots: None }
    }

    /// A client writes a row, or has begun to, wherever it is let.
    pub(super) fn write(&mut self) {
        let side = if self.dice.percent(50) { Side::Source } else { Side::Target };
        let is_held = self.hold.is_some_and(|hold| hold.side == side);
        if !self.shard(side).is_open || is_held {
            return;
        }
        self.next_value += 1;
        let value = self.next_value;
        let known: Vec<Key> = self.shard(side).rows.keys().copied().collect();
        let busy: Vec<Key> = self.shard(side).in_flight.iter().filter_map(key_of).collect();
        let at = self.dice.between(0, known.len() as u64) as usize;
        let change = match known.get(at) {
            Some(key) if busy.contains(key) => return,
            Some(key) if self.dice.percent(30) => Change::Delete { key: *key },
            Some(key) => Change::Update { key: *key, value },
            None => Change::Insert { key: (self.dice.between(0, 3) as u16, value), value },
        };
        self.shard(side).in_flight.push(change);
        if self.dice.percent(70) {
            self.commit(side);
        }
    }

    /// Whatever runs on the shard ends, and is acknowledged.
    pub(super) fn commit(&mut self, side: Side) {
        if self.shard(side).in_flight.is_empty() {
            return;
        }
        for change in std::mem::take(&mut self.shard(side).in_flight) {
            if let Err(problem) = self.shard(side).apply(change) {
                self.breach(|| format!("a writer on the {side:?}: {problem}"));
            }
            self.acknowledged += 1;
            match change {
                Change::Insert { key, value } | Change::Update { key, value } => {
                    self.truth.insert(key, value);
                }
                Change::Delete { key } => {
                    self.truth.remove(&key);
                }
                Change::Mark { .. } => {}
            }
        }
        self.shard(side).replicate();
    }

    /// The shard's server dies, and its replica takes over.
    pub(super) fn fail_over(&mut self, side: Side) {
        self.tell(|| format!("the {side:?} fails over"));
        if self.hold.is_some_and(|hold| hold.side == side) {
            self.hold = None;
        }
        self.shard(side).fail_over();
    }

    /// Replication gets on by one change.
    pub(super) fn pump(&mut self, leg: Leg) {
        let Some(subscription) = self.shard(leg.to()).subscriptions.get(&leg).copied() else {
            return;
        };
        if !self.shard(leg.from()).slots.contains_key(&leg) {
            return;
        }
        if subscription == Subscription::New {
            return self.copy(leg);
        }
        let Some(change) = self.shard(leg.from()).decode(leg) else { return };
        if let Err(problem) = self.shard(leg.to()).apply(change) {
            self.breach(|| format!("{leg:?} replication stops for good: {problem}"));
        }
    }

    fn copy(&mut self, leg: Leg) {
        let followed = self.shard(leg.from()).clone();
        let changes = followed.rows.iter().map(|(key, value)| (*key, *value));
        for (key, value) in changes {
            if let Err(problem) = self.shard(leg.to()).apply(Change::Insert { key, value }) {
                self.breach(|| format!("the copy stops for good: {problem}"));
            }
        }
        if let Some(value) = followed.marks.get(&leg) {
            drop(self.shard(leg.to()).apply(Change::Mark { leg, value: *value }));
        }
        self.shard(leg.from()).slots.insert(leg, followed.log.len());
        self.shard(leg.to()).subscriptions.insert(leg, Subscription::Streaming);
    }

    /// What must be so at any time.
    pub(super) fn judge(&mut self) {
        if self.source.is_open && self.target.is_open {
            self.breach(|| "both shards take writes".to_owned());
        }
    }
}

fn key_of(change: &Change) -> Option<Key> {
    match change {
        Change::Insert { key, .. } | Change::Update { key, .. } | Change::Delete { key } => {
            Some(*key)
        }
        Change::Mark { .. } => None,
    }
}
