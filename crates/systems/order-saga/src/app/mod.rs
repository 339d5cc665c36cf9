//! What the three applications have in common: configuration, counters, liveness.

mod desk;
mod serving;
mod settings;

pub(super) use desk::{Desk, respond};
pub(super) use serving::serve;
pub(super) use settings::AppSettings;

use axum::body::{Body, Bytes};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Request};
use serde::de::DeserializeOwned;
use standfast_tactics::deadline::Deadline;
use tokio::time::Instant;

use crate::service::answer;
use crate::service::problem::Problem;

/// What is written here has some 300 bytes.
const BODY_LENGTH_MAX: usize = 4096;

/// The longest name of a product or a customer.
const NAME_LENGTH_MAX: usize = 64;

/// More units at once is a mistake.
pub(super) const QUANTITY_MAX: i64 = 1_000_000;

/// A request with its body, and the time that is left for it.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) parts: Parts,
    pub(super) body: Bytes,
    pub(super) deadline: Deadline,
}

impl Asked {
    /// Reads `request`, whose handling may take `settings.request_budget`.
    pub(super) async fn read(
        request: Request<Body>,
        settings: &AppSettings,
    ) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let deadline = deadline(&parts.headers, settings)?;
        let body = answer::body(body, BODY_LENGTH_MAX, deadline).await?;
        Ok(Self { parts, body, deadline })
    }

    /// The body as `T`. Valid JSON with wrong content is understood, and refused.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        parse(&self.body)
    }
}

/// The time that a request has.
pub(super) fn deadline(headers: &HeaderMap, settings: &AppSettings) -> Result<Deadline, Problem> {
    answer::deadline_of(headers, Instant::now(), settings.request_budget)
}

/// `body` as `T`.
pub(super) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| {
        let detail = format!("the body is not what it should be: {error}");
        if error.is_data() { Problem::unprocessable(detail) } else { Problem::bad_request(detail) }
    })
}

/// A name of a product or a customer, as a field `field` has it.
pub(super) fn checked_name(field: &str, value: String) -> Result<String, Problem> {
    if !is_name(&value) {
        return Err(Problem::unprocessable(format!(
            "`{field}` must be 1 to {NAME_LENGTH_MAX} letters, digits or any of - _ . @"
        )));
    }
    Ok(value)
}

/// Whether products and customers may be called that.
pub(super) fn is_name(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.@".contains(&byte);
    (1..=NAME_LENGTH_MAX).contains(&text.len()) && text.bytes().all(is_plain)
}

/// How many units.
pub(super) fn checked_quantity(quantity: i64) -> Result<u32, Problem> {
    let number = u32::try_from(quantity).ok();
    let number = number.filter(|number| (1..=QUANTITY_MAX).contains(&i64::from(*number)));
    number.ok_or_else(|| {
        Problem::unprocessable(format!("`quantity` must be from 1 to {QUANTITY_MAX}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_quantities_have_bounds() {
        assert!(checked_name("product_id", "PROD-001".to_owned()).is_ok());
        for wrong in ["", "a b", "a\0", &"P".repeat(65)] {
            let problem = checked_name("product_id", wrong.to_owned()).unwrap_err();
            assert_eq!(problem.status(), 422, "{wrong}");
        }
        assert_eq!(checked_quantity(5).unwrap(), 5);
        for wrong in [0, -1, QUANTITY_MAX + 1, i64::MAX] {
            assert_eq!(checked_quantity(wrong).unwrap_err().status(), 422, "{wrong}");
        }
    }
}
