//! Outbox and inbox against a database of the test's own: transactions that interleave, a queue
//! that fails, poisoned rows, and publishers that die.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;
use standfast_tactics::outbox::{
    Arrival, End, Numbering, Order, Outbox, Page, Policy, Row, Run, arrive,
};
use tokio::time::Instant;

type Key = u8;

#[derive(Clone, Debug)]
enum Step {
    Begin,
    /// A transaction writes a row of a key, if it can have the lock.
    Write(usize, Key),
    Commit(usize),
    RollBack(usize),
    /// Reads a page and offers it.
    Poll,
    /// A run comes back, with so many of its rows sent before the queue failed, if it did.
    Finish(usize, usize, bool),
    Mark,
    Die,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Begin),
        10 => (any::<usize>(), 0..4_u8).prop_map(|(index, key)| Step::Write(index, key)),
        5 => any::<usize>().prop_map(Step::Commit),
        1 => any::<usize>().prop_map(Step::RollBack),
        6 => Just(Step::Poll),
        6 => (any::<usize>(), 0..4_usize, prop::bool::weighted(0.2))
            .prop_map(|(index, sent, fails)| Step::Finish(index, sent, fails)),
        3 => Just(Step::Mark),
        1 => Just(Step::Die),
    ]
}

struct Transaction {
    number: u64,
    rows: Vec<(u64, Key)>,
}

struct Bench {
    now: Instant,
    order: Order,
    outbox: Outbox<Key>,
    running: Vec<Transaction>,
    next_transaction: u64,
    next_id: u64,
    /// Committed rows by id: transaction, key. Marked and parked ones are gone from here.
    pending: BTreeMap<u64, (u64, Key)>,
    committed: BTreeMap<Key, Vec<u64>>,
    parked: BTreeMap<Key, u64>,
    out: Vec<Run<Key>>,
    to_mark: Vec<u64>,
    published: Vec<(u64, Key)>,
    newest_published: u64,
    may_repeat: bool,
}

/// Rows that no queue takes.
fn is_poisoned(id: u64) -> bool {
    id.is_multiple_of(17)
}

impl Bench {
    fn new(order: Order) -> Self {
        Self {
            now: Instant::now(),
            order,
            outbox: Self::outbox(order),
            running: Vec::new(),
            next_transaction: 1,
            next_id: 1,
            pending: BTreeMap::new(),
            committed: BTreeMap::new(),
            parked: BTreeMap::new(),
            out: Vec::new(),
            to_mark: Vec::new(),
            published: Vec::new(),
            newest_published: 0,
            may_repeat: false,
        }
    }

    fn outbox(order: Order) -> Outbox<Key> {
        Outbox::new(Policy { order, rows_max: 6, run_max: 3, tries_max: 2, ..Policy::default() })
    }

    fn horizon(&self) -> u64 {
        self.running.iter().map(|running| running.number).min().unwrap_or(self.next_transaction)
    }

    fn take(&mut self, step: &Step) {
        match *step {
            Step::Begin => {
                self.running.push(Transaction { number: self.next_transaction, rows: Vec::new() });
                self.next_transaction += 1;
            }
            Step::Write(index, key) if !self.running.is_empty() => {
                let index = index % self.running.len();
                let holds = |other: &Transaction| other.rows.iter().any(|(_, held)| *held == key);
                let holder = self.running.iter().position(holds);
                if holder.is_none_or(|holder| holder == index) {
                    self.running[index].rows.push((self.next_id, key));
                    self.next_id += 1;
                }
            }
            Step::Commit(index) if !self.running.is_empty() => {
                let ended = self.running.swap_remove(index % self.running.len());
                if self.order == Order::ByHorizon && !ended.rows.is_empty() {
                    assert!(ended.number > self.newest_published, "something older appears");
                }
                for (id, key) in ended.rows {
                    self.pending.insert(id, (ended.number, key));
                    self.committed.entry(key).or_default().push(id);
                }
            }
            Step::RollBack(index) if !self.running.is_empty() => {
                self.running.swap_remove(index % self.running.len());
            }
            Step::Poll => self.poll(),
            Step::Finish(index, sent, fails) if !self.out.is_empty() => {
                let run = self.out.swap_remove(index % self.out.len());
                self.finish(&run, if fails { sent } else { usize::MAX });
            }
            Step::Mark => self.mark(),
            Step::Die => {
                self.outbox = Self::outbox(self.order);
                self.parked.keys().for_each(|key| self.outbox.hold(*key));
                self.out.clear();
                self.to_mark.clear();
                self.may_repeat = true;
            }
            Step::Write(..) | Step::Commit(_) | Step::RollBack(_) | Step::Finish(..) => {}
        }
    }

    fn poll(&mut self) {
        let excluded = self.outbox.begin_page(self.now);
        let row = |(id, (transaction, key)): (&u64, &(u64, Key))| Row {
            id: *id,
            transaction: *transaction,
            key: *key,
            attempts: 0,
            age: Duration::ZERO,
        };
        let visible = self.pending.iter().filter(|(_, (_, key))| !excluded.contains(key));
        let page = Page { horizon: self.horizon(), rows: visible.map(row).take(8).collect() };
        // A mark that is committed between the reading of a page and its offer.
        self.mark();
        self.out.extend(self.outbox.offer(page, self.now));
    }

    /// Publishes a run up to its first poisoned row, or the point where the queue fails.
    fn finish(&mut self, run: &Run<Key>, fails_at: usize) {
        let poisoned = run.rows.iter().position(|id| is_poisoned(*id)).unwrap_or(run.rows.len());
        let sent = poisoned.min(fails_at);
        for id in &run.rows[..sent] {
            self.published.push((*id, run.key));
            let transaction = self.pending.get(id).map(|(transaction, _)| *transaction);
            self.newest_published = self.newest_published.max(transaction.unwrap_or_default());
        }
        let end = if fails_at < poisoned {
            End::Unavailable
        } else if poisoned < run.rows.len() {
            End::Rejected
        } else {
            End::Done
        };
        let back = self.outbox.finish(run.id, sent, end, self.now, 0.5);
        self.to_mark.extend(back.published);
        if let Some(id) = back.parked {
            self.parked.insert(run.key, id);
            self.to_mark.push(id);
        }
    }

    fn mark(&mut self) {
        for id in &self.to_mark {
            self.pending.remove(id);
        }
        self.outbox.marked(&std::mem::take(&mut self.to_mark));
    }

    /// All transactions commit, the queue is well, and time passes.
    fn drain(&mut self) {
        while !self.running.is_empty() {
            self.take(&Step::Commit(0));
        }
        for _ in 0..400 {
            self.now += Duration::from_secs(10);
            self.poll();
            while let Some(run) = self.out.pop() {
                self.finish(&run, usize::MAX);
            }
            self.mark();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn what_was_committed_arrives_once_in_effect_and_in_order(
        order in prop_oneof![Just(Order::ByKey), Just(Order::ByHorizon)],
        steps in prop::collection::vec(step(), 0..250),
    ) {
        let mut bench = Bench::new(order);
        for step in &steps {
            bench.now += Duration::from_millis(20);
            bench.take(step);
        }
        bench.drain();
        let mut applied: BTreeMap<Key, Vec<u64>> = BTreeMap::new();
        for (id, key) in &bench.published {
            let effects = applied.entry(*key).or_default();
            if arrive(effects.last().copied(), *id, Numbering::Sparse) == Arrival::Next {
                effects.push(*id);
            }
        }
        for (key, ids) in &bench.committed {
            // A key is held at its first poisoned row: what follows must not overtake it.
            let due: Vec<u64> = ids.iter().copied().take_while(|id| !is_poisoned(*id)).collect();
            let effects = applied.remove(key).unwrap_or_default();
            prop_assert_eq!(&effects, &due, "key {}", key);
            prop_assert_eq!(bench.parked.contains_key(key), due.len() < ids.len());
        }
        prop_assert!(applied.is_empty(), "what was rolled back was published: {applied:?}");
        let distinct: BTreeSet<_> = bench.published.iter().collect();
        if !bench.may_repeat {
            prop_assert_eq!(distinct.len(), bench.published.len(), "repeated without a reason");
        }
    }
}
