//! Who has been caught in a lie, about what, and when that is forgotten.
//!
//! One dissent is proof: replicas that have applied the same log to the same version cannot differ.
//! What clears a replica is to be right about *the same product*, several times in a row; what it
//! says of the ninety-nine others proves nothing.

use std::collections::BTreeMap;

/// A replica that is wrong about more products than these is bad enough with these.
const ACCUSED_MAX: usize = 16;

/// A change of what is held of a replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// It was caught, having been clean.
    Detected,
    /// It is clean again.
    Recovered,
}

/// What became of an agreement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Agreement {
    /// Whether the product is cleared by it.
    pub(super) is_cleared: bool,
    pub(super) change: Option<Change>,
}

/// What each replica is accused of.
#[derive(Clone, Debug)]
pub(super) struct Suspicions {
    /// By replica: products, and how often in a row it has been right about them since.
    accused: Vec<BTreeMap<String, u32>>,
    agreements_to_clear: u32,
    turn: usize,
}

impl Suspicions {
    pub(super) fn new(replicas: usize, agreements_to_clear: u32) -> Self {
        Self { accused: vec![BTreeMap::new(); replicas], agreements_to_clear, turn: 0 }
    }

    /// It was wrong about `product`.
    pub(super) fn dissented(&mut self, replica: usize, product: &str) -> Option<Change> {
        self.accuse(replica, product)
    }

    /// It was right about `product`.
    pub(super) fn agreed(&mut self, replica: usize, product: &str) -> Agreement {
        let accused = &mut self.accused[replica];
        let Some(agreements) = accused.get_mut(product) else {
            return Agreement { is_cleared: false, change: None };
        };
        *agreements += 1;
        let is_cleared = *agreements >= self.agreements_to_clear;
        if is_cleared {
            accused.remove(product);
        }
        let is_clean = is_cleared && accused.is_empty();
        Agreement { is_cleared, change: is_clean.then_some(Change::Recovered) }
    }

    /// Takes over what an earlier voter has found.
    pub(super) fn adopt(&mut self, replica: usize, products: &[String]) -> Option<Change> {
        let mut change = None;
        for product in products {
            if !self.accused[replica].contains_key(product) {
                change = change.or(self.accuse(replica, product));
            }
        }
        change
    }

    fn accuse(&mut self, replica: usize, product: &str) -> Option<Change> {
        let accused = &mut self.accused[replica];
        let was_clean = accused.is_empty();
        if accused.len() < ACCUSED_MAX || accused.contains_key(product) {
            accused.insert(product.to_owned(), 0);
        }
        was_clean.then_some(Change::Detected)
    }

    /// What a replica is accused of.
    pub(super) fn of(&self, replica: usize) -> impl Iterator<Item = &str> {
        self.accused[replica].keys().map(String::as_str)
    }

    /// A product that somebody has to prove himself by, each in its turn: clients may never ask for
    /// it again.
    pub(super) fn next_product(&mut self) -> Option<String> {
        let mut all: Vec<&String> = self.accused.iter().flat_map(BTreeMap::keys).collect();
        all.sort_unstable();
        all.dedup();
        let product = (*all.get(self.turn % all.len().max(1))?).clone();
        self.turn = self.turn.wrapping_add(1);
        Some(product)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lie_is_told_once_and_cleared_by_the_truth_about_the_same_product() {
        let mut suspicions = Suspicions::new(3, 2);
        assert_eq!(suspicions.dissented(1, "A"), Some(Change::Detected));
        assert_eq!(suspicions.dissented(1, "A"), None);
        for _ in 0..9 {
            suspicions.agreed(1, "B");
        }
        assert_eq!(suspicions.of(1).collect::<Vec<_>>(), ["A"]);
        suspicions.agreed(1, "A");
        suspicions.dissented(1, "A");
        assert!(!suspicions.agreed(1, "A").is_cleared, "it has to be in a row");
        let agreement = suspicions.agreed(1, "A");
        assert_eq!(agreement, Agreement { is_cleared: true, change: Some(Change::Recovered) });
        assert_eq!(suspicions.agreed(1, "A"), Agreement { is_cleared: false, change: None });
    }

    #[test]
    fn every_accusation_gets_its_turn_and_their_number_is_bounded() {
        let mut suspicions = Suspicions::new(3, 5);
        assert_eq!(suspicions.next_product(), None);
        suspicions.dissented(0, "A");
        suspicions.dissented(2, "B");
        let asked: Vec<_> = (0..4).filter_map(|_| suspicions.next_product()).collect();
        assert_eq!(asked, ["A", "B", "A", "B"]);
        for product in 0..100 {
            suspicions.dissented(0, &format!("P{product}"));
        }
        assert_eq!(suspicions.of(0).count(), ACCUSED_MAX);
    }

    #[test]
    fn what_is_taken_over_does_not_undo_what_was_proved_since() {
        let mut suspicions = Suspicions::new(3, 2);
        let products = ["A".to_owned()];
        assert_eq!(suspicions.adopt(0, &products), Some(Change::Detected));
        suspicions.agreed(0, "A");
        assert_eq!(suspicions.adopt(0, &products), None);
        assert!(suspicions.agreed(0, "A").is_cleared);
    }
}
