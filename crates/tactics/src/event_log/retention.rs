//! What may be deleted: what all have read, and what those who are gone for good have not.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

/// The choices of a retention; any value is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetentionPolicy {
    /// So many numbers are kept although all have read them: for one that comes anew, and for
    /// whoever looks for what happened.
    pub keep: u64,
    /// A consumer that was not heard of for this long holds nothing back: else one that was taken
    /// out of service fills the disk. Should it come back, it takes a snapshot.
    pub forget_after: Duration,
}

impl Default for RetentionPolicy {
    fn default() -> Self {
        Self { keep: 10_000, forget_after: Duration::from_secs(24 * 3600) }
    }
}

#[derive(Clone, Copy, Debug)]
struct Consumer {
    applied: u64,
    heard_at: Instant,
}

/// How far each consumer has read.
#[derive(Clone, Debug)]
pub struct Retention {
    policy: RetentionPolicy,
    consumers: BTreeMap<String, Consumer>,
}

impl Retention {
    /// A log with the consumers that are expected, of which nothing has been heard until `now`.
    pub fn new<'a>(
        policy: RetentionPolicy,
        expected: impl IntoIterator<Item = &'a str>,
        now: Instant,
    ) -> Self {
        let unread = Consumer { applied: 0, heard_at: now };
        let consumers = expected.into_iter().map(|name| (name.to_owned(), unread)).collect();
        Self { policy, consumers }
    }

    /// A consumer has applied the log up to `applied`: that is what it asks from. It may go back,
    /// as by a backup of its own.
    pub fn heard(&mut self, consumer: &str, applied: u64, now: Instant) {
        let heard = Consumer { applied, heard_at: now };
        if let Some(known) = self.consumers.get_mut(consumer) {
            *known = heard;
        } else {
            self.consumers.insert(consumer.to_owned(), heard);
        }
    }

    /// The number up to which rows may be deleted at `now`, if the log is settled up to `settled`.
    pub fn deletable_to(&self, settled: u64, now: Instant) -> u64 {
        let read_by_all = self
            .consumers
            .values()
            .filter(|consumer| self.is_held_for(consumer, now))
            .map(|consumer| consumer.applied)
            .fold(settled, u64::min);
        read_by_all.min(settled.saturating_sub(self.policy.keep))
    }

    /// Consumers with what they have applied, and whether rows are kept for them.
    pub fn consumers(&self, now: Instant) -> impl Iterator<Item = (&str, u64, bool)> {
        self.consumers.iter().map(move |(name, consumer)| {
            (name.as_str(), consumer.applied, self.is_held_for(consumer, now))
        })
    }

    fn is_held_for(&self, consumer: &Consumer, now: Instant) -> bool {
        now.saturating_duration_since(consumer.heard_at) < self.policy.forget_after
    }
}
