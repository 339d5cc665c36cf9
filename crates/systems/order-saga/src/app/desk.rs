//! An application: its database, and what it counts.

use axum::body::Body;
use axum::http::{Response, StatusCode};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use standfast_tactics::deadline::Deadline;

use super::super::step::{Effect, Records, Reply, StepCall, perform};
use super::AppSettings;
use crate::service::answer;
use crate::service::metrics;
use crate::service::problem::Problem;
use crate::service::sessions::{Database, PoolOptions, Session};

type Labels = [(&'static str, &'static str); 2];

/// What an application counts.
#[derive(Debug)]
pub(in super::super) struct Metrics {
    registry: Registry,
    requests: Family<Labels, Counter>,
    database_up: Gauge,
}

impl Metrics {
    fn new(prefix: &str) -> Self {
        let mut registry = Registry::with_prefix(prefix);
        let (requests, database_up) = (Family::default(), Gauge::default());
        registry.register("requests", "Requests by operation and outcome", requests.clone());
        registry.register("database_up", "Whether writes are taken", database_up.clone());
        Self { registry, requests, database_up }
    }

    /// To which an application adds its own.
    pub(in super::super) fn registry(&mut self) -> &mut Registry {
        &mut self.registry
    }

    fn answered(&self, operation: &'static str, outcome: &'static str) {
        self.requests.get_or_create(&[("operation", operation), ("outcome", outcome)]).inc();
    }
}

/// Where the requests of an application come together.
#[derive(Debug)]
pub(in super::super) struct Desk<S: Session> {
    pub(in super::super) settings: AppSettings,
    pub(in super::super) database: Database<S>,
    pub(in super::super) metrics: Metrics,
}

impl<S: Session> Desk<S> {
    /// An application whose metrics begin with `prefix`.
    pub(in super::super) fn new(settings: AppSettings, address: S::Address, prefix: &str) -> Self {
        let database = Database::new(PoolOptions {
            name: settings.database.clone(),
            address,
            sessions_max: settings.sessions_max,
        });
        Self { settings, database, metrics: Metrics::new(prefix) }
    }

    /// Performs one call of a step.
    pub(in super::super) async fn perform(
        &self,
        call: &StepCall,
        effect: &impl Effect<S>,
        deadline: Deadline,
    ) -> Result<Reply, Problem>
    where
        S: Records,
    {
        perform(&self.database, call, effect, deadline).await
    }

    /// Alive, and `more` about how.
    pub(in super::super) fn health(&self, more: Value) -> Response<Body> {
        let mut body = json!({ "status": "ok" });
        if let (Value::Object(body), Value::Object(more)) = (&mut body, more) {
            body.extend(more);
        }
        answer::json(StatusCode::OK, &body)
    }

    /// Whether the database is there.
    pub(in super::super) fn ready(&self) -> Response<Body> {
        answer::ready(self.database.is_there(), "the database is away")
    }

    /// The text form of what is counted.
    pub(in super::super) fn render(&self) -> Response<Body> {
        self.metrics.database_up.set(self.database.is_there().into());
        let text = metrics::text(&self.metrics.registry);
        answer::metrics(text)
    }
}

/// Counts `result` under `operation`, and answers it.
pub(in super::super) fn respond(
    metrics: &Metrics,
    operation: &'static str,
    result: Result<Response<Body>, Problem>,
) -> Response<Body> {
    let is_declined = result.as_ref().is_ok_and(|response| response.status().is_client_error());
    answer::counted(result, |outcome| {
        metrics.answered(operation, if is_declined { "declined" } else { outcome });
    })
}
