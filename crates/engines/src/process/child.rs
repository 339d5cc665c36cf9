//! A running child: waited for by anybody, signalled safely, frozen and killed with its tree.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::sync::{mpsc, watch};

use super::error::ProcessError;
use super::exit::Exit;
use super::identity::ProcessId;
use super::worker::Request;
use super::{kernel, tree};

/// Freezing and killing take effect within milliseconds. Only a process in an uninterruptible wait
/// takes longer, and a fault on such a one is better reported than awaited.
const TREE_PATIENCE: Duration = Duration::from_secs(5);

/// A drop must not hang its thread; what is left then is the guardian's.
const DROP_PATIENCE: Duration = Duration::from_millis(500);

/// How to end a process: ask with `signal`, wait for `grace`, then kill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StopPlan {
    pub signal: Signal,
    pub grace: Duration,
}

/// How a stop went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped {
    /// Whether the process let its grace pass and had to be killed.
    pub killed: bool,
}

/// A handle of a child. Clones name the same process; when the last one is dropped, the process is
/// killed with all that it started.
#[derive(Clone, Debug)]
pub struct Child {
    shared: Arc<Shared>,
}

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) name: String,
    pub(super) id: ProcessId,
    pub(super) pidfd: OwnedFd,
    pub(super) exit: watch::Receiver<Option<Exit>>,
    pub(super) frozen: Arc<Mutex<Vec<ProcessId>>>,
    pub(super) lines_dropped: Arc<AtomicU64>,
    /// Also keeps the thread alive that spawned the child, and with it the child.
    pub(super) worker: mpsc::Sender<Request>,
}

impl Child {
    pub(super) fn new(shared: Shared) -> Self {
        Self { shared: Arc::new(shared) }
    }

    pub fn name(&self) -> &str {
        &self.shared.name
    }

    pub fn pid(&self) -> u32 {
        self.shared.id.pid
    }

    pub fn start_time(&self) -> u64 {
        self.shared.id.start_time
    }

    pub fn id(&self) -> ProcessId {
        self.shared.id
    }

    /// Whether it has not ended yet; a frozen process counts as running.
    pub fn is_running(&self) -> bool {
        self.shared.exit.borrow().is_none()
    }

    /// How it ended, once it has.
    pub fn exit(&self) -> Option<Exit> {
        *self.shared.exit.borrow()
    }

    /// How many lines of its output found the channel of [`super::Output::Lines`] full.
    pub fn lines_dropped(&self) -> u64 {
        self.shared.lines_dropped.load(Ordering::Relaxed)
    }

    /// Waits for the end. Any number of tasks may wait, also after the end.
    pub async fn wait(&self) -> Exit {
        let mut exit = self.shared.exit.clone();
        // An error means that the spawner's thread is gone, and then the child is, too.
        exit.wait_for(Option::is_some).await.ok().and_then(|exit| *exit).unwrap_or(Exit::Unknown)
    }

    /// Signals the process itself, and says whether it still ran.
    pub fn signal(&self, signal: Signal) -> bool {
        self.is_running() && kernel::pidfd_send_signal(self.shared.pidfd.as_fd(), signal).is_ok()
    }

    /// Asks the process and its group to end, waits, and kills the tree when the grace is over.
    ///
    /// # Errors
    /// When something of it survives even SIGKILL.
    pub async fn stop(&self, plan: StopPlan) -> Result<Stopped, ProcessError> {
        if self.ask(plan).await? {
            return Ok(Stopped { killed: false });
        }
        let (name, pid) = (self.name(), self.pid());
        tracing::warn!(name, pid, grace = ?plan.grace, "killed after its grace");
        self.kill_tree().await?;
        Ok(Stopped { killed: true })
    }

    /// Asks the process and its group to end, and says whether it did within the grace.
    ///
    /// # Errors
    /// When it was frozen and cannot be resumed, as it must be to hear anything.
    pub async fn ask(&self, plan: StopPlan) -> Result<bool, ProcessError> {
        if !self.is_running() {
            return Ok(true);
        }
        self.resume_tree().await?;
        self.signal_group(plan.signal);
        Ok(tokio::time::timeout(plan.grace, self.wait()).await.is_ok())
    }

    /// Kills the process, its group and all descendants; returns when all of them are gone.
    ///
    /// # Errors
    /// When some of them survive SIGKILL, which is an uninterruptible wait in the kernel.
    pub async fn kill_tree(&self) -> Result<(), ProcessError> {
        let (id, frozen) = (self.shared.id, self.frozen());
        self.on_tree("kill", move || tree::kill(id, &frozen, TREE_PATIENCE).map(drop)).await?;
        // The state says `gone` before the exit status has been fetched.
        self.wait().await;
        Ok(())
    }

    /// Freezes the process and all descendants; returns when `/proc` shows every one as stopped.
    ///
    /// # Errors
    /// When some of them do not stop; then none stays frozen. When the process has ended.
    pub async fn pause_tree(&self) -> Result<(), ProcessError> {
        if !self.is_running() {
            return Err(ProcessError::NotRunning { name: self.name().to_owned() });
        }
        // A full channel only means that the guardian looks a little later.
        drop(self.shared.worker.try_send(Request::Look));
        let (id, frozen) = (self.shared.id, Arc::clone(&self.shared.frozen));
        let paused = self
            .on_tree("freeze", move || {
                let tree = tree::freeze(id, TREE_PATIENCE)?;
                *frozen.lock().unwrap_or_else(PoisonError::into_inner) = tree;
                Ok(())
            })
            .await;
        if paused.is_err() {
            self.resume_tree().await?;
        }
        paused
    }

    /// Lets the process and all descendants run again; returns when none is stopped any more.
    ///
    /// # Errors
    /// When some of them stay stopped.
    pub async fn resume_tree(&self) -> Result<(), ProcessError> {
        let (id, frozen) = (self.shared.id, self.frozen());
        self.on_tree("thaw", move || tree::thaw(id, &frozen, TREE_PATIENCE)).await?;
        self.shared.frozen.lock().unwrap_or_else(PoisonError::into_inner).clear();
        Ok(())
    }

    /// Whether [`Child::pause_tree`] holds it.
    pub fn is_paused(&self) -> bool {
        self.is_running() && !self.frozen().is_empty()
    }

    /// Whether `/proc` shows every process of the tree as stopped.
    pub fn is_stopped(&self) -> bool {
        let tree = tree::members(self.shared.id);
        !tree.is_empty() && tree.iter().all(super::proc_folder::Stat::is_stopped)
    }

    /// All that it started and that still runs, itself left out.
    pub fn descendants(&self) -> Vec<ProcessId> {
        let tree = tree::members(self.shared.id).into_iter().map(ProcessId::from);
        tree.filter(|id| *id != self.shared.id).collect()
    }

    /// A shell that wraps the program passes no signal on, so the whole group gets it.
    fn signal_group(&self, signal: Signal) {
        for stat in tree::members(self.shared.id) {
            if stat.pid != self.pid() && stat.group == self.pid() {
                ProcessId::from(stat).signal(signal);
            }
        }
        self.signal(signal);
    }

    fn frozen(&self) -> Vec<ProcessId> {
        self.shared.frozen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Walking `/proc` blocks for milliseconds, which is too long for an async worker.
    async fn on_tree(
        &self,
        action: &'static str,
        work: impl FnOnce() -> Result<(), Vec<ProcessId>> + Send + 'static,
    ) -> Result<(), ProcessError> {
        let result = tokio::task::spawn_blocking(work).await.expect("a walk of /proc cannot panic");
        result.map_err(|left| ProcessError::Tree {
            name: self.name().to_owned(),
            action,
            left: left.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        })
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if self.exit.borrow().is_some() {
            return;
        }
        let frozen =
            std::mem::take(&mut *self.frozen.lock().unwrap_or_else(PoisonError::into_inner));
        if let Err(left) = tree::kill(self.id, &frozen, DROP_PATIENCE) {
            tracing::warn!(name = self.name, ?left, "not gone yet after SIGKILL");
        }
    }
}
