//! Accepting connections, until the listener is dropped.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use nix::errno::Errno;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

use super::connection;
use super::threads::{Plane, Shared};
use super::traffic::Traffic;

/// How long to wait when the process or the machine can have no more sockets: long enough not to
/// spin, short enough not to be felt once there is room again.
const PAUSE_WITHOUT_SOCKETS: Duration = Duration::from_millis(50);

/// Connections taken in one go, before other listeners have their turn.
const ACCEPTS_PER_TURN: usize = 64;

type Socket = Arc<Mutex<Option<TcpListener>>>;

/// A listening proxy. Dropping it closes the port at once: nothing is accepted afterwards.
#[derive(Debug)]
pub(crate) struct Listening {
    socket: Socket,
    task: AbortHandle,
}

impl Listening {
    /// Accepts from `listener` for `traffic`.
    pub(crate) fn start(
        plane: &Plane,
        listener: std::net::TcpListener,
        traffic: Arc<Traffic>,
    ) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let listener = {
            let _registers_with_its_thread = plane.handle().enter();
            TcpListener::from_std(listener)?
        };
        let socket = Arc::new(Mutex::new(Some(listener)));
        let shared = Arc::clone(&plane.shared);
        let task = plane.handle().spawn(accept_all(Arc::clone(&socket), shared, traffic));
        Ok(Self { socket, task: task.abort_handle() })
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.socket.lock().expect("accepting does not panic").take();
        self.task.abort();
    }
}

async fn accept_all(socket: Socket, shared: Arc<Shared>, traffic: Arc<Traffic>) {
    loop {
        match std::future::poll_fn(|cx| accept_some(&socket, &shared, &traffic, cx)).await {
            Ok(()) => tokio::task::yield_now().await,
            Err(error) => {
                tracing::warn!(proxy = traffic.name, %error, "cannot accept, pausing");
                tokio::time::sleep(PAUSE_WITHOUT_SOCKETS).await;
            }
        }
    }
}

/// Takes what waits. All under the lock, so that no connection slips in after the port was closed.
fn accept_some(
    socket: &Socket,
    shared: &Arc<Shared>,
    traffic: &Arc<Traffic>,
    cx: &mut Context<'_>,
) -> Poll<io::Result<()>> {
    let socket = socket.lock().expect("accepting does not panic");
    // Closed: the task is being ended.
    let Some(listener) = socket.as_ref() else { return Poll::Pending };
    for _ in 0..ACCEPTS_PER_TURN {
        match ready!(listener.poll_accept(cx)) {
            Ok((stream, client)) => admit(shared, traffic, stream, client)?,
            Err(error) if concerns_one_connection(&error) => {}
            Err(error) => return Poll::Ready(Err(error)),
        }
    }
    Poll::Ready(Ok(()))
}

fn admit(
    shared: &Arc<Shared>,
    traffic: &Arc<Traffic>,
    stream: TcpStream,
    client: SocketAddr,
) -> io::Result<()> {
    // To be watched by the thread that serves it.
    let stream = stream.into_std()?;
    if shared.live.fetch_add(1, Ordering::Relaxed) >= shared.options.connections_max {
        shared.live.fetch_sub(1, Ordering::Relaxed);
        traffic.refused.fetch_add(1, Ordering::Relaxed);
        return Ok(());
    }
    let place = Place(Arc::clone(shared));
    let (thread, worker) = shared.next_worker();
    let membership = traffic.enter(thread);
    let accepted = connection::Accepted { stream, client, membership, place };
    let _runs_on_its_own = worker.spawn(connection::serve(accepted));
    Ok(())
}

/// Errors that `accept` passes on from a connection that ended before it was taken.
fn concerns_one_connection(error: &io::Error) -> bool {
    let one = [
        Errno::ECONNABORTED,
        Errno::EINTR,
        Errno::ENETDOWN,
        Errno::EPROTO,
        Errno::ENOPROTOOPT,
        Errno::EHOSTDOWN,
        Errno::ENONET,
        Errno::EHOSTUNREACH,
        Errno::ENETUNREACH,
        Errno::EOPNOTSUPP,
        Errno::EPERM,
    ];
    error.raw_os_error().is_some_and(|code| one.contains(&Errno::from_raw(code)))
}

/// One of the connections that may be open at a time.
#[derive(Debug)]
pub(super) struct Place(Arc<Shared>);

impl Place {
    pub(super) fn dial_timeout(&self) -> Duration {
        self.0.options.dial_timeout
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.live.fetch_sub(1, Ordering::Relaxed);
    }
}
