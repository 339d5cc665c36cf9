//! Faults: each is verified to be in effect before it counts as injected, and is healed again.
//!
//! One file per fault does it to a process and proves it. The keeper of the process decides what
//! follows: one that a fault holds is not started again until the fault is healed.

mod effect;
mod error;
mod flush;
mod injected;
mod kill;
mod kind;
mod pause;
mod restart;
mod stop;

use crate::instance::Unit;

pub use effect::Evidence;
pub use error::FaultError;
pub use injected::{Hold, Injected};
pub use kind::{Fault, FaultKind};

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
    }
}
