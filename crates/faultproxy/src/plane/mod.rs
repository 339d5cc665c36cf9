//! The data plane: threads of its own that accept, dial and move bytes, apart from the control
//! plane and from the caller's runtime.
//!
//! Control calls reach it through [`Traffic`]: they set what should be and wake whom it concerns,
//! and never wait for a connection.

mod accept;
mod connection;
mod dial;
mod ending;
mod flow;
mod pipes;
mod scratch;
mod threads;
mod traffic;
mod waiting;

pub(crate) use accept::Listening;
pub(crate) use threads::{Plane, PlaneOptions};
pub(crate) use traffic::{Chains, Origin, Traffic};
