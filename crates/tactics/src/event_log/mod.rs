//! An event log in a database table, read by many, each at its own pace, without a gap.
//!
//! **Why.** A service tells others what happened by rows that it appends in the transaction of the
//! change. A consumer that was away asks for what came since, and must get all of it. That is
//! harder than it looks: a sequence gives out its numbers *before* the commit, so that number 42
//! may be visible while 41 is not. Whoever reads up to 42 and remembers it has lost 41 for ever.
//!
//! **When to use.** For projections, caches and reports that follow another service's state, and
//! have to find it again after an outage. Where a queue takes the rows away, see [`crate::outbox`].
//!
//! **When not.** As a queue of work for one of many workers; or across databases, whose
//! transactions know nothing of each other.
//!
//! **What it costs.** Two cheap queries for each reading; a delay of the longest *writing*
//! transaction that runs (readers have no number, and hold up nothing); rows that are kept until
//! all have read them.
//!
//! # The watermark
//!
//! [`Watermark`] says up to which number the log is settled: every row up to there is visible, or
//! will never be. Each look at the database brings three numbers, the first *before* the others:
//!
//! ```sql
//! SELECT last_value, is_called FROM events_seq;                  -- each in its own statement,
//! SELECT pg_current_xact_id();                                   -- and its own transaction
//! SELECT pg_snapshot_xmin(pg_current_snapshot());
//! ```
//!
//! Whoever took a number up to `last_value` had a transaction by then, below the one of the second
//! statement. Once `xmin` has reached that one, all those have ended. (The snapshot's own `xmax`
//! will not do: it is one past the last transaction that has *ended*, and knows nothing of those
//! that run behind it.) Two conditions: a writer has its transaction number before it
//! takes one of the log (it has written something, such as the row that the event is about), and
//! the sequence is made with `CACHE 1`, the default: a cached number is used later.
//!
//! Then `seq > $since AND seq <= $settled ORDER BY seq` is complete. Rows of one key are in order
//! if writers hold a lock on what the key names when they take the number. The alternatives:
//! numbers by (transaction, number) put the rows of a key in the wrong order, and numbers taken
//! under one lock have commits wait for each other (ADR 16 has the figures).
//!
//! # The other parts
//!
//! [`Retention`] says what may be deleted: nothing that a consumer still wants, unless that one has
//! not been heard of for long. [`Log::reply`] says what a consumer that asks `since` gets: rows, a
//! snapshot, or the news that it is ahead of a log that was set back. [`Follower`] is the
//! consumer's side, and judges each page by the number up to which it has applied the log, which it
//! stores in the transaction of the effect.
//!
//! ```
//! use standfast_tactics::event_log::{Follower, Page, Sighting, Step, Watermark};
//!
//! let mut watermark = Watermark::default();
//! // Number 42 is given out, and transaction 7 still runs: it may hold a number up to 42.
//! watermark.observe(Sighting { last: 42, next_transaction: 9, oldest_running: 7 });
//! assert_eq!(watermark.settled(), 0, "not known yet");
//! watermark.observe(Sighting { last: 45, next_transaction: 12, oldest_running: 9 });
//! assert_eq!(watermark.settled(), 42);
//!
//! let mut follower = Follower::at(40);
//! let page = Page { since: 40, settled: 42, rows: vec![(41, "held"), (42, "paid")] };
//! let Step::Apply { rows, cursor } = follower.judge(page) else { panic!("it follows") };
//! assert_eq!((rows.len(), cursor), (2, 42));
//! follower.applied(cursor); // once that is committed, together with the effect
//! ```

mod follower;
mod log;
mod retention;
mod state;

pub use follower::{Broken, Follower, Page, Step};
pub use log::{Log, Reply};
pub use retention::{Retention, RetentionPolicy};
pub use state::{Sighting, Watermark};
