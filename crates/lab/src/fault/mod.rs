//! Faults: each is verified to be in effect before it counts as injected, and is healed again.

mod kind;

pub use kind::{Fault, FaultKind};
