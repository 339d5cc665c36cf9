//! How a call to an upstream ends without an answer that a user may see, and what follows from it.

use std::error::Error;
use std::time::Duration;

use hyper::StatusCode;
use hyper::header::RETRY_AFTER;
use hyper::http::response::Parts;
use standfast_tactics::circuit_breaker::{Outcome, Rejection};
use standfast_tactics::{bulkhead, retry};

use super::super::body::BodyError;
use super::connection::ConnectError;

/// Why there is no usable answer.
#[derive(Debug, thiserror::Error)]
pub(in super::super) enum Failure {
    #[error("it is no part of this system")]
    Absent,
    #[error("other requests go first")]
    Shed,
    #[error("{0}")]
    Open(#[from] Rejection),
    #[error("as many calls are out as may be: {0}")]
    Busy(#[from] bulkhead::Refused),
    #[error("no connection: {0}")]
    Connect(#[from] ConnectError),
    #[error("no answer in time")]
    Timeout,
    #[error("the connection broke: {0}")]
    Broken(#[source] hyper::Error),
    #[error("the answer broke off: {0}")]
    Answer(#[source] BodyError),
    #[error("it answered {status}")]
    Status { status: StatusCode, retry_after: Option<Duration> },
    /// The client's fault.
    #[error("{0}")]
    Body(#[source] BodyError),
}

impl Failure {
    /// An exchange that came to no answer. What the client's own body lacks is not held against
    /// the upstream.
    pub(super) fn sending(error: hyper::Error) -> Self {
        let cause = error.source().and_then(|source| source.downcast_ref::<BodyError>());
        match cause {
            Some(BodyError::TooLong(length_max)) => Self::Body(BodyError::TooLong(*length_max)),
            Some(BodyError::Broken(_) | BodyError::Stalled) => Self::Body(BodyError::Stalled),
            None => Self::Broken(error),
        }
    }

    /// An answer that says that the upstream failed.
    pub(super) fn status(parts: &Parts) -> Self {
        let seconds =
            parts.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        Self::Status { status: parts.status, retry_after: seconds.map(Duration::from_secs) }
    }

    /// What it says of the upstream's health.
    pub(super) fn outcome(&self) -> Outcome {
        match self {
            // Neither of them is of the upstream's doing.
            Self::Absent | Self::Shed | Self::Open(_) | Self::Busy(_) | Self::Body(_) => {
                Outcome::Ignored
            }
            Self::Connect(_)
            | Self::Timeout
            | Self::Broken(_)
            | Self::Answer(_)
            | Self::Status { .. } => Outcome::Failure,
        }
    }

    /// What it says of another try.
    pub(in super::super) fn again(&self) -> retry::Failure {
        match self {
            Self::Connect(_) => retry::Failure::NotSent,
            Self::Status { status: StatusCode::SERVICE_UNAVAILABLE, retry_after } => {
                retry::Failure::Refused { retry_after: *retry_after }
            }
            Self::Timeout | Self::Broken(_) | Self::Answer(_) | Self::Status { .. } => {
                retry::Failure::Unknown
            }
            Self::Absent | Self::Shed | Self::Open(_) | Self::Busy(_) | Self::Body(_) => {
                retry::Failure::Final
            }
        }
    }
}
