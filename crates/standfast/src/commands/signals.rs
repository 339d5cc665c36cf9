//! Signals that ask standfast to end.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::exit::{Exit, Failure};

pub(super) fn interrupt() -> Result<Signal, Failure> {
    listen(SignalKind::interrupt())
}

pub(super) fn terminate() -> Result<Signal, Failure> {
    listen(SignalKind::terminate())
}

fn listen(kind: SignalKind) -> Result<Signal, Failure> {
    signal(kind).map_err(|error| Failure::new(Exit::Bug, error))
}
