//! What a participant answers, in a form that can be kept and given again.

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

/// An answer to an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Reply {
    pub(in super::super) status: StatusCode,
    /// JSON.
    pub(in super::super) body: String,
}

impl Reply {
    pub(in super::super) fn new(status: StatusCode, body: &Value) -> Self {
        Self { status, body: body.to_string() }
    }

    /// The action is declined for good: under this key the answer stays.
    pub(in super::super) fn declined(status: StatusCode, detail: &str, more: Value) -> Self {
        let mut body = json!({
            "type": "urn:standfast:problem:declined",
            "title": "The step was declined, and changed nothing",
            "status": status.as_u16(),
            "detail": detail,
        });
        if let (Value::Object(body), Value::Object(more)) = (&mut body, more) {
            body.extend(more);
        }
        Self { status, body: body.to_string() }
    }

    /// What is in the record. A status that cannot be read is an error of ours.
    pub(super) fn stored(status: i32, body: String) -> Option<Self> {
        let status = StatusCode::from_u16(u16::try_from(status).ok()?).ok()?;
        Some(Self { status, body })
    }

    pub(in super::super) fn into_response(self) -> Response<Body> {
        let is_problem = self.status.is_client_error() || self.status.is_server_error();
        let kind = if is_problem { "application/problem+json" } else { "application/json" };
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        response
    }
}
