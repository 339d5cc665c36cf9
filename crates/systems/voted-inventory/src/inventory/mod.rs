//! The inventory service: one of three replicas that hold the same stock, since they apply the same
//! log in the same order.
//!
//! A replica never asks another one. What it knows comes from the log, and from a snapshot of its
//! own that saves it the log's beginning; while the log is away it goes on answering, and the
//! version in each answer tells how old that is.

mod feed;
mod metrics;
mod outgoing;
mod replica;
mod routes;
mod settings;
mod snapshot;
mod state;
mod store;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::log::{LogWriter, Survey, WriterOptions};
use crate::serve::{ServeError, ServeOptions};
use crate::service::server;

/// Nobody waits for a reply within milliseconds: an order was acknowledged long before.
const LINGER: Duration = Duration::from_millis(5);

/// Serves until `shutdown` completes.
pub(crate) async fn serve(
    options: ServeOptions,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let settings = settings::Settings::read(&options.environment(), &options)?;
    let writer = WriterOptions {
        give_up_after: None,
        linger: LINGER,
        queue_max: outgoing::WRITER_QUEUE_MAX,
    };
    let writer =
        LogWriter::try_new(&settings.log, writer).map_err(|error| error.as_configuration())?;
    let survey = Survey::try_new(&settings.log).map_err(|error| error.as_configuration())?;
    let listener = server::listen(&options).await?;
    let replica = Arc::new(replica::Replica::new(settings));
    let (outgoing, teller) = outgoing::queue(writer);
    let mut beside = JoinSet::new();
    beside.spawn(teller.run());
    let feed = feed::Feed::new(Arc::clone(&replica), outgoing, survey);
    let (stop, stopped) = oneshot::channel::<()>();
    let feed = tokio::spawn(feed.run(async { drop(stopped.await) }));
    tracing::info!(port = options.port, replica = replica.name(), "listening");
    server::run(listener, routes::router(replica), shutdown).await;
    drop(stop);
    if feed.await.is_err() {
        tracing::error!("the feed ended by a panic, see above");
    }
    Ok(())
}
