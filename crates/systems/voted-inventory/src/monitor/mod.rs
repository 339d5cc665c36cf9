//! The monitor: finds out which replicas are well, and marks them ON or OFF.
//!
//! It checks them, compares how far they are in the log, reads what they refuse, and hears what the
//! voter has seen. Nobody waits for it: without it every replica counts, and without its database
//! it works on and writes later what it missed.

mod bounds;
mod case;
mod checks;
mod journal;
mod metrics;
mod record;
mod refusals;
mod routes;
mod settings;
mod share;
mod store;
mod watching;
mod wire;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::serve::{ServeError, ServeOptions};
use crate::service::server;

pub(super) use wire::{Dissent, Finding, Report, State, Status};

/// What was held before is read for so long at most: watching is more urgent.
const RESTORE_TIME_MAX: Duration = Duration::from_secs(1);

/// Serves until `shutdown` completes.
pub(crate) async fn serve(
    options: ServeOptions,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let settings = settings::Settings::read(&options.environment(), &options)?;
    let listener = server::listen(&options).await?;
    let monitor = Arc::new(watching::Monitor::new(settings, Instant::now()));
    checks::restore(&monitor, RESTORE_TIME_MAX).await;
    let tasks = checks::start(&monitor);
    tracing::info!(port = options.port, instance = options.instance, "listening");
    let app = routes::App { monitor, metrics: Arc::new(metrics::Metrics::new()) };
    server::run(listener, routes::router(app), shutdown).await;
    drop(tasks);
    Ok(())
}
