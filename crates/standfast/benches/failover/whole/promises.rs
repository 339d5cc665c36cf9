//! What clients asked for, and what they were told of it: the one record that the books of the
//! databases are held against.

use std::sync::{Arc, Mutex};

use standfast_checker::Wanted;

/// What a client knows of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// It may be there or not.
    Nothing,
    /// It is made, and called so.
    Made(String),
    /// It is not, and never will be.
    Declined,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Promise {
    pub(crate) wanted: Wanted,
    pub(crate) told: Told,
}

/// Clones are the same record. Each client has a page; places in it only grow.
#[derive(Clone, Debug)]
pub(crate) struct Promises(Arc<Mutex<Vec<Vec<Promise>>>>);

impl Promises {
    pub(crate) fn of(clients: usize) -> Self {
        Self(Arc::new(Mutex::new(vec![Vec::new(); clients])))
    }

    fn with<T>(&self, read: impl FnOnce(&mut Vec<Vec<Promise>>) -> T) -> T {
        read(&mut self.0.lock().expect("nobody panics with the promises in hand"))
    }

    /// Before it is asked for the first time; answers its place.
    pub(crate) fn ask(&self, client: usize, wanted: Wanted) -> usize {
        self.with(|pages| {
            pages[client].push(Promise { wanted, told: Told::Nothing });
            pages[client].len() - 1
        })
    }

    pub(crate) fn tell(&self, client: usize, place: usize, told: Told) {
        self.with(|pages| pages[client][place].told = told);
    }

    pub(crate) fn all(&self) -> Vec<Promise> {
        self.with(|pages| pages.iter().flatten().cloned().collect())
    }

    /// How many there are of each client, a place to go on from later.
    pub(crate) fn marks(&self) -> Vec<usize> {
        self.with(|pages| pages.iter().map(Vec::len).collect())
    }

    /// The orders that were made of those that were asked for between two marks.
    pub(crate) fn made(&self, from: &[usize], to: &[usize]) -> Vec<String> {
        self.with(|pages| {
            let between = pages.iter().zip(from.iter().zip(to));
            let between = between.flat_map(|(page, (from, to))| &page[*from..*to]);
            let name = |promise: &Promise| match &promise.told {
                Told::Made(order) => Some(order.clone()),
                Told::Nothing | Told::Declined => None,
            };
            between.filter_map(name).collect()
        })
    }
}
