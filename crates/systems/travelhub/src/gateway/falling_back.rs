//! What a user gets when a service does not answer.

use std::time::Duration;

use hyper::header::{HeaderValue, LOCATION, RETRY_AFTER};
use hyper::{Response, StatusCode};
use serde_json::{Value, json};
use standfast_tactics::degrade::Grade;
use time::OffsetDateTime;
use tokio::time::Instant;

use super::admin::json_response;
use super::assembly::Gateway;
use super::body::BodyError;
use super::fallback;
use super::figures::Fate;
use super::headers::{ANSWER, FORWARDED_FOR, IDEMPOTENCY_KEY};
use super::journal::{Known, Settled, Stored, Taken};
use super::passing::{Asked, too_long};
use super::pending;
use super::routes::Fallback;
use super::upstream::{Ask, Failure, Reply};
use crate::service::problem::Problem;

/// When a request that could be neither done nor written down is worth trying again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

impl Gateway {
    /// The answer to a request that its service did not answer.
    pub(super) async fn fall_back(
        &self,
        asked: &Asked,
        ask: &Ask,
        failure: Failure,
    ) -> Result<Response<Reply>, Problem> {
        let target = asked.route.target;
        if let Failure::Body(error) = &failure {
            return Err(match error {
                BodyError::TooLong(bytes_max) => too_long(*bytes_max),
                BodyError::Broken(_) | BodyError::Stalled => {
                    Problem::bad_request(error.to_string())
                }
            });
        }
        tracing::debug!(%failure, service = target.name(), "a request was not answered");
        let why = why(target.name(), &failure);
        let fallback = asked.route.fallback.filter(|_| self.tactics.fallback);
        match fallback {
            Some(Fallback::Store) => match self.store(asked, ask, &why).await {
                Some(response) => Ok(response),
                None => Ok(self.fail(asked, &failure)),
            },
            Some(other) => Ok(self.stand_in(asked, other, &why)),
            None => Ok(self.fail(asked, &failure)),
        }
    }

    /// A request that is refused for overload. What is known is given all the same: that costs
    /// nothing.
    pub(super) fn shed(&self, asked: &Asked, retry_after: Duration) -> Response<Reply> {
        let stale =
            asked.route.fallback.and_then(|it| self.stale(asked, it, "too much is asked for"));
        if let Some(stale) = stale {
            return stale;
        }
        self.figures.count(asked.route.target, Fate::Shed);
        Problem::too_many(retry_after, "other requests go first").response()
    }

    /// What is already known of a request that was written down, or of its key.
    pub(super) fn answered_before(
        &self,
        asked: &Asked,
        ask: &Ask,
    ) -> Option<Result<Response<Reply>, Problem>> {
        let shelf = self.shelf()?;
        let body = ask.body.as_ref()?;
        if shelf.is_empty() {
            return None;
        }
        let key = ask.headers.get(IDEMPOTENCY_KEY)?.to_str().ok()?;
        let known = shelf.known(key)?;
        let (Known::Waits(stored) | Known::Settled(stored, _)) = &known;
        if !stored.is_same(ask.target.as_str(), body) {
            return Some(Err(other_request()));
        }
        self.figures.count(asked.route.target, Fate::Stored);
        Some(Ok(match known {
            Known::Waits(stored) => accepted(&stored.key, asked, "it waits for its service"),
            Known::Settled(_, answer) => settled(&answer),
        }))
    }

    fn stand_in(&self, asked: &Asked, fallback: Fallback, why: &str) -> Response<Reply> {
        if let Some(stale) = self.stale(asked, fallback, why) {
            return stale;
        }
        let fate = match fallback {
            Fallback::File => Fate::Refused,
            Fallback::List(_) | Fallback::Object | Fallback::Page | Fallback::Store => {
                Fate::Degraded
            }
        };
        self.figures.count(asked.route.target, fate);
        match fallback {
            Fallback::List(name) => fallback::empty_list(name, why),
            Fallback::Page => fallback::page(why),
            Fallback::Object | Fallback::Store => fallback::nothing_known(why),
            Fallback::File => {
                let problem = Problem::not_found(why).with_header("cache-control", "no-store");
                problem.response()
            }
        }
    }

    fn stale(&self, asked: &Asked, fallback: Fallback, why: &str) -> Option<Response<Reply>> {
        let (last_good, now) = (self.last_good()?, Instant::now());
        let (question, age_max) = (asked.question.as_str(), self.stale_max);
        let response = match fallback {
            Fallback::List(_) | Fallback::Object => {
                let good = last_good.find_bare(question, age_max, now)?;
                let age = now.saturating_duration_since(good.at);
                fallback::graded(&good.body, &Grade::Stale { age }, why)
            }
            Fallback::Page | Fallback::File => {
                let good = last_good.find(question, age_max, now)?;
                fallback::stale(&good.headers, good.body, now.saturating_duration_since(good.at))
            }
            Fallback::Store => return None,
        };
        self.figures.count(asked.route.target, Fate::Stale);
        Some(response)
    }

    /// Writes the request down; nothing without the tactic.
    async fn store(&self, asked: &Asked, ask: &Ask, why: &str) -> Option<Response<Reply>> {
        let (shelf, target) = (self.shelf()?, asked.route.target);
        let text = |name| ask.headers.get(name).and_then(|value| value.to_str().ok());
        let key = text(IDEMPOTENCY_KEY)?.to_owned();
        let Ok(body) = String::from_utf8(ask.body.as_ref()?.to_vec()) else {
            self.figures.count(target, Fate::Refused);
            return Some(Problem::bad_request("the body is no text").response());
        };
        let stored = Stored {
            key: key.clone(),
            path: ask.target.as_str().to_owned(),
            body,
            client: text(FORWARDED_FOR).unwrap_or_default().to_owned(),
            taken_at: OffsetDateTime::now_utc(),
        };
        let (fate, response) = match shelf.take(stored).await {
            Taken::Durable => (Fate::Stored, accepted(&key, asked, why)),
            Taken::Settled(answer) => (Fate::Stored, settled(&answer)),
            Taken::OtherRequest => (Fate::Refused, other_request().response()),
            Taken::Full => {
                let detail = "as many requests wait for their service as may";
                (Fate::Shed, Problem::too_many(AGAIN_AFTER, detail).response())
            }
            Taken::NotWritten => {
                let detail = "it could be neither done nor written down: nothing is promised, and \
                              it is safe to ask again with the same key";
                (Fate::Shed, Problem::too_many(AGAIN_AFTER, detail).response())
            }
        };
        self.figures.count(target, fate);
        Some(response)
    }

    /// The failure as it is: what users see without the tactic.
    fn fail(&self, asked: &Asked, failure: &Failure) -> Response<Reply> {
        self.figures.count(asked.route.target, Fate::Failed);
        let title = "The service behind this did not answer";
        let status = match failure {
            Failure::Open(_) | Failure::Busy(_) | Failure::Absent | Failure::Shed => {
                return Problem::unavailable(AGAIN_AFTER, failure.to_string()).response();
            }
            Failure::Timeout => StatusCode::GATEWAY_TIMEOUT,
            Failure::Connect(_)
            | Failure::Broken(_)
            | Failure::Answer(_)
            | Failure::Status { .. }
            | Failure::Body(_) => StatusCode::BAD_GATEWAY,
        };
        Problem::new(status, "upstream", title, failure.to_string()).response()
    }
}

/// For people who look at a page, in few words.
fn why(service: &str, failure: &Failure) -> String {
    match failure {
        Failure::Open(_) | Failure::Connect(_) | Failure::Absent => format!("{service} is away"),
        Failure::Shed => "too much is asked for at present".to_owned(),
        Failure::Timeout | Failure::Busy(_) => format!("{service} is too slow at present"),
        Failure::Broken(_) | Failure::Answer(_) | Failure::Status { .. } | Failure::Body(_) => {
            format!("{service} fails at present")
        }
    }
}

/// 202: the request is on the disk.
fn accepted(key: &str, asked: &Asked, why: &str) -> Response<Reply> {
    let place = pending::location(key);
    let mut body = json!({
        "status": "pending",
        "pending": place,
        "idempotency_key": key,
        "answer": { "kind": "degraded", "why": why },
    });
    if asked.question.path().ends_with("/payment") {
        body["payment"] = Value::from("pending");
    }
    let mut response = json_response(StatusCode::ACCEPTED, &body);
    let grade = Grade::Degraded { why: why.to_owned() };
    for (name, value) in
        [(LOCATION, place), (IDEMPOTENCY_KEY, key.to_owned()), (ANSWER, grade.header_value())]
    {
        if let Ok(value) = HeaderValue::try_from(value) {
            response.headers_mut().insert(name, value);
        }
    }
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

/// What the service has said of a request that was written down.
pub(super) fn settled(answer: &Settled) -> Response<Reply> {
    let mut response = Response::new(Reply::from(answer.body.clone()));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    if let Ok(kind) = HeaderValue::try_from(&answer.content_type) {
        response.headers_mut().insert(hyper::header::CONTENT_TYPE, kind);
    }
    response
}

fn other_request() -> Problem {
    Problem::unprocessable("this Idempotency-Key is that of another request")
}
