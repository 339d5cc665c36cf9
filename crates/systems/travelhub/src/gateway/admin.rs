//! `/admin/breakers`: what the breakers do and why, and an operator's word to them. Only for those
//! who say the token of the run.

use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{HeaderMap, Method, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use standfast_tactics::circuit_breaker::{Mode, State};
use tokio::time::Instant;

use super::assembly::Gateway;
use super::headers::TOKEN;
use super::routes::Target;
use super::upstream::{Reply, Upstream, cause_name};
use crate::service::problem::Problem;

/// The path.
pub(super) const BREAKERS: &str = "/admin/breakers";

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Action {
    ForceOpen,
    ForceClosed,
    Reset,
}

/// The body of `POST /admin/breakers`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    service: String,
    action: Action,
}

/// Answers a request for [`BREAKERS`].
pub(super) fn answer(
    gateway: &Gateway,
    method: &Method,
    headers: &HeaderMap,
    body: &Bytes,
) -> Result<Response<Reply>, Problem> {
    let said = headers.get(TOKEN).map(HeaderValue::as_bytes).unwrap_or_default();
    if !gateway.token().is_some_and(|token| is_same(token.as_bytes(), said)) {
        // Whoever may not look does not learn that there is something to see.
        return Err(Problem::not_found("there is nothing under this path"));
    }
    if *method == Method::POST {
        impose(gateway, body)?;
    } else if *method != Method::GET {
        let title = "This method cannot be used here";
        return Err(Problem::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method-not-allowed",
            title,
            title,
        ));
    }
    let of = |target: Target| Some(describe(gateway.upstream(target)?));
    let all: Vec<Value> = Target::ALL.into_iter().filter_map(of).collect();
    Ok(json_response(StatusCode::OK, &json!({ "breakers": all })))
}

/// `value` as a response.
pub(super) fn json_response(status: StatusCode, value: &Value) -> Response<Reply> {
    let mut response = Response::new(Reply::from(value.to_string()));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

fn impose(gateway: &Gateway, body: &Bytes) -> Result<(), Problem> {
    let wanted: Wanted = serde_json::from_slice(body)
        .map_err(|error| Problem::unprocessable(format!("the body is no order: {error}")))?;
    let named = Target::ALL.into_iter().find(|target| target.name() == wanted.service);
    let upstream = named.and_then(|target| gateway.upstream(target));
    let circuit = upstream.and_then(|upstream| upstream.circuit());
    let circuit = circuit.ok_or_else(|| {
        Problem::unprocessable(format!("`{}` has no breaker here", wanted.service))
    })?;
    circuit.impose(match wanted.action {
        Action::ForceOpen => Mode::ForcedOpen,
        Action::ForceClosed => Mode::Disabled,
        Action::Reset => Mode::Automatic,
    });
    Ok(())
}

fn describe(upstream: &Upstream) -> Value {
    let (running, waiting) = upstream.occupancy();
    let mut all = json!({
        "service": upstream.name,
        "instances": upstream.instances().len(),
        "calling": running,
        "queued": waiting,
    });
    let Some(circuit) = upstream.circuit() else { return all };
    let breaker = circuit.breaker();
    let (counts, recent) = (breaker.counts(), breaker.recent());
    let (state, cause, opens_again_ms) = match (breaker.mode(), breaker.state()) {
        (Mode::ForcedOpen, _) => ("forced-open", None, None),
        (Mode::Disabled, _) => ("forced-closed", None, None),
        (Mode::Automatic | Mode::MetricsOnly, State::Closed) => ("closed", None, None),
        (Mode::Automatic | Mode::MetricsOnly, State::HalfOpen { .. }) => ("half-open", None, None),
        (Mode::Automatic | Mode::MetricsOnly, State::Open { until, cause }) => {
            let left = until.saturating_duration_since(Instant::now());
            ("open", Some(cause_name(cause)), u64::try_from(left.as_millis()).ok())
        }
    };
    all["state"] = json!(state);
    all["cause"] = json!(cause);
    all["probes_in_ms"] = json!(opens_again_ms);
    all["window"] = json!({
        "results": recent.results,
        "failed": recent.failed,
        "slow": recent.slow,
        "failures_in_a_row": recent.failures_in_a_row,
    });
    all["counts"] = json!({
        "admitted": counts.admitted,
        "refused": counts.refused,
        "succeeded": counts.succeeded,
        "failed": counts.failed,
        "slow": counts.slow,
        "late": counts.late,
        "opened": counts.opened,
    });
    all
}

/// All bytes are looked at, so that the time that it takes tells nothing.
fn is_same(own: &[u8], said: &[u8]) -> bool {
    let differing = own.iter().zip(said).fold(0, |seen, (own, said)| seen | (own ^ said));
    own.len() == said.len() && differing == 0
}
