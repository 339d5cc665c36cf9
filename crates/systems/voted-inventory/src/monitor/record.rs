//! The failures that were found, newest last: what `/monitor/failures` shows.

use std::collections::VecDeque;

use time::OffsetDateTime;
use uuid::Uuid;

use super::case::Cause;

/// A failure from its detection to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) id: Uuid,
    pub(super) replica: String,
    pub(super) cause: Cause,
    pub(super) detected_at: OffsetDateTime,
    /// Nothing while it lasts.
    pub(super) recovered_at: Option<OffsetDateTime>,
}

/// The newest failures. All of them are in the database.
#[derive(Clone, Debug)]
pub(super) struct Record {
    failures: VecDeque<Failure>,
    failures_max: usize,
    detected: u64,
    recovered: u64,
}

impl Record {
    pub(super) fn new(failures_max: usize) -> Self {
        Self { failures: VecDeque::new(), failures_max, detected: 0, recovered: 0 }
    }

    /// Takes over what was found before a restart: older than all that is here.
    pub(super) fn restore(&mut self, failures: Vec<Failure>) {
        for failure in failures.into_iter().rev() {
            if self.failures.len() < self.failures_max {
                self.failures.push_front(failure);
            }
        }
    }

    pub(super) fn detected(&mut self, failure: Failure) {
        if self.failures.len() >= self.failures_max {
            self.failures.pop_front();
        }
        self.failures.push_back(failure);
        self.detected += 1;
    }

    /// The last failure of `replica` is over; answers which one that is.
    pub(super) fn recovered(&mut self, replica: &str, at: OffsetDateTime) -> Option<&Failure> {
        let mut newest_first = self.failures.iter_mut().rev();
        let failure = newest_first.find(|one| one.replica == replica)?;
        if failure.recovered_at.is_some() {
            return None;
        }
        failure.recovered_at = Some(at);
        self.recovered += 1;
        Some(failure)
    }

    /// Newest first.
    pub(super) fn newest(&self) -> impl Iterator<Item = &Failure> {
        self.failures.iter().rev()
    }

    /// How many were found, and how many of them ended, since the start.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.detected, self.recovered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(replica: &str) -> Failure {
        let (id, replica, cause) = (Uuid::now_v7(), replica.to_owned(), Cause::Slow);
        let detected_at = OffsetDateTime::UNIX_EPOCH;
        Failure { id, replica, cause, detected_at, recovered_at: None }
    }

    #[test]
    fn a_recovery_ends_the_last_failure_of_its_replica_and_no_other() {
        let (mut record, at) = (Record::new(2), OffsetDateTime::UNIX_EPOCH);
        let (old, one, other) = (failure("a"), failure("a"), failure("b"));
        record.restore(vec![old]);
        record.detected(one.clone());
        record.detected(other);
        assert_eq!(record.newest().count(), 2, "the oldest is in the database alone");
        assert_eq!(record.recovered("a", at).map(|failure| failure.id), Some(one.id));
        assert_eq!(record.recovered("a", at), None);
        assert_eq!(record.recovered("c", at), None);
        assert_eq!(record.counts(), (2, 1));
    }
}
