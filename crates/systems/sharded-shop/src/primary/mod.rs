//! The core's primary as profiles and orders see it: whoever of its servers takes writes, and
//! answers only what a replica has.
//!
//! A transaction, and be it one that only reads, ends with a message in the log: its commit waits
//! for a replica (a *round*). So a primary that was cut off from the others, and does not know that
//! it is none any more, gives no answer at all; and nothing is shown that a failover could take
//! back.

mod session;
mod transaction;

pub(super) use session::{PrimarySession, address, addresses};
pub(super) use transaction::{Failure, Transaction, perform};

use crate::service::sessions::Database;

/// The sessions with the primary.
pub(super) type Primary = Database<PrimarySession>;
