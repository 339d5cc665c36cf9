//! A payment replica: finds the amount of a charge from its quote, and signs what it found.
//!
//! Five of these do the same from the same quote, and know nothing of each other; `cashier` asks
//! them all and believes what enough of them say. A replica keeps nothing but its key: it makes one
//! at its first start, and whoever it introduces itself to first knows it by that from then on.

mod key;
mod perjury;
mod replica;
mod routes;

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;

use crate::serve::{ServeError, ServeOptions};
use crate::service::heartbeat::Heartbeats;
use crate::service::server;

/// Serves until `shutdown` completes.
pub(crate) async fn serve(
    options: ServeOptions,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let environment = options.environment();
    environment.without(super::TACTICS)?;
    let name = environment.get("SERVICE_NAME");
    let name = name.unwrap_or_else(|| format!("payments-{}", options.instance));
    let folder: PathBuf = environment.required("KEY_DIR")?;
    let key = key::kept_in(&folder).map_err(|error| {
        let problem = format!("names `{}`, where no key can be kept: {error}", folder.display());
        ServeError::variable("KEY_DIR", problem)
    })?;
    let heartbeats = Heartbeats::read(&environment, &name)?;
    let listener = server::listen(&options).await?;
    let beating = heartbeats.start();
    let replica = Arc::new(replica::Replica::new(name, key));
    tracing::info!(port = options.port, name = replica.name(), "listening");
    server::run(listener, routes::router(replica), shutdown).await;
    drop(beating);
    Ok(())
}
