//! The offers service: cache-aside searches over a replicated catalogue, with a stale copy to fall
//! back to.

use std::future::Future;

use crate::serve::{ServeError, ServeOptions};

pub(crate) async fn serve(
    options: ServeOptions,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    tracing::info!(port = options.port, instance = options.instance, "started");
    shutdown.await;
    Ok(())
}
