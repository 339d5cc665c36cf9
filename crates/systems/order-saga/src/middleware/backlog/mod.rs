//! The backlog of the middleware: orders that were taken, and of which nobody knows yet what
//! becomes of them. A new one is refused while they could not all be decided within its deadline.
//!
//! **Why.** An order that is begun is finished, whether its client still waits or not. So once
//! more are begun than are decided in time, every client is told "not known yet", all work is for
//! those who have left, and it stays so for as long as orders keep coming at the rate of the
//! service: an overload that outlives its cause (Bronson et al., "Metastable Failures in
//! Distributed Systems", HotOS 2021).
//!
//! **How.** By Little's law an order waits for as long as the backlog takes to be decided at the
//! rate of decisions. That rate is the service's capacity only while there is enough to do, and
//! says nothing while a database fails over, so [`Backlog`] tells these apart.
//!
//! The tactics `shed` and `bulkhead` have no answer to this: the one learns from latency, and
//! would shrink in every failover; the other from how long a place is held, of which there are
//! none here.

mod state;
#[cfg(test)]
mod tests;

pub(super) use state::{Backlog, Limits, Refused};
