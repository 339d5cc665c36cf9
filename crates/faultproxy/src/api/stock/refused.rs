//! Why an operation is refused, with Toxiproxy's status and text.

use hyper::{Response, StatusCode};

use crate::api::body::BodyError;
use crate::api::go_json::{SyntaxError, TypeError};
use crate::api::respond::{self, Body};
use crate::proxy::ProxyError;

#[derive(Debug)]
pub(super) struct Refused {
    pub(super) status: StatusCode,
    pub(super) text: String,
}

impl Refused {
    pub(super) fn bad_request(text: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, text: text.into() }
    }

    pub(super) fn bad_body(reason: &str) -> Self {
        Self::bad_request(format!("bad request body: {reason}"))
    }

    pub(super) fn response(&self) -> Response<Body> {
        respond::error(self.status, &self.text)
    }
}

impl From<BodyError> for Refused {
    fn from(error: BodyError) -> Self {
        Self { status: error.status(), text: error.to_string() }
    }
}

impl From<SyntaxError> for Refused {
    fn from(error: SyntaxError) -> Self {
        Self::bad_body(&error.text)
    }
}

impl From<TypeError> for Refused {
    fn from(error: TypeError) -> Self {
        Self::bad_body(&error.to_string())
    }
}

impl From<ProxyError> for Refused {
    fn from(error: ProxyError) -> Self {
        let status = match error {
            ProxyError::NotFound | ProxyError::ToxicNotFound => StatusCode::NOT_FOUND,
            ProxyError::AlreadyExists | ProxyError::ToxicAlreadyExists => StatusCode::CONFLICT,
            ProxyError::MissingField { .. } | ProxyError::OtherType { .. } => {
                StatusCode::BAD_REQUEST
            }
            ProxyError::Bind { .. } | ProxyError::Address { .. } => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        };
        Self { status, text: error.to_string() }
    }
}
