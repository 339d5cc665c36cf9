//! Who starts and kills database processes, as the watchdog sees it.
//!
//! A watchdog speaks SQL to databases, but a database that hangs does not listen, and a fence has
//! to be *proved*: so somebody who owns the processes answers here. Standfast's lab does it for its
//! own engines (over a socket, see [`wire`]); a command does it for clusters that standfast did not
//! start.

mod command;
mod socket;
pub mod wire;

use std::future::Future;
use std::pin::Pin;

pub use command::CommandActuator;
pub use socket::SocketActuator;

/// What a call answers later. Boxed, so that a watchdog is given *some* actuator at run time.
pub type Acting<'a> =
    Pin<Box<dyn Future<Output = Result<wire::Answer, ActuatorError>> + Send + 'a>>;

/// Starts and kills the processes of one cluster. What each verb promises stands at
/// [`wire::Request`].
pub trait Actuator: Send + Sync + std::fmt::Debug {
    /// Performs `request`, and answers when it is done, however long it takes: a caller that gave
    /// up in between would not know whether the process is dead.
    fn perform(&self, request: wire::Request) -> Acting<'_>;
}

/// Why an actuator could not be asked, or refused. Nothing is known then about the process.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ActuatorError {
    #[error("the actuator at {place} cannot be asked")]
    Unreachable {
        place: String,
        #[source]
        source: std::io::Error,
    },
    #[error("the actuator at {place} answered what is no answer: {answer}")]
    Unintelligible { place: String, answer: String },
    #[error("the actuator could not {verb} `{node}`: {problem}")]
    Failed { verb: &'static str, node: String, problem: String },
}
