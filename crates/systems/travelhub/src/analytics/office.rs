//! The analytics service as one value, and what it answers.

use std::sync::Arc;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;
use standfast_tactics::deadline::Deadline;

use super::super::following::{FollowerSettings, Progress};
use super::super::wire::Reservation;
use crate::service::database::{CallError, Database, Names, away, within};
use crate::service::metrics;
use crate::service::problem::Problem;

const REPORTS: &str = "SELECT json_build_object(\
     'as_of_seq', (SELECT seq FROM cursor), \
     'daily', (SELECT coalesce(json_agg(row_to_json(one) ORDER BY day, kind), '[]') \
               FROM daily AS one), \
     'lead_times', (SELECT coalesce(json_agg(row_to_json(one) ORDER BY days), '[]') \
                    FROM lead_times AS one))::text";

const RECORD: &str = "INSERT INTO daily AS known (day, kind, events, cents) \
     VALUES ((now() AT TIME ZONE 'UTC')::date, $1, 1, $2::bigint) ON CONFLICT (day, kind) \
     DO UPDATE SET events = known.events + 1, cents = known.cents + excluded.cents";

/// What all parts of the service share.
#[derive(Debug)]
pub(super) struct Office {
    pub(super) settings: FollowerSettings,
    pub(super) database: Arc<Database>,
    pub(super) progress: Arc<Progress>,
    registry: Registry,
    records: Counter,
}

impl Office {
    pub(super) fn new(settings: FollowerSettings) -> Self {
        let names = Names { target: "analytics-db", by: "analytics" };
        let database = Arc::new(Database::new(settings.postgres.clone(), names));
        let mut registry = Registry::with_prefix("analytics");
        let progress = Arc::new(Progress::new(&mut registry));
        let records = Counter::default();
        registry.register("records", "Bookings that called and were recorded", records.clone());
        Self { settings, database, progress, registry, records }
    }

    /// What is known: JSON.
    pub(super) async fn reports(&self, deadline: Deadline) -> Result<String, Problem> {
        let borrowed = self.database.borrow(deadline).await?;
        let call = async {
            let statement = borrowed.client().prepare_cached(REPORTS).await?;
            borrowed.client().query_one(&statement, &[]).await?.try_get(0)
        };
        let reports = within(deadline, call).await.map_err(|error| failed(&error))?;
        borrowed.give_back();
        Ok(reports)
    }

    /// Takes what a booking has come to, for the control arm without `isolation`.
    pub(super) async fn record(
        &self,
        reservation: &Reservation,
        deadline: Deadline,
    ) -> Result<(), Problem> {
        let borrowed = self.database.borrow(deadline).await?;
        let (kind, cents) = (reservation.status.name(), reservation.price.cents);
        let call = async {
            let statement = borrowed.client().prepare_cached(RECORD).await?;
            borrowed.client().execute(&statement, &[&kind, &cents]).await
        };
        within(deadline, call).await.map_err(|error| failed(&error))?;
        borrowed.give_back();
        self.records.inc();
        Ok(())
    }

    pub(super) fn metrics(&self) -> String {
        metrics::text(&self.registry)
    }
}

fn failed(error: &CallError) -> Problem {
    tracing::warn!(%error, "the database gave no answer");
    away("the database did not answer")
}
