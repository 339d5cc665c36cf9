//! The offers service: cache-aside searches over a replicated catalogue, with a stale copy to fall
//! back to. `README.md` beside this folder says what it promises.

mod body;
mod draft;
mod metrics;
mod offers;
mod queries;
mod reads;
mod routes;
mod settings;
mod watch;
mod writes;

use std::future::Future;
use std::sync::Arc;

use crate::serve::{ServeError, ServeOptions};
use crate::service::guarded::{cache, database, dependency, entry};
use crate::service::{server, stay_search as search};

/// Serves until `shutdown` completes.
pub(crate) async fn serve(
    options: ServeOptions,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let settings = settings::Settings::read(&options.environment(), &options)?;
    let client = redis::Client::open(settings.valkey.clone())
        .map_err(|error| ServeError::unusable("VALKEY_URL", error))?;
    let listener = server::listen(&options).await?;
    // Jitter should differ between instances: it is not what a run has to repeat.
    let seed = offers::now_ms() ^ u64::from(std::process::id());
    let offers = Arc::new(offers::Offers::new(settings, client, seed));
    let watches = watch::start(&offers);
    tracing::info!(port = options.port, instance = options.instance, "listening");
    server::run(listener, routes::router(offers), shutdown).await;
    drop(watches);
    Ok(())
}
