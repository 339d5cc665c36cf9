//! The service as one value: its database, its partners, and what it counts.

use super::super::primary::Primary;
use super::checkout::Partners;
use super::metrics::Metrics;
use super::settings::Settings;
use crate::service::sessions::{Database, PoolOptions};

/// Of the primary in events, since it is now this server and now that.
const PRIMARY: &str = "core";

/// Where requests come together.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) settings: Settings,
    pub(super) primary: Primary,
    pub(super) partners: Partners,
    pub(super) metrics: Metrics,
}

impl Desk {
    pub(super) fn new(settings: Settings) -> Self {
        let primary = Database::new(PoolOptions {
            name: PRIMARY.to_owned(),
            address: settings.primary.clone(),
            sessions_max: settings.sessions_max,
        });
        let partners = Partners::new(&settings.carts, &settings.inventories);
        Self { primary, partners, metrics: Metrics::new(), settings }
    }
}
