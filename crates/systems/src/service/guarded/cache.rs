//! Valkey: copies, and the positions of the last writes that make them stale.
//!
//! One connection carries all calls, pipelined. A lookup is one round trip: the copy and the
//! position of the last write come together.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Cmd, FromRedisValue};
use standfast_tactics::circuit_breaker::{Outcome, Permit};
use standfast_tactics::deadline::Deadline;
use standfast_tactics::session_token::LogPosition;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::dependency::Dependency;
use super::entry::Entry;
use super::pending::Pending;

/// A round trip takes well below a millisecond; a cache that needs longer than this is no help.
pub(crate) const CALL_BUDGET: Duration = Duration::from_millis(50);

/// Refuses a copy that a write has overtaken. Positions are hexadecimal of one width, so that they
/// compare as text.
const PUT: &str = "local written = redis.call('GET', KEYS[2]) \
                   if written and written > ARGV[2] then return 0 end \
                   redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[3]) \
                   return 1";

/// Positions only ever grow, in whichever order two writers come.
const INVALIDATE: &str = "for _, key in ipairs(KEYS) do \
                          local written = redis.call('GET', key) \
                          if not written or written < ARGV[1] then \
                          redis.call('SET', key, ARGV[1], 'PX', ARGV[2]) end end \
                          return 1";

/// The cache does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the cache is away")]
pub(crate) struct CacheAway;

/// The names of a copy and of the position of the last write to what it shows.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Keys {
    pub(crate) copy: String,
    pub(crate) written: String,
}

/// What a lookup found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) entry: Option<Entry>,
    /// The last write that the cache knows of.
    pub(crate) written: LogPosition,
}

pub(crate) struct Cache {
    pub(crate) dependency: Dependency,
    /// Writes that the cache could not be told of yet.
    pub(crate) pending: Pending,
    /// Wakes the watch when the connection is lost.
    pub(crate) lost: Notify,
    client: redis::Client,
    connection: Mutex<Option<Arc<MultiplexedConnection>>>,
    /// How long a write's position is kept: longer than any copy made before it.
    keep_written_for: Duration,
    has_call_budget: bool,
}

impl std::fmt::Debug for Cache {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The client would show its password.
        formatter
            .debug_struct("Cache")
            .field("dependency", &self.dependency)
            .finish_non_exhaustive()
    }
}

impl Cache {
    pub(crate) fn new(
        dependency: Dependency,
        client: redis::Client,
        copies_kept_for: Duration,
        has_call_budget: bool,
    ) -> Self {
        Self {
            dependency,
            pending: Pending::default(),
            lost: Notify::new(),
            client,
            connection: Mutex::new(None),
            keep_written_for: copies_kept_for + Duration::from_secs(60),
            has_call_budget,
        }
    }

    /// Looks up a copy and the last write to what it shows.
    pub(crate) async fn find(&self, keys: &Keys, deadline: Deadline) -> Result<Found, CacheAway> {
        let mut command = redis::cmd("MGET");
        command.arg(&keys.copy).arg(&keys.written);
        let (copy, written): (Option<Vec<u8>>, Option<Vec<u8>>) =
            self.call(&command, deadline).await?;
        let entry = copy.and_then(|bytes| Entry::decode(Bytes::from(bytes)));
        let written = written.as_deref().and_then(read_position).unwrap_or_default();
        Ok(Found { entry, written })
    }

    /// Keeps a copy for `keep_for`, unless a write has overtaken it.
    pub(crate) async fn put(
        &self,
        keys: &Keys,
        entry: &Entry,
        keep_for: Duration,
        deadline: Deadline,
    ) -> Result<(), CacheAway> {
        let mut command = redis::cmd("EVAL");
        command.arg(PUT).arg(2).arg(&keys.copy).arg(&keys.written);
        command.arg(entry.encode()).arg(write_position(entry.position)).arg(millis(keep_for));
        self.call::<i64>(&command, deadline).await.map(|_| ())
    }

    /// Makes all copies that show one of the things `written`, and are older than `position`,
    /// stale.
    pub(crate) async fn invalidate(
        &self,
        written: &[String],
        position: LogPosition,
        deadline: Deadline,
    ) -> Result<(), CacheAway> {
        self.call::<i64>(&self.invalidation(written, position), deadline).await.map(|_| ())
    }

    fn invalidation(&self, written: &[String], position: LogPosition) -> Cmd {
        let mut command = redis::cmd("EVAL");
        command.arg(INVALIDATE).arg(written.len()).arg(written);
        command.arg(write_position(position)).arg(millis(self.keep_written_for));
        command
    }

    /// One turn of the watch: connects if need be, tells of pending writes, and reports how it
    /// went.
    pub(crate) async fn watch(&self, permit: Permit, deadline: Deadline) -> bool {
        let turn = async {
            let connection = match self.connection() {
                Some(connection) => connection,
                None => self.connect().await?,
            };
            let mut connection = (*connection).clone();
            let () = redis::cmd("PING").query_async(&mut connection).await?;
            for (written, position) in self.pending.list() {
                let () = self
                    .invalidation(std::slice::from_ref(&written), position)
                    .query_async(&mut connection)
                    .await?;
                self.pending.told(&written, position);
            }
            Ok::<(), redis::RedisError>(())
        };
        let is_well = matches!(timeout_at(deadline.instant(), turn).await, Ok(Ok(())));
        if !is_well {
            self.forget_connection();
        }
        let outcome = if is_well { Outcome::Success } else { Outcome::Failure };
        self.dependency.finish(permit, outcome);
        is_well
    }

    async fn call<T: FromRedisValue>(
        &self,
        command: &Cmd,
        deadline: Deadline,
    ) -> Result<T, CacheAway> {
        let permit = self.dependency.begin().map_err(|_| CacheAway)?;
        let asked = Instant::now();
        let deadline =
            if self.has_call_budget { deadline.cap(asked, CALL_BUDGET) } else { deadline };
        let answer = match self.connection() {
            Some(connection) => {
                let mut connection = (*connection).clone();
                timeout_at(deadline.instant(), command.query_async(&mut connection)).await
            }
            None => {
                self.lost.notify_one();
                self.dependency.finish(permit, Outcome::Failure);
                return Err(CacheAway);
            }
        };
        let (outcome, result) = match answer {
            Ok(Ok(value)) => (Outcome::Success, Ok(value)),
            Ok(Err(error)) => {
                tracing::debug!(%error, "the cache failed");
                if error.is_io_error() || error.is_unrecoverable_error() {
                    self.forget_connection();
                    self.lost.notify_one();
                }
                (Outcome::Failure, Err(CacheAway))
            }
            Err(_) if is_hasty(asked.elapsed()) => {
                drop(permit);
                return Err(CacheAway);
            }
            Err(_) => (Outcome::Failure, Err(CacheAway)),
        };
        self.dependency.finish(permit, outcome);
        result
    }

    fn connection(&self) -> Option<Arc<MultiplexedConnection>> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn forget_connection(&self) {
        *self.connection.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    async fn connect(&self) -> redis::RedisResult<Arc<MultiplexedConnection>> {
        // The calls have deadlines of their own.
        let config = AsyncConnectionConfig::new().set_response_timeout(None);
        let made = self.client.get_multiplexed_async_connection_with_config(&config).await?;
        let made = Arc::new(made);
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        *connection = Some(Arc::clone(&made));
        Ok(made)
    }
}

/// Whether it was the client that could not wait: its deadline says nothing of the cache.
fn is_hasty(waited: Duration) -> bool {
    waited < CALL_BUDGET
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn write_position(position: LogPosition) -> String {
    format!("{:016x}", position.bytes())
}

fn read_position(text: &[u8]) -> Option<LogPosition> {
    let text = std::str::from_utf8(text).ok()?;
    u64::from_str_radix(text, 16).ok().map(LogPosition::from_bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn positions_compare_as_text_as_they_do_as_numbers(a in any::<u64>(), b in any::<u64>()) {
            let [a, b] = [a, b].map(LogPosition::from_bytes);
            prop_assert_eq!(a.cmp(&b), write_position(a).cmp(&write_position(b)));
            prop_assert_eq!(read_position(write_position(a).as_bytes()), Some(a));
        }
    }

    #[test]
    fn a_client_that_waits_for_less_than_a_call_may_take_proves_nothing() {
        assert!(is_hasty(Duration::from_millis(5)));
        assert!(!is_hasty(CALL_BUDGET));
    }

    #[test]
    fn what_is_no_position_counts_as_none() {
        assert_eq!(read_position(b"later"), None);
        assert_eq!(read_position(b"\xff"), None);
    }
}
