//! What must be in carts: each addition by itself, as long as no removal knew of it. What a node
//! knows is what came to it by messages, counted in additions.

use std::collections::{BTreeMap, BTreeSet};

/// An addition or a setting, by its number.
pub(super) type Event = u32;

/// Who knows of what: additions, by cart.
pub(super) type Known = BTreeMap<String, BTreeSet<Event>>;

#[derive(Clone, Debug)]
struct Addition {
    cart: String,
    sku: String,
    units: u64,
    /// In place of what was known, and not on top of it.
    is_set: bool,
    is_removed: bool,
}

/// All that has happened, as somebody sees it who sees everything.
#[derive(Clone, Debug, Default)]
pub(super) struct Oracle {
    additions: Vec<Addition>,
    pub(super) removals: u64,
}

/// What was added.
#[derive(Clone, Copy, Debug)]
pub(super) struct Added<'a> {
    pub(super) cart: &'a str,
    pub(super) sku: &'a str,
    pub(super) units: u32,
    pub(super) is_set: bool,
}

impl Oracle {
    pub(super) fn add(&mut self, added: Added<'_>) -> Event {
        let event = u32::try_from(self.additions.len()).unwrap();
        self.additions.push(Addition {
            cart: added.cart.to_owned(),
            sku: added.sku.to_owned(),
            units: added.units.into(),
            is_set: added.is_set,
            is_removed: false,
        });
        event
    }

    /// Somebody who knows `known` removes `sku`, or everything, from `cart`.
    pub(super) fn remove(&mut self, cart: &str, sku: Option<&str>, known: &BTreeSet<Event>) {
        self.removals += 1;
        for event in known {
            let addition = &mut self.additions[*event as usize];
            if addition.cart == cart && sku.is_none_or(|sku| addition.sku == sku) {
                addition.is_removed = true;
            }
        }
    }

    pub(super) fn additions(&self) -> u64 {
        self.additions.len() as u64
    }

    /// What there must be of each line that was ever there.
    pub(super) fn expected(&self) -> BTreeMap<(String, String), u64> {
        let mut lines: BTreeMap<(String, String), (u64, u64)> = BTreeMap::new();
        for addition in &self.additions {
            let line = (addition.cart.clone(), addition.sku.clone());
            let (added, set) = lines.entry(line).or_default();
            match addition {
                Addition { is_removed: true, .. } => {}
                Addition { is_set: true, units, .. } => *set = (*set).max(*units),
                Addition { units, .. } => *added += units,
            }
        }
        lines.into_iter().map(|(line, (added, set))| (line, added + set)).collect()
    }
}
