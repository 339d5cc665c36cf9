//! The voter.

mod latencies;
mod ledger;
mod question;
mod replica;
mod seats;
mod settings;
mod statement;
mod suspicion;

use std::future::Future;

use crate::serve::{ServeError, ServeOptions};
use crate::service::{runtime, server};

/// Serves in a runtime of its own.
pub(crate) async fn serve(
    options: ServeOptions,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    runtime::on_one_thread(move |stopped| run(options, stopped), shutdown).await
}

async fn run(
    options: ServeOptions,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let listener = server::listen(&options).await?;
    server::run(listener, axum::Router::new(), shutdown).await;
    Ok(())
}
