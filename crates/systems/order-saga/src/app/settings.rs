//! What an application is told from outside.

use std::time::Duration;

use crate::serve::{ServeError, ServeOptions};
use crate::service::environment::Environment;

/// The checked configuration, but for where its database is.
#[derive(Clone, Debug)]
pub(in super::super) struct AppSettings {
    /// Who asks the database.
    pub(in super::super) name: String,
    /// Of the database in events: that of its cluster, since a proxy stands before it.
    pub(in super::super) database: String,
    /// No request takes longer, whatever its client asks for.
    pub(in super::super) request_budget: Duration,
    /// Transactions that may run at once.
    pub(in super::super) sessions_max: usize,
}

impl AppSettings {
    pub(in super::super) fn read(
        environment: &Environment<'_>,
        options: &ServeOptions,
        database: &str,
    ) -> Result<Self, ServeError> {
        Ok(Self {
            name: environment.service_name(format!("{database}-{}", options.instance)),
            database: environment.get("DATABASE_NAME").unwrap_or_else(|| database.to_owned()),
            request_budget: environment.duration("REQUEST_BUDGET", Duration::from_secs(2))?,
            sessions_max: environment.number("SESSIONS_MAX", 16)?,
        })
    }
}
