//! What the orders service is told from outside.

use std::time::Duration;

use super::super::TACTICS;
use super::super::log::LogSettings;
use crate::serve::{ServeError, ServeOptions};
use crate::service::environment::Environment;

/// A connection that is not there by then is not made.
pub(super) const CONNECT_TIME_MAX: Duration = Duration::from_secs(1);

/// The checked configuration.
#[derive(Debug)]
pub(super) struct Settings {
    /// Who writes to the error queue.
    pub(super) name: String,
    pub(super) log: LogSettings,
    pub(super) postgres: tokio_postgres::Config,
    /// How many replicas there are; more than half of them decide.
    pub(super) replicas: usize,
    /// No request takes longer, whatever its client asks for.
    pub(super) request_budget: Duration,
    /// Requests that wait to be written.
    pub(super) waiting_max: usize,
    /// How often the outbox is looked at when nothing wakes the publisher.
    pub(super) poll_every: Duration,
    /// Whether events go through the outbox; off only in a control arm.
    pub(super) has_outbox: bool,
}

impl Settings {
    pub(super) fn read(
        environment: &Environment<'_>,
        options: &ServeOptions,
    ) -> Result<Self, ServeError> {
        let without = environment.without(TACTICS)?;
        let name = environment
            .get("SERVICE_NAME")
            .unwrap_or_else(|| format!("orders-{}", options.instance));
        let mut postgres: tokio_postgres::Config = environment.required("POSTGRES_URL")?;
        postgres.connect_timeout(CONNECT_TIME_MAX).application_name(&name);
        Ok(Self {
            log: LogSettings::read(environment, &name)?,
            name,
            postgres,
            replicas: environment.number("REPLICAS", 3)?,
            request_budget: environment.duration("REQUEST_BUDGET", Duration::from_secs(1))?,
            waiting_max: environment.number("WAITING_MAX", 1024)?,
            poll_every: environment.duration("OUTBOX_POLL", Duration::from_millis(100))?,
            has_outbox: !without.contains("outbox"),
        })
    }
}
