//! Up to which number the log is settled, by what was seen of the database.

use std::collections::VecDeque;

/// One look at the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// The last number that the sequence gave out, 0 before the first. Read before the others.
    pub last: u64,
    /// A transaction that began afterwards, so that all that ran by then are below it:
    /// `pg_current_xact_id`, and not `pg_snapshot_xmax`, behind which others may run.
    pub next_transaction: u64,
    /// The oldest transaction that was still running after that: `pg_snapshot_xmin`.
    pub oldest_running: u64,
}

/// Sightings that are waiting at once. More are not kept: the newest of them waits in the place of
/// the one before it, which only delays what is settled by it.
const WAITING_MAX: usize = 64;

/// Up to which number every row is visible or will never be.
#[derive(Clone, Debug, Default)]
pub struct Watermark {
    settled: u64,
    /// By ascending `next_transaction`, and ascending `last`.
    waiting: VecDeque<Sighting>,
}

impl Watermark {
    /// Takes a look at the database, in the order in which they were made; one that comes late does
    /// no harm. Answers the number up to which the log is settled.
    pub fn observe(&mut self, seen: Sighting) -> u64 {
        let is_news = self.waiting.back().map_or(self.settled, |newest| newest.last) < seen.last;
        let is_newer = self
            .waiting
            .back()
            .is_none_or(|newest| newest.next_transaction <= seen.next_transaction);
        if is_news && is_newer {
            if self.waiting.len() == WAITING_MAX {
                self.waiting.pop_back();
            }
            self.waiting.push_back(seen);
        }
        while let Some(first) = self.waiting.front()
            && first.next_transaction <= seen.oldest_running
        {
            self.settled = first.last;
            self.waiting.pop_front();
        }
        self.settled
    }

    /// The number up to which every row is visible or will never be.
    pub fn settled(&self) -> u64 {
        self.settled
    }
}
