//! Saga: one piece of work over several databases, all of it or nothing in the end, without a lock
//! over all of them (Garcia-Molina and Salem, *Sagas*, SIGMOD 1987).
//!
//! **Why.** An order takes stock in one database, is written into a second and reported to a third.
//! A process that calls the three in turn dies between two of them, or learns of a call only that
//! no answer came; then stock is gone for an order that nobody has. So the work is a list of steps,
//! each with a *compensation* that takes it back, and a journal says what may have been done.
//! Whoever reads the journal after a crash goes on: to the end, or back to the beginning.
//!
//! **When to use.** Where several services must agree in the end, and each of them can take its
//! part back by an ordinary change (give 5 pieces back, and not: set the stock to 10).
//!
//! **When not.** Where one transaction of one database does it; where others must never see a
//! half-done state (a saga has no isolation: give the half-done a state of its own, such as
//! `pending`); where a step cannot be taken back and is not the last that may be refused. One such
//! step is fine: it is the *pivot* ([`Definition`]).
//!
//! **What it costs.** A durable write before each call (a step's outcome and the intent for the
//! next share one), a row for each step at each participant, and keys that must be kept longer than
//! any message can be late.
//!
//! # Three rules
//!
//! 1. *Journal, then act.* [`Saga`] gives entries ([`Next::Journal`]) and gives no call before they
//!    are applied; they are applied when they are durable. `Intended` stands before the first try
//!    of each action, so what may have been done is never less than what has been. (Recovery needs
//!    only the first intent, since the order of the steps is fixed. The others cost nothing: they
//!    share a write with the outcome before them, and say what may be under way.)
//! 2. *An outcome is never assumed.* A call without an answer is made again under the same key.
//!    Only a participant can say `Refused`. An action that stays without an outcome is given up by
//!    undoing it ([`Cause::GaveUp`]): its compensation works whether it was carried out or not.
//! 3. *A compensation cannot fail*, only take long. It is tried until it succeeds; after a number
//!    of tries the saga is *parked*: still tried, at the slowest pace, and shown to people, who
//!    may [`Saga::resume`] it.
//!
//! # At the participant: the barrier
//!
//! The network delays, repeats and reorders. A compensation can arrive before its action, and the
//! action after it (dtm calls it the *barrier*, Seata the *fence*; the hazards are named empty
//! compensation and hanging in the literature on Try-Confirm-Cancel). [`judge`] decides by one row
//! for each step, which is locked first and changed in the transaction of the effect:
//!
//! ```sql
//! INSERT INTO steps (key, mark) VALUES ($1, …) ON CONFLICT DO NOTHING;
//! SELECT mark, epoch, fingerprint, answer FROM steps WHERE key = $1 FOR UPDATE;
//! ```
//!
//! # One driver
//!
//! Two processes that drive one saga could go forth and back at once. [`Ownership`] gives each
//! driver an epoch, and the journal takes entries of the newest only, so that one that was paused,
//! taken for dead and comes back can write no intent. A call that it has already made under its
//! last intent does no harm: whoever took over has read that intent, and either makes the same call
//! or undoes it, and the barrier keeps it to one effect. The epoch travels with each call as well.
//!
//! ```
//! use std::sync::Arc;
//! use standfast_tactics::saga::{
//!     Answer, Definition, Direction, Next, Outcome, Retry, Saga, Step,
//! };
//! use tokio::time::Instant;
//!
//! let step = |name, action, compensation| Step {
//!     name, action, compensation: Some(compensation), retry: Retry::default(),
//! };
//! let order = Arc::new(Definition::try_new(vec![
//!     step("stock", "decrement", "increment"),
//!     step("order", "create", "cancel"),
//! ])?);
//! let (mut saga, mut called) = (Saga::new(order), Vec::new());
//! let mut journal = Vec::new();
//! let now = Instant::now();
//! let outcome = loop {
//!     match saga.next(now) {
//!         Next::Journal(entries) => {
//!             // Here they are written, and the disk is waited for.
//!             for entry in &entries { saga.apply(entry)?; }
//!             journal.extend(entries);
//!         }
//!         Next::Call(call) => {
//!             called.push((call.step, call.direction));
//!             // The second step is refused.
//!             let answer = match (call.step, call.direction) {
//!                 (1, Direction::Forth) => Answer::Refused { reason: "no".to_owned() },
//!                 _ => Answer::Done(()),
//!             };
//!             saga.answered(answer, now, 0.5);
//!         }
//!         Next::Wait(_) | Next::Answer => unreachable!("all calls were answered"),
//!         Next::End(outcome) => break outcome,
//!     }
//! };
//! assert_eq!(outcome, Outcome::Compensated);
//! use Direction::{Back, Forth};
//! assert_eq!(called, [(0, Forth), (1, Forth), (0, Back)]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod barrier;
mod definition;
mod entry;
mod ownership;
mod state;

pub use barrier::{Arrival, Mark, Record, Verdict, judge};
pub use definition::{Definition, DefinitionError, Retry, Step};
pub use entry::{Cause, Direction, Entry, OutOfOrder};
pub use ownership::{Fenced, Ownership};
pub use state::{Answer, Call, Next, Outcome, Saga, Standing};
