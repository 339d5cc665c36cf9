//! Voting: ask several replicas, and answer what a majority of them says.
//!
//! **Why.** A replica that crashes is missed; one that answers *wrongly* is believed. Compared with
//! its peers it is found out within the request, and the client never sees what it said. The answer
//! comes with the reply that completes the majority, so the slowest replica is never waited for.
//!
//! **When to use.** For answers that deterministic replicas compute from the same log, and that
//! must not be wrong: stock, prices, amounts to charge.
//!
//! **When not.** As a consensus: the voter does not order writes, and two voters may decide on two
//! versions. Against a fault that all replicas share. For replicas that are right less than half of
//! the time: three of them are then worse than one (3R² − 2R³ < R).
//!
//! **What it costs.** N times the work; the latency of the second fastest of three; and an answer
//! refused where a single replica would have given one, right or wrong.
//!
//! # How many must agree
//!
//! A majority of the *configured* replicas ([`Panel`]), never of those that happened to reply.
//! Since that is more than half, no other class can reach it any more, and waiting cannot change
//! the answer: the decision is early, and the same for every order of arrival. When no class can
//! reach it any more, or at the deadline, the vote ends in [`NoQuorum`] and never in a guess.
//!
//! | | N | wrong replicas | must agree |
//! |---|---|---|---|
//! | [`Mode::Masking`] | 3, 5, 7 | 1, 2, 3 | 2, 3, 4 |
//! | [`Mode::ByzantineState`] | 4, 5, 7 | 1, 1, 2 | 3, 4, 5 |
//!
//! # Versions: behind is not wrong
//!
//! An answer carries the version of what it is an answer about: the log position of the *last
//! change of this very item*. (The end of the applied log will not do: under load no two replicas
//! have the same.) A deterministic replica's answer is a function of that version, so:
//!
//! 1. Answers are compared only with answers of the same version.
//! 2. At the decided version, a different answer is a [`Standing::Dissents`]: it cannot be right.
//! 3. An older answer is a [`Standing::Lags`]: it neither supports nor opposes, and is no dissent.
//! 4. A newer one is [`Standing::Ahead`]: nobody can confirm it yet, so it counts for nothing.
//! 5. An answer below the asker's floor ([`Terms::version_min`], what this client has already
//!    seen) lags whatever else was said: reads stay monotonic.
//!
//! A replica can hide a lie behind a version that nobody else has reached. It wins nothing by that,
//! for rule 1 leaves it without support; one that is ahead in every vote deserves a look.
//!
//! # What it cannot mask
//!
//! | failure | outcome |
//! |---|---|
//! | up to f replicas wrong, late, silent or dead | the right answer |
//! | more than f replicas, their answers different | refused |
//! | more than f with the *same* wrong answer (shared bug, shared input) | the wrong answer |
//! | the voter itself | whatever it says |
//!
//! ```
//! use std::time::Duration;
//! use standfast_tactics::vote::{Ballot, Exact, Mode, Panel, Reply, Seat, Standing, Terms};
//! use tokio::time::Instant;
//!
//! let panel = Panel::try_new(3, Mode::Masking { faults: 1 })?;
//! let now = Instant::now();
//! let deadline = now + Duration::from_millis(300);
//! let terms = Terms { opened_at: now, deadline, version_min: 0 };
//! let mut ballot = Ballot::open(panel, Exact, terms, &[Seat::Counts; 3]);
//! assert!(ballot.take(0, Reply::at(7, "12 left"), now).is_none(), "one is no majority");
//! assert!(ballot.take(1, Reply::at(7, "99 left"), now).is_none(), "somebody lies");
//! assert!(ballot.take(2, Reply::at(7, "12 left"), now).is_some());
//! assert_eq!(ballot.answer(), Some((&"12 left", 7)));
//! assert_eq!(ballot.tally().scores[1].standing, Standing::Dissents);
//! # Ok::<(), standfast_tactics::vote::PanelError>(())
//! ```

mod agreement;
mod collect;
mod panel;
mod state;
mod tally;

pub use agreement::{Agreement, ByKey, Class, Exact, Within};
pub use collect::{Agreed, Stragglers, collect};
pub use panel::{Mode, Panel, PanelError};
pub use state::{Ballot, Decision, Reply, Seat, Terms};
pub use tally::{NoQuorum, Score, Standing, Tally, Undecided};
