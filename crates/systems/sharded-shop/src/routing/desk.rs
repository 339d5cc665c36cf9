//! What stands before the shards in each service: the router, the time of a request, counts.

use std::future::Future;
use std::sync::Arc;

use axum::Router as Routes;
use axum::body::{Body, Bytes};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Request, Response};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use serde::de::DeserializeOwned;
use standfast_tactics::deadline::Deadline;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::{Router, RoutingSettings};
use crate::serve::{ServeError, ServeOptions};
use crate::service::problem::Problem;
use crate::service::{answer, metrics, server};

/// What is written has some 3 kB at most.
const BODY_LENGTH_MAX: usize = 16 * 1024;

/// Names of products and users.
const NAME_LENGTH_MAX: usize = 64;

type Labels = [(&'static str, &'static str); 2];

/// What is counted of requests.
#[derive(Debug)]
pub(in super::super) struct Metrics {
    registry: Registry,
    requests: Family<Labels, Counter>,
    epoch: Gauge,
    shards_up: Gauge,
}

impl Metrics {
    fn new(prefix: &str) -> Self {
        let mut registry = Registry::with_prefix(prefix);
        let (requests, epoch, shards_up) = (Family::default(), Gauge::default(), Gauge::default());
        registry.register("requests", "Requests by operation and outcome", requests.clone());
        registry.register("map_epoch", "The epoch of the map that is routed by", epoch.clone());
        registry.register("shards_up", "Shards whose primary takes writes", shards_up.clone());
        Self { registry, requests, epoch, shards_up }
    }
}

/// Where the requests of a service come together.
#[derive(Debug)]
pub(in super::super) struct Desk {
    pub(in super::super) settings: RoutingSettings,
    pub(in super::super) router: Arc<Router>,
    metrics: Metrics,
}

impl Desk {
    /// A service whose metrics begin with `prefix`.
    pub(in super::super) fn new(settings: RoutingSettings, prefix: &str) -> Self {
        let router = Arc::new(Router::new(&settings));
        Self { settings, router, metrics: Metrics::new(prefix) }
    }

    /// Counts `result` under `operation`, and answers it.
    pub(in super::super) fn respond(
        &self,
        operation: &'static str,
        result: Result<Response<Body>, Problem>,
    ) -> Response<Body> {
        let is_declined = result.as_ref().is_ok_and(|response| !response.status().is_success());
        answer::counted(result, |outcome| {
            let outcome = if is_declined { "declined" } else { outcome };
            let labels = [("operation", operation), ("outcome", outcome)];
            self.metrics.requests.get_or_create(&labels).inc();
        })
    }

    /// The text form of what is counted.
    pub(in super::super) fn render(&self) -> Response<Body> {
        let router = &self.router;
        self.metrics.epoch.set(router.epoch().cast_signed());
        let up = (0..router.names().len()).filter(|shard| router.is_there(*shard)).count();
        self.metrics.shards_up.set(i64::try_from(up).unwrap_or(i64::MAX));
        answer::metrics(metrics::text(&self.metrics.registry))
    }

    /// The time that a request has.
    pub(in super::super) fn deadline(&self, headers: &HeaderMap) -> Result<Deadline, Problem> {
        answer::deadline_of(headers, Instant::now(), self.settings.request_budget)
    }

    /// A request with its body, and its time.
    pub(in super::super) async fn read(
        &self,
        request: Request<Body>,
    ) -> Result<(Parts, Bytes, Deadline), Problem> {
        let (parts, body) = request.into_parts();
        let deadline = self.deadline(&parts.headers)?;
        let body = answer::body(body, BODY_LENGTH_MAX, deadline).await?;
        Ok((parts, body, deadline))
    }

    /// Serves `routes` until `shutdown` completes, with the router and `beside` at work.
    pub(in super::super) async fn serve(
        &self,
        options: &ServeOptions,
        routes: Routes,
        beside: impl Future<Output = ()> + Send + 'static,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<(), ServeError> {
        let listener = server::listen(options).await?;
        tracing::info!(port = options.port, name = self.settings.name, "listening");
        let mut tasks = JoinSet::new();
        tasks.spawn(Arc::clone(&self.router).keep());
        tasks.spawn(beside);
        server::run(listener, routes, shutdown).await;
        drop(tasks);
        Ok(())
    }
}

/// `body` as `T`. Valid JSON with wrong content is understood, and refused.
pub(in super::super) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| {
        let detail = format!("the body is not what it should be: {error}");
        if error.is_data() { Problem::unprocessable(detail) } else { Problem::bad_request(detail) }
    })
}

/// A name of a product, as a field or a path has it.
pub(in super::super) fn checked_sku(sku: String) -> Result<String, Problem> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if sku.is_empty() || sku.len() > NAME_LENGTH_MAX || !sku.bytes().all(is_plain) {
        return Err(Problem::unprocessable(format!(
            "`sku` must be 1 to {NAME_LENGTH_MAX} letters, digits or any of - _ ."
        )));
    }
    Ok(sku)
}
