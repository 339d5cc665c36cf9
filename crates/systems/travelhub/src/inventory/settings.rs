//! What the inventory service is told from outside.

use std::time::Duration;

use super::super::following::{FollowerSettings, Role};
use crate::serve::{ServeError, ServeOptions};
use crate::service::environment::Environment;

pub(super) const ROLE: Role =
    Role { name: "inventory", poll_every: Duration::from_secs(10), tactic: "resync" };

/// The checked configuration.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) follower: FollowerSettings,
    /// How often the projection is compared with the log.
    pub(super) compare_every: Duration,
}

impl Settings {
    pub(super) fn read(
        environment: &Environment<'_>,
        options: &ServeOptions,
    ) -> Result<Self, ServeError> {
        Ok(Self {
            follower: FollowerSettings::read(environment, options, ROLE)?,
            compare_every: environment.duration("COMPARE_EVERY", Duration::from_secs(5))?,
        })
    }
}
