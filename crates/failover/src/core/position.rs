//! How much of a cluster's history a server has, and which of two servers has more.
//!
//! Not every two can be compared: with GTIDs each may hold what the other lacks. Then nobody is
//! ahead, and a watchdog asks instead of choosing.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::gtid_set::GtidSet;

/// A place in a history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Position {
    /// PostgreSQL: a timeline, and how far on it.
    Log { timeline: u32, offset: u64 },
    /// MariaDB: the last sequence number of each replication domain.
    Domains(BTreeMap<u32, u64>),
    /// MySQL: the transactions themselves.
    Transactions(GtidSet),
}

impl Position {
    /// Before everything.
    pub const START: Self = Self::Log { timeline: 0, offset: 0 };

    /// Does it hold all that `other` holds?
    pub fn holds(&self, other: &Self) -> bool {
        matches!(self.compare(other), Some(Ordering::Equal | Ordering::Greater))
    }

    /// Which of the two holds more; `None` when neither holds all of the other.
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (
                Self::Log { timeline, offset },
                Self::Log { timeline: their_timeline, offset: theirs },
            ) => Some((timeline, offset).cmp(&(their_timeline, theirs))),
            (Self::Domains(ours), Self::Domains(theirs)) => {
                let has_all = |all: &BTreeMap<u32, u64>, of: &BTreeMap<u32, u64>| {
                    of.iter().all(|(domain, last)| all.get(domain).is_some_and(|own| own >= last))
                };
                order(has_all(ours, theirs), has_all(theirs, ours))
            }
            (Self::Transactions(ours), Self::Transactions(theirs)) => {
                order(ours.contains(theirs), theirs.contains(ours))
            }
            (Self::Log { .. } | Self::Domains(_) | Self::Transactions(_), _) => None,
        }
    }

    /// How far behind `ahead` it is, in bytes of log or in transactions; `None` when that has no
    /// meaning.
    pub fn behind(&self, ahead: &Self) -> Option<u64> {
        match (self, ahead) {
            (
                Self::Log { timeline, offset },
                Self::Log { timeline: their_timeline, offset: theirs },
            ) => (timeline == their_timeline).then(|| theirs.saturating_sub(*offset)),
            (Self::Domains(ours), Self::Domains(theirs)) => Some(
                theirs
                    .iter()
                    .map(|(domain, last)| {
                        last.saturating_sub(ours.get(domain).copied().unwrap_or_default())
                    })
                    .sum(),
            ),
            (Self::Transactions(ours), Self::Transactions(theirs)) => Some(ours.lacks(theirs)),
            (Self::Log { .. } | Self::Domains(_) | Self::Transactions(_), _) => None,
        }
    }
}

fn order(holds_theirs: bool, is_held: bool) -> Option<Ordering> {
    match (holds_theirs, is_held) {
        (true, true) => Some(Ordering::Equal),
        (true, false) => Some(Ordering::Greater),
        (false, true) => Some(Ordering::Less),
        (false, false) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domains(of: &[(u32, u64)]) -> Position {
        Position::Domains(of.iter().copied().collect())
    }

    #[test]
    fn a_later_timeline_is_ahead_of_a_longer_log() {
        let old = Position::Log { timeline: 1, offset: 900 };
        let new = Position::Log { timeline: 2, offset: 100 };
        assert!(new.holds(&old) && !old.holds(&new));
        assert_eq!(old.behind(&new), None, "bytes of two timelines have no difference");
    }

    #[test]
    fn two_servers_that_each_lack_something_cannot_be_compared() {
        let (left, right) = (domains(&[(0, 7), (1, 3)]), domains(&[(0, 8), (1, 2)]));
        assert_eq!(left.compare(&right), None);
        assert!(domains(&[(0, 8), (1, 3)]).holds(&left));
        assert_eq!(left.behind(&right), Some(1));
        assert!(!domains(&[(0, 8)]).holds(&left), "a domain that is missing holds nothing");
    }

    #[test]
    fn positions_of_two_kinds_of_engine_cannot_be_compared() {
        assert_eq!(domains(&[]).compare(&Position::START), None);
    }
}
