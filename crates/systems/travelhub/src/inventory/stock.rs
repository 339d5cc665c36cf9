//! The inventory service as one value, and what it answers from its projection.

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use standfast_tactics::deadline::Deadline;
use time::Date;
use tokio::time::{Instant, sleep};
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::super::following::{Progress, Projection, Span};
use super::super::wire::EventPage;
use super::projection::Rooms;
use super::settings::Settings;
use crate::service::database::{CallError, Database, Names, away, within};
use crate::service::metrics;
use crate::service::problem::Problem;

/// Nights of a house with their rooms, as far as the projection goes.
const AVAILABILITY: &str = include_str!("../../sql/availability.sql");

/// All houses of a city, with the nights that can still be sold of each.
const CITY: &str = include_str!("../../sql/city_stock.sql");

const DIFFERENCES: &str = "SELECT json_build_object(\
     'as_of_seq', (SELECT seq FROM inventory.cursor), \
     'differences', (SELECT coalesce(json_agg(row_to_json(one)), '[]') FROM \
     (SELECT * FROM inventory.differences LIMIT 1000) AS one))::text";

const COUNT: &str = "SELECT count(*) FROM inventory.differences";

/// What a comparison of everything may take.
const COMPARE_TIME_MAX: Duration = Duration::from_secs(10);

/// A stay that is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stay {
    pub(super) offer_id: Uuid,
    pub(super) check_in: Date,
    pub(super) nights: i32,
}

/// What all parts of the service share.
#[derive(Debug)]
pub(super) struct Stock {
    pub(super) settings: Settings,
    pub(super) database: Arc<Database>,
    pub(super) progress: Arc<Progress>,
    registry: Registry,
    differences: Gauge,
}

impl Stock {
    pub(super) fn new(settings: Settings) -> Self {
        let names = Names { target: "postgres", by: "inventory" };
        let database = Arc::new(Database::new(settings.follower.postgres.clone(), names));
        let mut registry = Registry::with_prefix("inventory");
        let progress = Arc::new(Progress::new(&mut registry));
        let differences = Gauge::default();
        let help = "Nights of which the projection says something else than the log";
        registry.register("differences", help, differences.clone());
        Self { settings, database, progress, registry, differences }
    }

    /// The nights of a stay: JSON.
    pub(super) async fn availability(
        &self,
        stay: Stay,
        deadline: Deadline,
    ) -> Result<String, Problem> {
        let Stay { offer_id, check_in, nights } = stay;
        let found = self.json(AVAILABILITY, &[&offer_id, &check_in, &nights], deadline).await?;
        found.ok_or_else(|| Problem::not_found("there is no such offer"))
    }

    /// The houses of a city: JSON.
    pub(super) async fn city(&self, city: i32, deadline: Deadline) -> Result<String, Problem> {
        let found = self.json(CITY, &[&city], deadline).await?;
        found.ok_or_else(|| Problem::not_found("there is no such city"))
    }

    /// What the projection says against the log: JSON.
    pub(super) async fn compare(&self, deadline: Deadline) -> Result<String, Problem> {
        let found = self.json(DIFFERENCES, &[], deadline).await?;
        found.ok_or_else(|| Problem::not_found("there is nothing to compare"))
    }

    async fn json(
        &self,
        query: &str,
        parameters: &[&(dyn ToSql + Sync)],
        deadline: Deadline,
    ) -> Result<Option<String>, Problem> {
        let borrowed = self.database.borrow(deadline).await?;
        let call = async {
            let statement = borrowed.client().prepare_cached(query).await?;
            let row = borrowed.client().query_opt(&statement, parameters).await?;
            row.map(|row| row.try_get(0)).transpose()
        };
        let found = within(deadline, call).await.map_err(|error| failed(&error))?;
        borrowed.give_back();
        Ok(found)
    }

    /// Applies what somebody pushed, whatever is missing before it: what the control arm without
    /// `resync` does.
    pub(super) async fn take_pushed(
        &self,
        page: &EventPage,
        deadline: Deadline,
    ) -> Result<(), Problem> {
        let borrowed = self.database.borrow(deadline).await?;
        let call = async {
            let before = Rooms::cursor(borrowed.client()).await?;
            let last = page.events.last().map_or(before, |entry| entry.seq.max(before));
            Rooms::apply(borrowed.client(), &page.events, Span { before, reached: last }).await
        };
        within(deadline, call).await.map_err(|error| failed(&error))?;
        borrowed.give_back();
        Ok(())
    }

    pub(super) fn metrics(&self) -> String {
        metrics::text(&self.registry)
    }
}

/// Compares the projection with the log, again and again: a difference is a bug, and is to be seen.
pub(super) async fn keep_comparing(stock: Arc<Stock>) {
    loop {
        sleep(stock.settings.compare_every).await;
        let deadline = Deadline::after(Instant::now(), COMPARE_TIME_MAX);
        let Ok(borrowed) = stock.database.borrow(deadline).await else { continue };
        let call = async {
            let row = borrowed.client().query_one(COUNT, &[]).await?;
            row.try_get::<_, i64>(0)
        };
        match within(deadline, call).await {
            Ok(count) => {
                borrowed.give_back();
                if count > 0 {
                    tracing::warn!(count, "the projection differs from the log");
                }
                stock.differences.set(count);
            }
            Err(error) => tracing::debug!(%error, "the projection could not be compared"),
        }
    }
}

fn failed(error: &CallError) -> Problem {
    tracing::warn!(%error, "the database gave no answer");
    away("the database did not answer")
}
