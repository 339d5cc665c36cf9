//! What each line must be: from who knew of what when it changed something, and nothing else.

use std::collections::BTreeSet;

pub(super) type Item = u8;
/// The number of a change.
pub(super) type Change = usize;

#[derive(Clone, Copy, PartialEq)]
enum What {
    Add(u32),
    Set(u32),
    Take(u32),
    Remove,
}

struct Record {
    cart: String,
    item: Item,
    what: What,
    /// Changes of this cart that its node knew of.
    known: BTreeSet<Change>,
}

/// All changes that were acknowledged.
#[derive(Default)]
pub(super) struct Oracle(Vec<Record>);

impl Oracle {
    pub(super) fn add(&mut self, cart: &str, item: Item, units: u32) -> Change {
        self.note(cart, item, What::Add(units), BTreeSet::new())
    }

    pub(super) fn set(
        &mut self,
        cart: &str,
        item: Item,
        units: u32,
        known: BTreeSet<Change>,
    ) -> Change {
        self.note(cart, item, What::Set(units), known)
    }

    pub(super) fn take(&mut self, cart: &str, item: Item, units: u32) -> Change {
        self.note(cart, item, What::Take(units), BTreeSet::new())
    }

    pub(super) fn remove(&mut self, cart: &str, item: Item, known: BTreeSet<Change>) -> Change {
        self.note(cart, item, What::Remove, known)
    }

    /// The quantity of additions and settings that no removal or setting knew of.
    pub(super) fn expected(&self, cart: &str, item: Item) -> u64 {
        let of_line = || self.of_line(cart, item);
        let replaced: BTreeSet<Change> = of_line()
            .filter(|(_, record)| matches!(record.what, What::Set(_) | What::Remove))
            .flat_map(|(_, record)| record.known.iter().copied())
            .collect();
        let alive = of_line().filter(|(change, _)| !replaced.contains(change));
        let (mut added, mut set) = (0, 0);
        for (_, record) in alive {
            match record.what {
                What::Add(units) => added += u64::from(units),
                What::Set(units) => set = u64::from(units).max(set),
                What::Take(_) | What::Remove => {}
            }
        }
        added + set
    }

    /// How many units were taken at most.
    pub(super) fn taken(&self, cart: &str, item: Item) -> u64 {
        let units = self.of_line(cart, item).map(|(_, record)| match record.what {
            What::Take(units) => u64::from(units),
            What::Add(_) | What::Set(_) | What::Remove => 0,
        });
        units.sum()
    }

    fn of_line(&self, cart: &str, item: Item) -> impl Iterator<Item = (Change, &Record)> {
        let all = self.0.iter().enumerate();
        all.filter(move |(_, record)| record.cart == cart && record.item == item)
    }

    fn note(&mut self, cart: &str, item: Item, what: What, known: BTreeSet<Change>) -> Change {
        self.0.push(Record { cart: cart.to_owned(), item, what, known });
        self.0.len() - 1
    }
}
