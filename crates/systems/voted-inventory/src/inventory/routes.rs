//! A replica's HTTP surface.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use axum::routing::get;
use serde::Serialize;
use serde_json::json;
use tokio::time::Instant;

use super::metrics::Reading;
use super::replica::{ProductView, Replica};
use crate::service::answer;
use crate::service::problem::Problem;

/// Replays take a second or so.
const RETRY_AFTER: Duration = Duration::from_secs(1);

type App = State<Arc<Replica>>;

pub(super) fn router(replica: Arc<Replica>) -> Router {
    let router = Router::new()
        .route("/inventory", get(all))
        .route("/inventory/{product}", get(one))
        .route("/health", get(health))
        .route("/ready", get(ready))
        .route("/metrics", get(metrics));
    answer::with_fallbacks(router).with_state(replica)
}

/// The answer about one product.
#[derive(Serialize)]
struct One<'a> {
    #[serde(flatten)]
    product: ProductView<'a>,
    replica: &'a str,
    applied_offset: i64,
}

/// The answer about all of them.
#[derive(Serialize)]
struct All<'a> {
    replica: &'a str,
    applied_offset: i64,
    products: Vec<ProductView<'a>>,
}

async fn one(
    State(replica): App,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response<Body> {
    let start = Instant::now();
    let found = async {
        arrive(&replica, query.as_deref(), &headers, start).await?;
        let found = replica.product(&name);
        let (product, applied_offset) =
            found.ok_or_else(|| Problem::not_found(format!("there is no product `{name}`")))?;
        let view =
            ProductView { product_id: &name, stock: product.stock, version: product.version };
        let body = One { product: view, replica: replica.name(), applied_offset };
        let mut response = answer::json(StatusCode::OK, &body);
        response.headers_mut().insert(header::ETAG, etag(product.version));
        Ok(response)
    };
    answer::counted(found.await, |outcome| replica.metrics.answered(outcome))
}

async fn all(State(replica): App, RawQuery(query): RawQuery, headers: HeaderMap) -> Response<Body> {
    let start = Instant::now();
    let arrived = arrive(&replica, query.as_deref(), &headers, start).await;
    answer::counted(arrived.map(|()| everything(&replica)), |outcome| {
        replica.metrics.answered(outcome);
    })
}

fn everything(replica: &Replica) -> Response<Body> {
    let stock = replica.stock();
    let view = |(name, product): (_, super::state::Product)| ProductView {
        product_id: name,
        stock: product.stock,
        version: product.version,
    };
    let products = stock.products().map(view).collect();
    let body = All { replica: replica.name(), applied_offset: stock.applied(), products };
    answer::json(StatusCode::OK, &body)
}

/// Lets a query in when the replica may answer, and has come as far as the query asks for.
async fn arrive(
    replica: &Replica,
    query: Option<&str>,
    headers: &HeaderMap,
    start: Instant,
) -> Result<(), Problem> {
    let deadline = answer::deadline_of(headers, start, replica.settings.request_budget)?;
    let version_min = version_min(query)?;
    if !replica.is_caught_up() {
        let detail = "the replica has not caught up with the log yet";
        return Err(Problem::unavailable(RETRY_AFTER, detail));
    }
    match version_min {
        Some(offset) if !replica.wait_for(offset, deadline).await => {
            let applied = replica.reading().applied;
            let detail = format!("offset {offset} is asked for, and {applied} is applied");
            Err(Problem::unavailable(RETRY_AFTER, detail))
        }
        Some(_) | None => Ok(()),
    }
}

/// `min_version`, the only parameter.
fn version_min(query: Option<&str>) -> Result<Option<i64>, Problem> {
    let Some(query) = query.filter(|query| !query.is_empty()) else { return Ok(None) };
    let value = query.strip_prefix("min_version=").and_then(|value| value.parse().ok());
    value.map(Some).ok_or_else(|| {
        Problem::bad_request("the only parameter is `min_version`, an offset of the log")
    })
}

/// It looks at the state, as a query does: a replica whose state cannot be had is not well.
async fn health(State(replica): App) -> Response<Body> {
    let Reading { applied, is_caught_up } = replica.reading();
    let body = json!({
        "status": "ok", "replica": replica.name(), "applied_offset": applied,
        "caught_up": is_caught_up,
    });
    answer::json(StatusCode::OK, &body)
}

async fn ready(State(replica): App) -> Response<Body> {
    answer::ready(replica.is_caught_up(), "the replica has not caught up with the log yet")
}

async fn metrics(State(replica): App) -> Response<Body> {
    answer::metrics(replica.metrics.render(replica.reading()))
}

fn etag(version: i64) -> HeaderValue {
    HeaderValue::try_from(format!("\"{version}\"")).expect("digits and quotes are visible ASCII")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn min_version_is_the_only_parameter() {
        assert_eq!(version_min(None).unwrap(), None);
        assert_eq!(version_min(Some("min_version=12")).unwrap(), Some(12));
        for wrong in ["min_version=", "min_version=x", "version=1", "min_version=1&a=b"] {
            assert!(version_min(Some(wrong)).is_err(), "{wrong}");
        }
    }
}
