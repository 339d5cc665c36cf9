//! What a consumer gets that asks for what came since a number.

/// The log as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Log {
    /// The number of the last row that was deleted; 0 when none was.
    pub deleted_to: u64,
    /// See [`super::Watermark::settled`].
    pub settled: u64,
    /// For whoever is further behind than this, a snapshot is cheaper than the rows.
    pub tail_max: u64,
}

/// The answer to a consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Rows with `after < number <= up_to`, by number; none if the two are the same.
    Rows {
        /// The number that it asked from.
        after: u64,
        /// The number up to which the log is settled.
        up_to: u64,
    },
    /// The rows are deleted, or too many: it is to take a snapshot of `at` or later, and then ask
    /// from that one's number (410 Gone over HTTP).
    Snapshot {
        /// The number up to which the log is settled.
        at: u64,
    },
    /// It has applied what the log does not have: the log was set back, as by a backup. It cannot
    /// be helped by rows, and an operator wants to know.
    Ahead {
        /// The number up to which the log is settled.
        settled: u64,
    },
}

impl Log {
    /// What a consumer gets that has applied the log up to `since`.
    ///
    /// `last` is the last number given out, by the newest look: a consumer is not ahead when it has
    /// read what another instance of this service knew to be settled.
    pub fn reply(&self, since: u64, last: u64) -> Reply {
        if since > last.max(self.settled) {
            return Reply::Ahead { settled: self.settled };
        }
        let up_to = self.settled.max(since);
        if since < self.deleted_to || up_to - since > self.tail_max {
            return Reply::Snapshot { at: self.settled };
        }
        Reply::Rows { after: since, up_to }
    }
}
