//! Faults: each is verified to be in effect before it counts as injected, and is healed again.
//!
//! One file per fault does it to a process or to links, and proves it. The keeper of a process
//! decides what follows: one that a fault holds is not started again until the fault is healed.
//! Links are broken by toxics of the fault proxy that they lead through, hosts at their switch, and
//! services that are built for it break themselves when the lab tells them to.

mod application;
mod bandwidth;
mod cut;
mod disk_full;
mod effect;
mod error;
mod flush;
mod injected;
mod isolate;
mod kill;
mod kind;
mod latency;
mod links;
mod parameters;
mod partition;
mod pause;
mod probability;
mod reset;
mod restart;
mod stop;
mod target;
mod wipe;

use crate::instance::Unit;

pub use effect::Evidence;
pub use error::FaultError;
pub use injected::{Hold, Injected};
pub use kind::{Fault, FaultKind};
pub use links::Hit;
pub use parameters::{Objection, Sides};
pub use probability::{NoProbability, Probability};
pub use target::Targets;

pub(crate) use application::{Distorted, Lever, distort};
pub(crate) use injected::Guard;
pub(crate) use isolate::{Isolated, Station, inject as isolate};
pub(crate) use links::{BrokenLinks, Links};

/// Does it to `unit`, and returns when it is seen to be in effect.
pub(crate) async fn inject(
    kind: FaultKind,
    target: &str,
    unit: &mut Unit,
) -> Result<Evidence, FaultError> {
    match kind {
        FaultKind::Stop => stop::inject(target, unit).await,
        FaultKind::Kill => kill::inject(target, unit).await,
        FaultKind::Pause => pause::inject(target, unit).await,
        FaultKind::Flush => flush::inject(target, unit).await,
        FaultKind::Restart => restart::inject(target, unit).await,
        FaultKind::Wipe => wipe::inject(target, unit).await,
        FaultKind::DiskFull => disk_full::inject(target, unit).await,
        FaultKind::Slow
        | FaultKind::Intermittent
        | FaultKind::Incorrect
        | FaultKind::Forge
        | FaultKind::Equivocate
        | FaultKind::Replay
        | FaultKind::Silent => {
            let why = "a service does it to itself".to_owned();
            Err(FaultError::Impossible { kind, target: target.to_owned(), why })
        }
        FaultKind::StartByHand => {
            let why = "its keeper does it".to_owned();
            Err(FaultError::Impossible { kind, target: target.to_owned(), why })
        }
        FaultKind::Isolate => {
            let why = "it is done to a host, and not to a process".to_owned();
            Err(FaultError::Impossible { kind, target: target.to_owned(), why })
        }
        FaultKind::Latency
        | FaultKind::Cut
        | FaultKind::Partition
        | FaultKind::Bandwidth
        | FaultKind::Reset => {
            let why = "it is done to links, and not to a process".to_owned();
            Err(FaultError::Impossible { kind, target: target.to_owned(), why })
        }
    }
}

/// Does it to `links`, and returns when every connection on them runs under it. What is answered
/// besides the evidence holds the links until it is mended.
pub(crate) async fn break_links(
    fault: &Fault,
    hold: Hold,
    links: Links,
) -> Result<(Evidence, BrokenLinks), FaultError> {
    match fault.kind {
        FaultKind::Latency => latency::inject(fault, links).await,
        FaultKind::Cut => cut::inject(fault, links).await,
        FaultKind::Partition => partition::inject(fault, links).await,
        FaultKind::Bandwidth => bandwidth::inject(fault, links).await,
        FaultKind::Reset => reset::inject(fault, hold, links).await,
        FaultKind::Stop
        | FaultKind::Kill
        | FaultKind::Pause
        | FaultKind::Flush
        | FaultKind::Restart
        | FaultKind::Wipe
        | FaultKind::DiskFull
        | FaultKind::StartByHand
        | FaultKind::Slow
        | FaultKind::Intermittent
        | FaultKind::Incorrect
        | FaultKind::Forge
        | FaultKind::Equivocate
        | FaultKind::Replay
        | FaultKind::Silent
        | FaultKind::Isolate => {
            let (kind, target) = (fault.kind, fault.target.clone());
            let why = "it is not done to links".to_owned();
            Err(FaultError::Impossible { kind, target, why })
        }
    }
}
