//! Outbox and inbox: tell others what was committed, all of it, in order, with effect once.
//!
//! **Why.** A service that commits to its database and then publishes to a queue loses the message
//! when it dies in between; the other way round it announces what was never committed. So the
//! message is a row of the same transaction, and a publisher brings the rows to the queue later.
//!
//! **When to use.** Wherever a change in a database must reach others: events, projections,
//! replicas. With the inbox on the other side ([`judge`], [`arrive`]), since the publisher repeats
//! itself whenever it died between publishing and marking.
//!
//! **When not.** For what may be lost (publish directly), or where the asker waits for the others'
//! answer (that is a call).
//!
//! **What it costs.** A row written, read, marked and deleted for each message; a delay of about a
//! poll; with [`Order::ByHorizon`], also that of the longest running transaction.
//!
//! # Ids commit out of order
//!
//! A sequence hands out ids before the commit. Transaction 8 may take id 41, transaction 7 id 42,
//! and 42 be visible while 41 is not. A publisher that remembers the last id it has seen loses 41
//! for ever. So rows are *marked*, each by itself, and the core decides what may go:
//!
//! - [`Order::ByKey`]: writers hold a lock on what the key names (the row of the order, the
//!   product) when they insert. Then ids of one key are in the order of commits, and what is
//!   visible may go.
//! - [`Order::ByHorizon`]: also, a row waits until every transaction that is older than its own has
//!   ended (`transaction < pg_snapshot_xmin(pg_current_snapshot())`), so that nothing older appears
//!   after it, whatever the key. For consumers that keep a position, and writers without a lock.
//!
//! The horizon alone breaks the order of a key: a transaction that began early and wrote late may
//! be past the horizon while the one that wrote the key before it is not. So a key's rows go by id
//! in either case, and a later one waits for an earlier one; which is why the query must *not*
//! filter by the horizon:
//!
//! ```sql
//! SELECT id, xid, key, attempts, now() - written_at AS age,
//!        pg_snapshot_xmin(pg_current_snapshot()) AS horizon
//!   FROM outbox
//!  WHERE published_at IS NULL AND parked_at IS NULL AND key <> ALL ($1) -- Outbox::begin_page
//!  ORDER BY id LIMIT 500
//! ```
//!
//! # Publish, then mark
//!
//! [`Outbox::offer`] gives runs of rows, one run per key at a time; each is sent in order and stops
//! at its first failure. [`Outbox::finish`] says what to write back; once that is committed,
//! [`Outbox::marked`] forgets it. A row that is rejected for what it is, is parked after a number
//! of tries, and only its own key waits meanwhile. When the queue is away, nothing is held against
//! any row.
//!
//! ```
//! use std::time::Duration;
//! use standfast_tactics::outbox::{End, Outbox, Page, Policy, Row};
//! use tokio::time::Instant;
//!
//! let mut outbox = Outbox::new(Policy::default());
//! let now = Instant::now();
//! let row = |id, key| Row { id, transaction: 7, key, attempts: 0, age: Duration::ZERO };
//! let excluded = outbox.begin_page(now);
//! assert!(excluded.is_empty());
//! let page = Page { horizon: 9, rows: vec![row(1, "order 1"), row(2, "order 2")] };
//! let runs = outbox.offer(page, now);
//! assert_eq!(runs.len(), 2, "two keys do not wait for each other");
//! let write_back = outbox.finish(runs[0].id, runs[0].rows.len(), End::Done, now, 0.5);
//! assert_eq!(write_back.published, [1]);
//! outbox.marked(&write_back.published);
//! ```

mod inbox;
mod policy;
mod state;

pub use inbox::{Arrival, Judgement, Numbering, Stored, arrive, judge};
pub use policy::{AfterParking, Order, Policy};
pub use state::{End, Lag, Outbox, Page, Row, Run, RunId, WriteBack};
