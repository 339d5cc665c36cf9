//! What a follower of the log is told from outside.

use std::time::Duration;

use super::super::TACTICS;
use crate::serve::{ServeError, ServeOptions};
use crate::service::database;
use crate::service::environment::Environment;
use crate::service::peer::PeerAddress;

/// Entries of a page, unless it is told otherwise: enough for a few seconds of many bookings.
const PAGE_LENGTH: usize = 5000;

/// Who follows.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Role {
    /// As in `system.toml`.
    pub(in super::super) name: &'static str,
    /// How often the log is asked for what is new, unless it is told otherwise.
    pub(in super::super) poll_every: Duration,
    /// Without it nobody is asked, and bookings tell what they do.
    pub(in super::super) tactic: &'static str,
}

/// The checked configuration.
#[derive(Debug)]
pub(in super::super) struct FollowerSettings {
    /// Where the projection and its cursor are.
    pub(in super::super) postgres: tokio_postgres::Config,
    pub(super) reservations: PeerAddress,
    /// How often the log is asked for what is new.
    pub(super) poll_every: Duration,
    /// How many entries are asked for at once.
    pub(super) page_length: usize,
    /// No request takes longer.
    pub(in super::super) request_budget: Duration,
    /// Whether the log is asked; off only in a control arm.
    pub(in super::super) asks: bool,
}

impl FollowerSettings {
    pub(in super::super) fn read(
        environment: &Environment<'_>,
        options: &ServeOptions,
        role: Role,
    ) -> Result<Self, ServeError> {
        let without = environment.without(TACTICS)?;
        let name = environment.service_name(format!("{}-{}", role.name, options.instance));
        Ok(Self {
            postgres: database::address(environment, &name)?,
            reservations: environment.required("RESERVATIONS_URL")?,
            poll_every: environment.duration("POLL_EVERY", role.poll_every)?,
            page_length: environment.number("PAGE_LENGTH", PAGE_LENGTH)?,
            request_budget: environment.duration("REQUEST_BUDGET", Duration::from_secs(1))?,
            asks: !without.contains(role.tactic),
        })
    }
}
