//! Reads that go to replicas, as recent as each of them needs to be.
//!
//! **Why.** Replicas take reads off the primary, and each shows its own past. A client that has
//! just ordered asks one, and its order is not there; it asks again, another replica answers, and
//! what it has just seen is gone. And on the day on which all replicas are behind, a router that
//! falls back to the primary gives it all reads at once, so that it fails as well.
//!
//! **When to use.** Where reads are many and most of them may be a little old, if only somebody
//! says how old: each read names its [`Demand`], and a [`Session`] adds what the client has seen.
//!
//! **When not.** For what decides about a write (the stock of a sale, a balance): that is
//! [`Demand::Strong`], or better a condition of the write itself. Where positions of the log do not
//! outlive a failover: if acknowledged writes can be lost, a token may stand for a write that is no
//! more, see [`ReplicaRouter::replaced`].
//!
//! **What it costs.** Looks at each replica, a heartbeat on the primary ([`crate::replica_guard`]),
//! and two positions of the log with each read ([`Shown`]).
//!
//! # Who answers
//!
//! 1. [`Demand::Strong`]: the primary.
//! 2. Else a replica that shows what is asked for, was looked at lately, and is not out: of
//!    several, the one with the fewest reads in flight. When there is none, one that is out for its
//!    lag alone, but shows what this read asks for.
//! 3. If some replica is less than [`Policy::lag_back`] behind, the read waits [`Policy::wait_max`]
//!    for a look that finds more. Look at replicas several times in that span, at least while
//!    somebody waits.
//! 4. The primary, out of a budget: 10 % of what replicas answer and 50 a second by default. The
//!    bound is `saved_max + share × reads of replicas + per_second × seconds`.
//! 5. Nobody: a refusal, at once. It is the load that the primary cannot take, and a client that
//!    can live with an older answer may ask for it.
//!
//! Nothing is promised on what was known before: the answer itself says what it shows, and one that
//! shows less than was asked for is refused ([`FellShort`]). That happens after `kill -9`, when
//! PostgreSQL serves reads while it replays its log from the last restart point.
//!
//! ```
//! use standfast_tactics::replica_router::{Demand, Look, Policy, ReplicaRouter, Route, Session};
//! use standfast_tactics::replica_router::{End, Shown, Target};
//! use standfast_tactics::session_token::LogPosition;
//! use tokio::time::Instant;
//!
//! let (now, at) = (Instant::now(), LogPosition::from_bytes);
//! let mut router = ReplicaRouter::try_new(2, Policy::default())?;
//! router.looked(0, Look { shows: at(100), beat: None }, now);
//! router.looked(1, Look { shows: at(90), beat: None }, now);
//! let mut session = Session::default();
//! session.wrote(at(95));
//! let route = router.route(session.wish(Demand::Any), now, now);
//! let Route::Go(ticket) = route else { panic!("one of them shows the write") };
//! assert_eq!(ticket.target(), Target::Replica(0));
//! let shown = Shown { at_least: at(100), at_most: at(104) };
//! router.finish(ticket, End::Answered(shown))?;
//! session.saw(shown);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! After Terry et al., "Session guarantees for weakly consistent replicated data" (PDIS 1994): read
//! your writes and monotonic reads, by tokens; the bound on staleness is that of Pileus (Terry et
//! al., SOSP 2013).

mod demand;
mod policy;
mod replica;
mod shared;
mod state;

pub use demand::{Demand, Session, Shown, Wish};
pub use policy::{Policy, PolicyError};
pub use replica::{Change, Look, Standing, Why};
pub use shared::{Pass, SharedRouter};
pub use state::{End, FellShort, Refusal, ReplicaRouter, Route, Target, Ticket};
