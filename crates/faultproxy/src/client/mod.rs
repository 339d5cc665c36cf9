//! A typed client of a fault proxy that runs elsewhere, on the types of [`FaultProxy`] itself.
//!
//! It speaks our own interface, and Toxiproxy's only for what is there alone (`/reset`).
//!
//! [`FaultProxy`]: crate::FaultProxy

mod calls;
mod error;
mod exchange;

pub use calls::Client;
pub use error::ClientError;
