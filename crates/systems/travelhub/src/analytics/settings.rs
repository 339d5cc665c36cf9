//! What the analytics service is told from outside.

use std::time::Duration;

use super::super::TACTICS;
use crate::serve::{ServeError, ServeOptions};
use crate::service::database;
use crate::service::environment::Environment;
use crate::service::peer::PeerAddress;

/// The checked configuration.
#[derive(Debug)]
pub(super) struct Settings {
    /// A database of its own.
    pub(super) postgres: tokio_postgres::Config,
    pub(super) reservations: PeerAddress,
    /// How often the log is asked for what is new.
    pub(super) poll_every: Duration,
    /// No request takes longer.
    pub(super) request_budget: Duration,
    /// Whether it follows the log; otherwise each booking calls it, in a control arm.
    pub(super) is_isolated: bool,
}

impl Settings {
    pub(super) fn read(
        environment: &Environment<'_>,
        options: &ServeOptions,
    ) -> Result<Self, ServeError> {
        let without = environment.without(TACTICS)?;
        let name = environment.service_name(format!("analytics-{}", options.instance));
        Ok(Self {
            postgres: database::address(environment, &name)?,
            reservations: environment.required("RESERVATIONS_URL")?,
            poll_every: environment.duration("POLL_EVERY", Duration::from_secs(2))?,
            request_budget: environment.duration("REQUEST_BUDGET", Duration::from_secs(1))?,
            is_isolated: !without.contains("isolation"),
        })
    }
}
