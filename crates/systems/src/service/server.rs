//! The server loop: bounded connections, bounded header time, and a stop that lets answers finish.

use std::future::Future;
use std::net::{SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tower::{Layer, Service};

use super::environment::Environment;
use super::fault_layer::{Control, Faulty};
use crate::serve::{ServeError, ServeOptions};

/// A connection costs some 20 KiB; further clients wait in the kernel's queue.
const CONNECTIONS_MAX: usize = 4096;

/// A client that has not sent its headers by then holds the connection for nothing. It also bounds
/// an idle connection.
const HEADER_TIME_MAX: Duration = Duration::from_secs(60);

/// Answers that have begun get this long to finish after a stop.
const GRACE: Duration = Duration::from_secs(3);

/// After a failed accept (no more file descriptors), some connections must end first.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The ports of a service: its own, and the one at which the lab breaks it.
#[derive(Debug)]
pub(crate) struct Listener {
    requests: TcpListener,
    faults: Control,
}

impl From<TcpListener> for Listener {
    /// A service that the lab cannot break from inside.
    fn from(requests: TcpListener) -> Self {
        Self { requests, faults: Control::none() }
    }
}

/// Takes the ports of a service.
pub(crate) async fn listen(options: &ServeOptions) -> Result<Listener, ServeError> {
    let address = SocketAddrV4::new(options.bind, options.port);
    let requests = TcpListener::bind(address).await;
    let requests = requests.map_err(|source| ServeError::Listen { address, source })?;
    let faults = Control::listen(&Environment::of_process(), options.bind).await?;
    Ok(Listener { requests, faults })
}

impl Listener {
    /// Those who serve requests in their own way, and faults not at all.
    pub(crate) fn into_requests(self) -> TcpListener {
        self.requests
    }
}

/// Tells a connection that the service is to stop.
#[derive(Clone, Debug)]
pub(crate) struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Completes when the service is to stop.
    pub(crate) async fn wait(&mut self) {
        // The value that it answers holds a lock, which must not live across a wait.
        drop(self.0.wait_for(|stopped| *stopped).await);
    }
}

/// Serves `router` on `listener` until `shutdown` completes.
pub(crate) async fn run(
    listener: impl Into<Listener>,
    router: Router,
    shutdown: impl Future<Output = ()> + Send,
) {
    let Listener { requests, faults } = listener.into();
    let service = faults.layer().layer(router);
    let serve =
        |stream, _, stopped| serve_connection(TokioIo::new(stream), service.clone(), stopped);
    tokio::select! {
        () = accept(requests, CONNECTIONS_MAX, shutdown, serve) => {}
        () = faults.serve() => {}
    }
}

/// Takes connections until `shutdown` completes, at most `connections_max` at once, and has each of
/// them served in a task of its own. After the stop, what is being served gets some time to end.
pub(crate) async fn accept<F>(
    listener: TcpListener,
    connections_max: usize,
    shutdown: impl Future<Output = ()> + Send,
    serve: impl Fn(TcpStream, SocketAddr, Stop) -> F,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let places = Arc::new(Semaphore::new(connections_max));
    let (stop, stopped) = watch::channel(false);
    let mut connections = JoinSet::new();
    tokio::pin!(shutdown);
    loop {
        while connections.try_join_next().is_some() {}
        // Both branches are cancel-safe: a place or a connection is either taken or not.
        let place = tokio::select! {
            () = &mut shutdown => break,
            place = Arc::clone(&places).acquire_owned() => place.expect("it is never closed"),
        };
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, client) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        // Answers are small and complete: waiting for more to send would only add 40 ms.
        drop(stream.set_nodelay(true));
        let served = serve(stream, client, Stop(stopped.clone()));
        connections.spawn(async move {
            served.await;
            drop(place);
        });
    }
    drop(listener);
    // Nobody listens when there is no connection, which is no failure.
    let _ = stop.send(true);
    let drained = timeout(GRACE, async { while connections.join_next().await.is_some() {} }).await;
    if drained.is_err() {
        tracing::warn!(open = connections.len(), "connections were cut off at the stop");
    }
}

async fn serve_connection(stream: TokioIo<TcpStream>, service: Faulty<Router>, mut stopped: Stop) {
    let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        service.clone().call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME_MAX)
        .serve_connection(stream, service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stopped.wait() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}
