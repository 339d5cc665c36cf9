//! The voter's HTTP surface.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use serde::Serialize;
use serde_json::json;
use tokio::time::Instant;

use super::metrics::Metrics;
use super::question::{Settled, Subject};
use super::stats::Stats;
use super::voting::{Answer, Purpose, Request, Voter};
use crate::service::answer;
use crate::service::problem::Problem;

/// A replica that was killed is back, or its breaker tries it, within a second.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// No product has a longer name.
const NAME_LENGTH_MAX: usize = 64;

/// How many agreed, of how many.
const VOTES: HeaderName = HeaderName::from_static("x-votes");

/// Who had said something else.
const DISSENT: HeaderName = HeaderName::from_static("x-dissent");

/// What requests need.
#[derive(Clone, Debug)]
pub(super) struct App {
    pub(super) voter: Arc<Voter>,
    pub(super) metrics: Arc<Metrics>,
}

pub(super) fn router(app: App) -> Router {
    let router = Router::new()
        .route("/inventory", get(all))
        .route("/inventory/{product}", get(one))
        .route("/voter/voting-stats", get(stats))
        .route("/health", get(answer::health))
        .route("/ready", get(ready))
        .route("/metrics", get(metrics));
    answer::with_fallbacks(router).with_state(app)
}

#[derive(Serialize)]
struct Line<'a> {
    product_id: &'a str,
    stock: u32,
    version: i64,
}

impl<'a> Line<'a> {
    /// Nothing for a product that does not exist.
    fn of(one: &'a Settled) -> Option<Self> {
        Some(Self { product_id: &one.product, stock: one.stock?, version: one.version })
    }
}

async fn one(
    State(app): State<App>,
    Path(product): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response<Body> {
    let start = Instant::now();
    let subject = product_name(&product).map(|()| Subject::One(product));
    let voted = vote(&app.voter, subject, query.as_deref(), &headers, start).await;
    respond(&app, voted, |voted| {
        let settled = voted.settled.first().expect("one product was asked about");
        let line = Line::of(settled).ok_or_else(|| {
            Problem::not_found(format!("there is no product `{}`", settled.product))
        })?;
        Ok((answer::json(StatusCode::OK, &line), settled.version))
    })
}

async fn all(
    State(app): State<App>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response<Body> {
    let start = Instant::now();
    let voted = vote(&app.voter, Ok(Subject::All), query.as_deref(), &headers, start).await;
    respond(&app, voted, |voted| {
        let products: Vec<Line<'_>> = voted.settled.iter().filter_map(Line::of).collect();
        let newest = products.iter().map(|line| line.version).max().unwrap_or(-1);
        Ok((answer::json(StatusCode::OK, &json!({ "products": products })), newest))
    })
}

async fn vote(
    voter: &Arc<Voter>,
    subject: Result<Subject, Problem>,
    query: Option<&str>,
    headers: &HeaderMap,
    start: Instant,
) -> Result<Answer, Problem> {
    let (subject, version_min) = (subject?, version_min(query)?);
    let deadline = answer::deadline_of(headers, start, voter.settings.vote_timeout)?;
    let request = Request { subject, version_min, deadline };
    let voted = if voter.settings.tactics.vote {
        voter.hold(request, Purpose::Answer).await
    } else {
        voter.ask_one(request).await
    };
    voted.map_err(|refused| Problem::unavailable(RETRY_AFTER, refused.to_string()))
}

/// Makes the response, by `render` where there is an answer: the body, and the version of it.
fn respond(
    app: &App,
    voted: Result<Answer, Problem>,
    render: impl FnOnce(&Answer) -> Result<(Response<Body>, i64), Problem>,
) -> Response<Body> {
    let rendered = voted.and_then(|voted| {
        let (mut response, version) = render(&voted)?;
        let texts = [
            (header::ETAG, format!("\"{version}\"")),
            (VOTES, format!("{}/{}", voted.votes, voted.panel)),
            (DISSENT, voted.dissenters.join(", ")),
        ];
        for (name, text) in texts {
            if let (Ok(value), false) = (HeaderValue::try_from(&text), text.is_empty()) {
                response.headers_mut().insert(name, value);
            }
        }
        Ok(response)
    });
    answer::counted(rendered, |outcome| app.metrics.answered(outcome))
}

async fn stats(State(app): State<App>) -> Response<Body> {
    answer::json(StatusCode::OK, &Stats::of(&app.voter, Instant::now()))
}

/// Ready while a majority of the replicas is worth asking.
async fn ready(State(app): State<App>) -> Response<Body> {
    let usable = app.voter.replicas.iter().filter(|replica| replica.breaker.is_closed()).count();
    let required = app.voter.settings.panel.required();
    if usable >= required {
        return answer::json(StatusCode::OK, &json!({ "ready": true, "usable": usable }));
    }
    let detail = format!("{usable} replicas are worth asking, and {required} have to agree");
    Problem::unavailable(RETRY_AFTER, detail).into_response()
}

async fn metrics(State(app): State<App>) -> Response<Body> {
    answer::metrics(app.metrics.render(&app.voter))
}

fn product_name(name: &str) -> Result<(), Problem> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let is_name = !name.is_empty() && name.len() <= NAME_LENGTH_MAX && name.bytes().all(is_plain);
    if is_name && name != "." && name != ".." {
        return Ok(());
    }
    Err(Problem::bad_request(format!(
        "a product is named by 1 to {NAME_LENGTH_MAX} letters, digits, and `-`, `_`, `.`"
    )))
}

/// `min_version`, the only parameter.
fn version_min(query: Option<&str>) -> Result<Option<i64>, Problem> {
    let Some(query) = query.filter(|query| !query.is_empty()) else { return Ok(None) };
    let value = query.strip_prefix("min_version=").and_then(|value| value.parse().ok());
    value.filter(|version: &i64| *version >= 0).map(Some).ok_or_else(|| {
        Problem::bad_request("the only parameter is `min_version`, an offset of the log")
    })
}
