//! The middleware: takes orders, and drives each as a saga over stock, orders and reports.
//!
//! An order is answered when it is certain what becomes of it. A participant that is away meanwhile
//! makes the answer late, not wrong; and a middleware that dies takes all of its sagas up again.

mod backlog;
mod draft;
mod drive;
mod journal;
mod ledger;
mod metrics;
mod participant;
mod plan;
mod routes;
mod settings;
mod taking;

use std::future::Future;
use std::sync::Arc;

use standfast_tactics::saga::Definition;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use self::drive::Driven;
use self::journal::{Folder, Journal, JournalError};
use self::participant::Participant;
use self::plan::Role;
use crate::serve::{ServeError, ServeOptions};
use crate::service::server;

/// What all parts of the service share.
#[derive(Debug)]
struct Middleware {
    settings: settings::Settings,
    definition: Arc<Definition>,
    journal: Journal,
    ledger: ledger::Ledger,
    participants: [Participant; 3],
    metrics: metrics::Metrics,
    drivers: mpsc::Sender<Driven>,
}

/// Serves until `shutdown` completes, or the journal cannot be written any more: then a restart
/// reads what is in it.
pub(crate) async fn serve(
    options: ServeOptions,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let settings = settings::Settings::read(&options.environment(), &options)?;
    let definition = plan::definition();
    let mut open = Vec::new();
    let ledger = ledger::Ledger::new(settings.bounds());
    let (journal, writer) = match &settings.journal {
        None => (Journal::none(), None),
        Some(path) => {
            let folder = Folder::open(path, &settings.name).map_err(|error| refused(&error))?;
            for driven in folder.sagas().filter_map(|lines| drive::restore(&definition, lines)) {
                ledger.restore(&driven.case);
                if !driven.case.progress().is_ended() {
                    open.push(driven);
                }
            }
            let (journal, writer) = Journal::new(folder);
            (journal, Some(writer))
        }
    };
    let listener = server::listen(&options).await?;
    let (drivers, queue) = mpsc::channel(settings.sagas_max);
    let [stock, orders, reports] = settings.addresses.clone();
    let participants = [
        Participant::new(Role::Stock, stock),
        Participant::new(Role::Orders, orders),
        Participant::new(Role::Reports, reports),
    ];
    let metrics = metrics::Metrics::new();
    let middleware = Arc::new(Middleware {
        settings,
        definition,
        journal,
        ledger,
        participants,
        metrics,
        drivers,
    });
    tracing::info!(port = options.port, open = open.len(), "listening");
    let mut beside = JoinSet::new();
    beside.spawn(drive::run(Arc::clone(&middleware), queue));
    for place in 0..middleware.participants.len() {
        let middleware = Arc::clone(&middleware);
        beside.spawn(async move { middleware.participants[place].probe().await });
    }
    let recovering = Arc::clone(&middleware);
    beside.spawn(async move {
        for driven in open {
            recovering.metrics.recovered.inc();
            // The queue ends with the service.
            drop(recovering.drivers.send(driven).await);
        }
    });
    let stopped = async {
        tokio::select! {
            () = shutdown => {}
            () = middleware.journal.broken() => {}
        }
    };
    server::run(listener, routes::router(Arc::clone(&middleware)), stopped).await;
    drop(beside);
    drop(writer);
    Ok(())
}

fn refused(error: &JournalError) -> ServeError {
    let source = std::error::Error::source(error);
    let cause = source.map(|source| format!(": {source}")).unwrap_or_default();
    ServeError::unusable("JOURNAL_DIR", format!("{error}{cause}"))
}
