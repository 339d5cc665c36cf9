//! The orders service: makes orders durable, brings them to the log, and learns from the replicas
//! what became of them. It never decides about stock.
//!
//! An order is acknowledged when it and its event are in one committed transaction. The log may be
//! away then: orders are taken, and published later.

mod ballot;
mod cancel;
mod desk;
mod draft;
mod keys;
mod lookup;
mod metrics;
mod placing;
mod publish;
mod replies;
mod routes;
mod settings;
mod write;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::task::JoinSet;

use super::log::{LogWriter, WriterOptions, ensure_topics};
use crate::serve::{ServeError, ServeOptions};
use crate::service::{database, server};

/// The publisher tries again what was not acknowledged by then.
const GIVE_UP_AFTER: Duration = Duration::from_secs(5);

/// Without the outbox nobody tries again; a client of that arm has long got its answer.
const GIVE_UP_DIRECTLY_AFTER: Duration = Duration::from_secs(1);

/// More than the publisher or the control arm ever has out.
const WRITER_QUEUE_MAX: usize = 10_000;

/// Keys are dropped this often.
const FORGET_EVERY: Duration = Duration::from_secs(3600);

/// How soon topics that could not be made are tried again.
const TOPICS_AGAIN: Duration = Duration::from_millis(500);

/// Serves until `shutdown` completes.
pub(crate) async fn serve(
    options: ServeOptions,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let settings = settings::Settings::read(&options.environment(), &options)?;
    let give_up = if settings.has_outbox { GIVE_UP_AFTER } else { GIVE_UP_DIRECTLY_AFTER };
    let writer = WriterOptions {
        give_up_after: Some(give_up),
        // The publisher brings what goes together at once, and waits for it.
        linger: Duration::ZERO,
        queue_max: WRITER_QUEUE_MAX,
    };
    let writer = LogWriter::try_new(&settings.log, writer);
    let writer = writer.map_err(|error| error.as_configuration())?;
    let listener = server::listen(&options).await?;
    let (placing, queue) = placing::queue(settings.waiting_max);
    let desk = Arc::new(desk::Desk::new(settings, writer, placing));
    let mut beside = JoinSet::new();
    let queue = Arc::new(Mutex::new(queue));
    for _ in 0..write::WRITERS {
        beside.spawn(write::run(Arc::clone(&desk), Arc::clone(&queue)));
    }
    beside.spawn(bring_to_log(Arc::clone(&desk)));
    beside.spawn(replies::run(Arc::clone(&desk)));
    beside.spawn(forget_old_keys(Arc::clone(&desk)));
    tracing::info!(port = options.port, name = desk.settings.name, "listening");
    server::run(listener, routes::router(desk), shutdown).await;
    drop(beside);
    Ok(())
}

/// Publishes, once there is something to publish to.
async fn bring_to_log(desk: Arc<desk::Desk>) {
    while let Err(error) = ensure_topics(&desk.settings.log).await {
        tracing::debug!(%error, "the topics are not there yet");
        tokio::time::sleep(TOPICS_AGAIN).await;
    }
    if desk.settings.has_outbox {
        // Waits should differ between instances: they are not what a run has to repeat.
        let seed = u64::from(std::process::id());
        publish::Publisher::new(desk, seed).run().await;
    }
}

async fn forget_old_keys(desk: Arc<desk::Desk>) {
    loop {
        let session = desk.database.session().await;
        match keys::forget_old(session.client()).await {
            Ok(count) if count > 0 => tracing::info!(count, "idempotency keys are forgotten"),
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "idempotency keys could not be forgotten"),
        }
        drop(session);
        tokio::time::sleep(FORGET_EVERY).await;
    }
}
