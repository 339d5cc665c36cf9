//! Brings a request that was written down to its service.

use std::sync::Arc;
use std::time::Duration;

use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::http::uri::PathAndQuery;
use hyper::{HeaderMap, Method, StatusCode};
use standfast_tactics::deadline::Deadline;
use time::OffsetDateTime;
use tokio::time::Instant;

use super::body::collect;
use super::headers::{FORWARDED_FOR, IDEMPOTENCY_KEY};
use super::journal::{Delivered, Settled, Stored};
use super::upstream::{Answer, Ask, Attempt, Failure, Upstream};
use crate::service::problem::Problem;

/// Nobody waits at the other end, so it may take longer than a user would.
const TIME_MAX: Duration = Duration::from_secs(3);

/// No answer about a reservation is longer.
const ANSWER_LENGTH_MAX: u64 = 256 * 1024;

/// What it says is all that is known: an attempt may have been done, and its answer lost.
const WAITED: &str = "its service gave no answer for too long, and it will not be tried again: \
                      look at your reservations before you ask anew";

/// One delivery, or the end of waiting for it.
pub(super) async fn deliver(
    upstream: Arc<Upstream>,
    stored: Stored,
    waiting_time_max: Duration,
) -> Delivered {
    if OffsetDateTime::now_utc() - stored.taken_at > waiting_time_max {
        tracing::warn!(key = stored.key, "given up: it has waited for too long");
        let title = "It has waited for too long";
        let problem = Problem::new(StatusCode::GONE, "expired", title, WAITED);
        let body: String = problem.response().into_body();
        return Delivered::Final(settled(StatusCode::GONE, "application/problem+json", &body));
    }
    let Some(ask) = ask(&stored) else {
        // It was a request of HTTP once, so this cannot be; and nobody could ever deliver it.
        return Delivered::Final(settled(StatusCode::BAD_REQUEST, "text/plain", "no request"));
    };
    let deadline = Deadline::after(Instant::now(), TIME_MAX);
    let attempt = Attempt { deadline, has_full_time: true, avoided: None };
    match upstream.attempt(&ask, None, attempt).await {
        Ok(answer) => read(answer).await,
        Err((Failure::Open(rejection), _)) => Delivered::NotYet(rejection.retry_after),
        Err((failure, _)) => {
            tracing::debug!(%failure, key = stored.key, "not delivered yet");
            Delivered::NotYet(Duration::ZERO)
        }
    }
}

fn ask(stored: &Stored) -> Option<Ask> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(IDEMPOTENCY_KEY, HeaderValue::try_from(&stored.key).ok()?);
    headers.insert(FORWARDED_FOR, HeaderValue::try_from(&stored.client).ok()?);
    let target = PathAndQuery::try_from(&stored.path).ok()?;
    Some(Ask { method: Method::POST, target, headers, body: Some(stored.bytes()) })
}

async fn read(answer: Answer) -> Delivered {
    let Answer { parts, body } = answer;
    let wants_it_again =
        [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_EARLY, StatusCode::TOO_MANY_REQUESTS];
    if wants_it_again.contains(&parts.status) {
        return Delivered::NotYet(Duration::ZERO);
    }
    let Ok(body) = collect(body, ANSWER_LENGTH_MAX).await else {
        return Delivered::NotYet(Duration::ZERO);
    };
    let kind = parts.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.unwrap_or("application/json");
    Delivered::Final(settled(parts.status, kind, &String::from_utf8_lossy(&body)))
}

fn settled(status: StatusCode, kind: &str, body: &str) -> Settled {
    let (content_type, body) = (kind.to_owned(), body.to_owned());
    Settled { status: status.as_u16(), content_type, body, at: OffsetDateTime::now_utc() }
}
