//! A runtime of one thread for one service, whatever the caller's is: with many clients at once,
//! handing requests from one worker to another is a good part of their processor time.

use std::future::Future;

use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;

use crate::serve::ServeError;

/// Completes when the service is to stop.
pub(crate) type Stopped = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

/// Runs `service` in a runtime of its own until it ends; it is asked to when `shutdown` completes.
pub(crate) async fn on_one_thread<F>(
    service: impl FnOnce(Stopped) -> F + Send + 'static,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError>
where
    F: Future<Output = Result<(), ServeError>>,
{
    // When this future is dropped, so is `stop`, which ends the service as well.
    let (stop, stopped) = oneshot::channel::<()>();
    let mut service = spawn_blocking(move || {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("where one runtime was made, there is room for a second");
        runtime.block_on(service(Box::pin(async { drop(stopped.await) })))
    });
    let ended = tokio::select! {
        ended = &mut service => ended,
        () = shutdown => {
            drop(stop);
            service.await
        }
    };
    ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}
