//! A request on its way through: admitted or shed, asked of its service within its time, tried
//! again where that can help, and answered by the service or by what stands in for it.

use bytes::Bytes;
use hyper::body::{Body, Incoming};
use hyper::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HeaderValue};
use hyper::http::request::Parts;
use hyper::http::uri::PathAndQuery;
use hyper::{Method, Response, StatusCode, Version};
use standfast_tactics::deadline::Deadline;
use standfast_tactics::retry::{Policy, Retries, Safety};
use standfast_tactics::shed::{Outcome, Pass, Priority};
use tokio::time::{Instant, sleep, timeout_at};

use super::assembly::Gateway;
use super::body::{BodyError, Outbound, collect};
use super::figures::Fate;
use super::headers::{self, ANSWER, IDEMPOTENCY_KEY, REQUEST_ID};
use super::routes::{Class, Fallback, Intake, Route};
use super::upstream::{Answer, Ask, Attempt, Failure, Reply};
use crate::service::answer::deadline_of;
use crate::service::problem::Problem;

/// The longest key that a client may use.
const KEY_LENGTH_MAX: usize = 128;

/// A request as far as its answer depends on it.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) route: &'static Route,
    /// Path and query as the client said them.
    pub(super) question: PathAndQuery,
    pub(super) id: HeaderValue,
    pub(super) is_get: bool,
}

impl Gateway {
    /// Answers a request for `route`.
    pub(super) async fn pass(
        &self,
        route: &'static Route,
        parts: Parts,
        incoming: Incoming,
        client: &HeaderValue,
    ) -> Response<Reply> {
        let id = self.ids.of(&parts.headers);
        let question = parts.uri.path_and_query().cloned();
        let question = question.unwrap_or_else(|| PathAndQuery::from_static("/"));
        let asked = Asked { route, question, id, is_get: parts.method == Method::GET };
        let mut response = match self.ask(&asked, parts, incoming, client).await {
            Ok(response) => response,
            Err(problem) => {
                self.figures.count(route.target, Fate::Refused);
                problem.response()
            }
        };
        response.headers_mut().insert(REQUEST_ID, asked.id);
        response
    }

    async fn ask(
        &self,
        asked: &Asked,
        parts: Parts,
        incoming: Incoming,
        client: &HeaderValue,
    ) -> Result<Response<Reply>, Problem> {
        let route = asked.route;
        let deadline = deadline_of(&parts.headers, Instant::now(), route.budget)?;
        let pass = match self.gate().map(|gate| gate.enter(priority(route.class))).transpose() {
            Ok(pass) => pass,
            // Whoever has decided on something is not told to come back: it is done when there is
            // room for it.
            Err(_) if self.shelf().is_some() && route.fallback == Some(Fallback::Store) => {
                let (ask, _) = self.prepare(asked, parts, incoming, client, deadline).await?;
                return Box::pin(self.fall_back(asked, &ask, Failure::Shed)).await;
            }
            Err(refusal) => return Ok(self.shed(asked, refusal.retry_after)),
        };
        let (ask, stream) = self.prepare(asked, parts, incoming, client, deadline).await?;
        if let Some(answer) = self.answered_before(asked, &ask) {
            return answer;
        }
        match self.try_all(asked, &ask, stream, deadline).await {
            Ok(answer) => {
                finish(pass, Outcome::Served);
                self.figures.count(route.target, Fate::Passed);
                Ok(self.pass_on(asked, answer))
            }
            Err(failure) => {
                let is_full = matches!(failure, Failure::Busy(_));
                finish(pass, if is_full { Outcome::Overloaded } else { Outcome::Ignored });
                // Boxed, for it is rare, and would make every request's state larger.
                Box::pin(self.fall_back(asked, &ask, failure)).await
            }
        }
    }

    /// Makes of a client's request the one to its service, with as much of the body as the route
    /// wants to hold.
    async fn prepare(
        &self,
        asked: &Asked,
        parts: Parts,
        incoming: Incoming,
        client: &HeaderValue,
        deadline: Deadline,
    ) -> Result<(Ask, Option<Outbound>), Problem> {
        let mut headers = parts.headers;
        headers::inward(&mut headers, client, &asked.id);
        if asked.is_get && self.last_good().is_some() {
            // What is kept has to be of use to everybody, whatever he understands.
            headers.remove(ACCEPT_ENCODING);
        }
        let inner = asked.route.inner(asked.question.as_str());
        let target = if inner.len() == asked.question.as_str().len() {
            asked.question.clone()
        } else {
            PathAndQuery::try_from(inner)
                .map_err(|_| Problem::bad_request("the path is not in its plain form"))?
        };
        let (mut body, mut stream) = (None, None);
        match asked.route.intake {
            Intake::None if !incoming.is_end_stream() => {
                return Err(Problem::bad_request("this request has no body"));
            }
            Intake::None => {}
            Intake::Whole { bytes_max } => {
                body = Some(whole(incoming, bytes_max, deadline).await?);
                let key = headers.entry(IDEMPOTENCY_KEY).or_insert_with(|| self.ids.fresh());
                check_key(key)?;
            }
            Intake::Streamed { bytes_max } => {
                if incoming.size_hint().lower() > bytes_max {
                    return Err(too_long(bytes_max));
                }
                stream = Some(Outbound::streamed(incoming, bytes_max));
            }
        }
        Ok((Ask { method: parts.method, target, headers, body }, stream))
    }

    async fn try_all(
        &self,
        asked: &Asked,
        ask: &Ask,
        mut stream: Option<Outbound>,
        deadline: Deadline,
    ) -> Result<Answer, Failure> {
        let Asked { route, .. } = asked;
        let Some(upstream) = self.upstream(route.target) else { return Err(Failure::Absent) };
        let safety = match (route.is_read(), &ask.body) {
            (true, _) => Safety::Idempotent,
            (false, Some(_)) => Safety::Keyed,
            (false, None) => Safety::Once,
        };
        let is_hedged = self.tactics.hedging && route.is_read() && upstream.can_hedge();
        let mut retries = Retries::new(Policy::default(), safety, deadline);
        let mut avoided = None;
        loop {
            let now = Instant::now();
            let has_full_time = deadline.remaining(now) >= route.attempt;
            let attempt =
                Attempt { deadline: deadline.cap(now, route.attempt), has_full_time, avoided };
            let tried = if is_hedged {
                upstream.attempt_hedged(ask, attempt).await
            } else {
                upstream.attempt(ask, stream.take(), attempt).await
            };
            let (failure, instance) = match tried {
                Ok(answer) => return Ok(answer),
                Err(failed) => failed,
            };
            match upstream.again(&mut retries, &failure) {
                Ok(wait) => sleep(wait).await,
                Err(_) => return Err(failure),
            }
            self.figures.retried(route.target);
            avoided = instance;
        }
    }

    /// The answer of a service as the client gets it. It is remembered if it may be needed.
    fn pass_on(&self, asked: &Asked, answer: Answer) -> Response<Reply> {
        let Answer { mut parts, body } = answer;
        headers::end_of_hop(&mut parts.headers);
        parts.version = Version::HTTP_11;
        let grade = parts.headers.get(ANSWER).map(HeaderValue::as_bytes);
        let is_fresh = grade.is_none_or(|grade| grade == b"fresh");
        if let (Some(last_good), Reply::Whole(whole)) = (self.last_good(), &body)
            && is_fresh
            && asked.is_get
            && parts.status == StatusCode::OK
            && !parts.headers.contains_key(CONTENT_ENCODING)
        {
            last_good.keep(asked.question.as_str(), &parts.headers, whole, Instant::now());
        }
        if grade.is_none() {
            parts.headers.insert(ANSWER, HeaderValue::from_static("fresh"));
        }
        Response::from_parts(parts, body)
    }
}

fn finish(pass: Option<Pass>, outcome: Outcome) {
    if let Some(pass) = pass {
        pass.finish(outcome);
    }
}

fn priority(class: Class) -> Priority {
    match class {
        Class::Payment => Priority::Critical,
        Class::Reservation => Priority::High,
        Class::Read => Priority::Normal,
        Class::Search => Priority::Low,
    }
}

async fn whole(incoming: Incoming, bytes_max: u64, deadline: Deadline) -> Result<Bytes, Problem> {
    if incoming.size_hint().lower() > bytes_max {
        return Err(too_long(bytes_max));
    }
    match timeout_at(deadline.instant(), collect(incoming, bytes_max)).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(BodyError::TooLong(_))) => Err(too_long(bytes_max)),
        Ok(Err(error)) => Err(Problem::bad_request(error.to_string())),
        Err(_) => {
            let title = "The body did not come in time";
            Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "timeout", title, title))
        }
    }
}

/// What is said of a body that is too long.
pub(super) fn too_long(bytes_max: u64) -> Problem {
    let title = "The body is too large";
    let detail = format!("a body may have {bytes_max} bytes");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", title, detail)
}

fn check_key(key: &HeaderValue) -> Result<(), Problem> {
    let key = key.as_bytes();
    let is_visible = |byte: &u8| (0x20..0x7f).contains(byte);
    if !key.is_empty() && key.len() <= KEY_LENGTH_MAX && key.iter().all(is_visible) {
        return Ok(());
    }
    Err(Problem::bad_request(format!(
        "Idempotency-Key must be 1 to {KEY_LENGTH_MAX} visible ASCII characters"
    )))
}
