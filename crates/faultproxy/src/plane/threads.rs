//! The threads of the data plane: one that accepts, and those that move bytes.
//!
//! Each has a runtime of its own that runs on no other thread, so that a connection never moves
//! between threads, and a busy caller or control plane cannot delay it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use crate::proxy::StartError;

/// How the data plane is laid out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PlaneOptions {
    pub(crate) threads: usize,
    pub(crate) dial_timeout: Duration,
    pub(crate) connections_max: usize,
}

/// The running threads; dropping it ends them, and with them every connection.
#[derive(Debug)]
pub(crate) struct Plane {
    acceptor: Worker,
    /// What accept loops need to know.
    pub(super) shared: Arc<Shared>,
    workers: Vec<Worker>,
}

/// What all threads share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) options: PlaneOptions,
    /// Connections that are open, of all proxies.
    pub(super) live: AtomicUsize,
    workers: Vec<Handle>,
    next: AtomicUsize,
}

impl Shared {
    /// The thread of the next connection, in turn, and its number.
    pub(super) fn next_worker(&self) -> (usize, &Handle) {
        let thread = self.next.fetch_add(1, Ordering::Relaxed) % self.workers.len();
        (thread, &self.workers[thread])
    }
}

impl Plane {
    pub(crate) fn start(options: PlaneOptions) -> Result<Self, StartError> {
        if options.threads == 0 {
            return Err(StartError::NoThreads);
        }
        let acceptor = Worker::start("proxy-accept".to_owned())?;
        let workers = (0..options.threads)
            .map(|index| Worker::start(format!("proxy-{index}")))
            .collect::<Result<Vec<_>, StartError>>()?;
        let shared = Arc::new(Shared {
            options,
            live: AtomicUsize::new(0),
            workers: workers.iter().map(|worker| worker.handle.clone()).collect(),
            next: AtomicUsize::new(0),
        });
        Ok(Self { acceptor, shared, workers })
    }

    /// How many threads move bytes.
    pub(crate) fn threads(&self) -> usize {
        self.workers.len()
    }

    /// The runtime of the thread that accepts; for short tasks of control calls as well.
    pub(crate) fn handle(&self) -> &Handle {
        &self.acceptor.handle
    }
}

impl Drop for Plane {
    fn drop(&mut self) {
        // All are asked before any is waited for.
        self.acceptor.ask_to_end();
        self.workers.iter_mut().for_each(Worker::ask_to_end);
    }
}

/// A thread with a runtime of its own. Dropping it ends the thread and waits for that: its tasks
/// never block, so that this takes no longer than closing their sockets.
#[derive(Debug)]
struct Worker {
    handle: Handle,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    fn start(name: String) -> Result<Self, StartError> {
        let failed = |source: io::Error| StartError::Thread { thread: name.clone(), source };
        let runtime = Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let handle = runtime.handle().clone();
        let (end, ended) = oneshot::channel::<()>();
        let (started, starts) = mpsc::channel();
        let run = move || {
            let _told_or_nobody_waits = started.send(());
            let _asked_or_owner_gone = runtime.block_on(ended);
            // A name that is being looked up must not hold up the end.
            runtime.shutdown_background();
        };
        let thread = thread::Builder::new().name(name.clone()).spawn(run).map_err(failed)?;
        let _started_or_ended = starts.recv();
        Ok(Self { handle, end: Some(end), thread: Some(thread) })
    }

    fn ask_to_end(&mut self) {
        self.end.take();
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.ask_to_end();
        if let Some(thread) = self.thread.take() {
            let _panicked_and_said_so = thread.join();
        }
    }
}
