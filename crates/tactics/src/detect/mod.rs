//! Failure detection: who is up, who may not be, and who is down.
//!
//! **Why.** All that repairs a system begins with somebody noticing. Too late, and clients have
//! noticed first; wrongly, and a well replica is thrown out. The two pull against each other, so a
//! detector is judged by figures for both ([`Quality`]), and has a bound that can be computed
//! beforehand ([`EchoPolicy::bound`]).
//!
//! **When to use.** [`Echo`] (pull) where the path and the work behind it count: an echo must touch
//! what requests touch, within a bound, and in a lane of its own, or overload kills the well.
//! [`Heartbeat`] (push) where a death is to be told from a queue, and for processes that cannot be
//! called. [`Phi`] where intervals vary and no timeout is right. Best is a pull and a push: they
//! fail for different reasons, and [`Evidence::advice`] says what follows.
//!
//! **When not.** To find out who answers *wrongly*: a liar is up ([`crate::vote`]). For what every
//! request finds out by itself sooner: that is a [`crate::circuit_breaker`].
//!
//! **What it costs.** A call per period and target; detection that takes a multiple of the period;
//! and, at each mistake, capacity.
//!
//! # How long it takes at most
//!
//! Echoes are sent every period, whether or not the last one is back; n failures in a row make a
//! target [`Standing::Down`]. With 200 ms, n = 3 and a timeout of 1 s:
//!
//! | fault | an echo fails | bound | here |
//! |---|---|---|---|
//! | crash, every answer an error | after a round trip | n · period + round trip | 600 ms |
//! | hang, cut, slower than the timeout | at its timeout | n · period + timeout | 1.6 s |
//! | slower, but within the timeout | never | none: not found | – |
//! | every other answer an error, at random | after a round trip | none | 95 % in 7.6 s |
//!
//! So 600 ms hold for a crash only; a hang takes a period of 100 ms and a timeout of 300 ms for
//! that. No setting bounds *intermittent* errors ([`EchoPolicy::bound_of`] has the distribution):
//! they are for the voter to find, which sees every request. A heartbeat notices a death at the
//! latest `down_after + check_every` after it.
//!
//! ```
//! use std::time::Duration;
//! use standfast_tactics::detect::{Echo, EchoPolicy, EchoResult, Standing};
//! use tokio::time::Instant;
//!
//! let start = Instant::now();
//! let mut echo = Echo::try_new(EchoPolicy::default(), Standing::Up, start)?;
//! for n in 0..3 {
//!     let now = start + n * Duration::from_millis(200);
//!     let sent = echo.tick(now).send.expect("an echo is due every 200 ms");
//!     echo.result(sent, EchoResult::Bad, now);
//! }
//! assert_eq!(echo.standing(), Standing::Down, "the third failure in a row");
//! # Ok::<(), standfast_tactics::detect::PolicyError>(())
//! ```

mod bound;
mod echo;
mod evidence;
mod heartbeat;
mod normal;
mod phi;
mod quality;
mod standing;
mod watch;

pub use bound::Symptom;
pub use echo::{Echo, EchoId, EchoPolicy, EchoResult, Tick};
pub use evidence::{Advice, Evidence};
pub use heartbeat::{Heartbeat, HeartbeatPolicy};
pub use phi::{Phi, PhiPolicy};
pub use quality::{Quality, TraceEvent};
pub use standing::{Change, PolicyError, Standing};
pub use watch::watch;
