//! Availability tactics: what a service does so that it stands when parts around it fall.
//!
//! One folder is one tactic. Its `state.rs` decides and nothing else: it takes the time and a
//! random number as arguments, so that the same code runs in production, under a paused clock and
//! in a simulation. Where a tactic also has to wait or to be shared between tasks, a small
//! asynchronous adapter beside it does that.
//!
//! | tactic | answers the question |
//! |---|---|
//! | [`anti_entropy`] | In which keys do these two nodes differ? |
//! | [`bulkhead`] | How many calls of one kind may run, and wait, at once? |
//! | [`cache_aside`] | May this copy be served, and how is it to be called? |
//! | [`cart`] | What is in it, when every node could be written to? |
//! | [`circuit_breaker`] | Is it worth asking this dependency now? |
//! | [`coalesce`] | Is somebody already fetching what I want? |
//! | [`deadline`] | How much time is left for this request? |
//! | [`degrade`] | How good is this answer, and what if there is no good one? |
//! | [`detect`] | Is this process up, and how sure is that? |
//! | [`event_log`] | What happened since, all of it, though commits overtake each other? |
//! | [`hedge`] | Has this taken so long that another replica is asked as well? |
//! | [`hlc`] | Which of two writes on two nodes was the last one? |
//! | [`outbox`] | How do others learn, once and in order, what was committed? |
//! | [`outlier`] | Which replica differs from the others, and may it count? |
//! | [`replica_guard`] | Is this replica recent enough to be read? |
//! | [`replica_router`] | Which copy answers this read, which may be so old and no older? |
//! | [`retry`] | May this be tried again, and when? |
//! | [`saga`] | How does work over several databases end, all of it or nothing? |
//! | [`session_token`] | Does this replica already show what this client wrote? |
//! | [`shard`] | On which server does this key lie, and how does it get to another? |
//! | [`shed`] | Which requests are served when there are more than can be? |
//! | [`stack`] | Are these tactics put around the call in the right order? |
//! | [`vote`] | What do most replicas say, and who says something else? |

#![warn(missing_docs)]

pub mod anti_entropy;
pub mod bulkhead;
pub mod cache_aside;
pub mod cart;
pub mod circuit_breaker;
pub mod coalesce;
pub mod deadline;
pub mod degrade;
pub mod detect;
pub mod event_log;
pub mod hedge;
pub mod hlc;
pub mod outbox;
pub mod outlier;
pub mod replica_guard;
pub mod replica_router;
pub mod retry;
pub mod saga;
pub mod session_token;
pub mod shard;
pub mod shed;
pub mod stack;
pub mod vote;
