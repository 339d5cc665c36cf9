//! What the inventory service is told from outside.

use std::time::Duration;

use super::super::TACTICS;
use super::super::following::PAGE_LENGTH;
use crate::serve::{ServeError, ServeOptions};
use crate::service::database;
use crate::service::environment::Environment;
use crate::service::peer::PeerAddress;

/// The checked configuration.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) postgres: tokio_postgres::Config,
    pub(super) reservations: PeerAddress,
    /// How often the log is asked for what is new.
    pub(super) poll_every: Duration,
    /// How many entries are asked for at once.
    pub(super) page_length: usize,
    /// How often the projection is compared with the log.
    pub(super) compare_every: Duration,
    /// No request takes longer.
    pub(super) request_budget: Duration,
    /// Whether it asks; otherwise it only listens. Off only in a control arm.
    pub(super) resyncs: bool,
}

impl Settings {
    pub(super) fn read(
        environment: &Environment<'_>,
        options: &ServeOptions,
    ) -> Result<Self, ServeError> {
        let without = environment.without(TACTICS)?;
        let name = environment.service_name(format!("inventory-{}", options.instance));
        Ok(Self {
            postgres: database::address(environment, &name)?,
            reservations: environment.required("RESERVATIONS_URL")?,
            poll_every: environment.duration("POLL_EVERY", Duration::from_secs(10))?,
            page_length: environment.number("PAGE_LENGTH", PAGE_LENGTH)?,
            compare_every: environment.duration("COMPARE_EVERY", Duration::from_secs(5))?,
            request_budget: environment.duration("REQUEST_BUDGET", Duration::from_secs(1))?,
            resyncs: !without.contains("resync"),
        })
    }
}
