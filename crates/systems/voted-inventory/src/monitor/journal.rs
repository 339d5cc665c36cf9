//! What is still to be written to the database, in order and bounded: the monitor works on while
//! the database is away, and writes what it missed when it is back.

use std::collections::VecDeque;

use time::OffsetDateTime;
use uuid::Uuid;

use super::case::Cause;
use super::wire::State;

/// One thing to be written. Writing it twice changes nothing.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Entry {
    /// What is held of a replica.
    State {
        replica: String,
        state: State,
        cause: Option<Cause>,
        since: OffsetDateTime,
        epoch: u64,
        accused: Vec<String>,
    },
    Detected {
        failure: Uuid,
        replica: String,
        cause: Cause,
        at: OffsetDateTime,
    },
    Recovered {
        failure: Uuid,
        at: OffsetDateTime,
    },
    Sample {
        replica: String,
        at: OffsetDateTime,
        checks: u64,
        failed_checks: u64,
        dissents: u64,
    },
}

/// The entries that are not in the database yet.
#[derive(Clone, Debug)]
pub(super) struct Journal {
    entries: VecDeque<Entry>,
    entries_max: usize,
    /// How many were taken off at the front so far.
    written: u64,
    dropped: u64,
}

impl Journal {
    pub(super) fn new(entries_max: usize) -> Self {
        Self { entries: VecDeque::new(), entries_max, written: 0, dropped: 0 }
    }

    /// Adds `entry`. When there is no room, the oldest sample makes some; without one, the oldest
    /// entry.
    pub(super) fn push(&mut self, entry: Entry) {
        if self.entries.len() >= self.entries_max {
            let is_sample = |entry: &Entry| matches!(entry, Entry::Sample { .. });
            let place = self.entries.iter().position(is_sample).unwrap_or(0);
            self.entries.remove(place);
            self.dropped += 1;
        }
        self.entries.push_back(entry);
    }

    /// The oldest entry, and the mark to say that it is written.
    pub(super) fn first(&self) -> Option<(Entry, u64)> {
        Some((self.entries.front()?.clone(), self.written + self.dropped))
    }

    /// The entry that came with `mark` is written. If it has been dropped meanwhile, so be it.
    pub(super) fn is_written(&mut self, mark: u64) {
        if mark == self.written + self.dropped && self.entries.pop_front().is_some() {
            self.written += 1;
        }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn written(&self) -> u64 {
        self.written
    }

    /// Entries that will never be written.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(checks: u64) -> Entry {
        let (replica, at) = ("r".to_owned(), OffsetDateTime::UNIX_EPOCH);
        Entry::Sample { replica, at, checks, failed_checks: 0, dissents: 0 }
    }

    fn recovered() -> Entry {
        Entry::Recovered { failure: Uuid::nil(), at: OffsetDateTime::UNIX_EPOCH }
    }

    #[test]
    fn entries_stay_until_they_are_written_and_keep_their_order() {
        let mut journal = Journal::new(10);
        journal.push(sample(1));
        journal.push(sample(2));
        let (entry, mark) = journal.first().unwrap();
        assert_eq!(entry, sample(1));
        assert_eq!(journal.first().unwrap().0, sample(1), "it was not written");
        journal.is_written(mark);
        journal.is_written(mark);
        assert_eq!(journal.first().unwrap().0, sample(2), "the second word changes nothing");
        assert_eq!((journal.len(), journal.written(), journal.dropped()), (1, 1, 0));
    }

    #[test]
    fn without_room_samples_go_first_and_the_loss_is_counted() {
        let mut journal = Journal::new(3);
        journal.push(recovered());
        journal.push(sample(1));
        journal.push(recovered());
        journal.push(recovered());
        assert_eq!((journal.len(), journal.dropped()), (3, 1));
        let (first, mark) = journal.first().unwrap();
        assert_eq!(first, recovered());
        journal.push(recovered());
        assert_eq!((journal.len(), journal.dropped()), (3, 2));
        journal.is_written(mark);
        assert_eq!(journal.len(), 3, "what was written had made room already");
    }
}
