//! The body of a request, bounded in size and time.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::StatusCode;
use hyper::body::Incoming;
use tokio::time::timeout;

/// Room for tens of thousands of proxies; a client that sends more has another purpose.
const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;

/// As long as Toxiproxy takes for a whole request: a body comes from the same machine, mostly.
const BODY_WITHIN: Duration = Duration::from_secs(15);

/// Why a body was not read to its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum BodyError {
    #[error("bad request body: longer than {BODY_BYTES_MAX} bytes")]
    TooLong,
    #[error("bad request body: not here within {BODY_WITHIN:?}")]
    TooSlow,
    #[error("bad request body: {0}")]
    Broken(String),
}

impl BodyError {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::TooLong => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Broken(_) => StatusCode::BAD_REQUEST,
        }
    }
}

/// Reads a body to its end.
pub(super) async fn read(body: Incoming) -> Result<Bytes, BodyError> {
    let read = timeout(BODY_WITHIN, Limited::new(body, BODY_BYTES_MAX).collect());
    match read.await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(BodyError::TooLong),
        Ok(Err(error)) => Err(BodyError::Broken(error.to_string())),
        Err(_elapsed) => Err(BodyError::TooSlow),
    }
}
