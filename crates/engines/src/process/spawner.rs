//! The owner of all children: whoever starts a process asks it.

use std::thread;
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::sync::{mpsc, oneshot};

use super::captured::Finished;
use super::child::Child;
use super::command::{CommandSpec, Output};
use super::error::ProcessError;
use super::guardian_link::{Guardian, GuardianLink};
use super::worker::{self, Request, Spawned};

/// Requests that wait for a fork. Each caller waits for its answer, so this bounds callers.
const REQUESTS_MAX: usize = 64;

/// Starts children that cannot outlive us. Clones share one thread and one guardian.
///
/// Keep one for as long as children shall live: its thread ends with the last clone *and* the last
/// [`Child`], and kills what is left.
#[derive(Clone, Debug)]
pub struct Spawner {
    requests: mpsc::Sender<Request>,
}

impl Spawner {
    /// Starts the thread and the guardian. From here on orphans of our children come to us.
    ///
    /// # Errors
    /// When the thread or the guardian cannot be started.
    pub fn start(guardian: Guardian) -> Result<Self, ProcessError> {
        nix::sys::prctl::set_child_subreaper(true)
            .map_err(|errno| ProcessError::Spawner(errno.into()))?;
        let runtime =
            Builder::new_current_thread().enable_all().build().map_err(ProcessError::Spawner)?;
        let guardian = GuardianLink::start(guardian).map_err(ProcessError::Spawner)?;
        let (requests, received) = mpsc::channel(REQUESTS_MAX);
        let sender = requests.downgrade();
        thread::Builder::new()
            .name("standfast-spawner".to_owned())
            .spawn(move || runtime.block_on(worker::work(received, sender, guardian)))
            .map_err(ProcessError::Spawner)?;
        Ok(Self { requests })
    }

    /// Starts a process that runs until it ends or its last [`Child`] is dropped.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub async fn spawn(&self, spec: CommandSpec) -> Result<Child, ProcessError> {
        Ok(self.request(spec).await?.child)
    }

    /// Runs a one-shot command and returns what it printed. It is killed with all that it started
    /// when it takes longer than `deadline`, or when the returned future is dropped.
    ///
    /// # Errors
    /// When it cannot be started or takes too long; its exit status is the caller's to judge.
    pub async fn run(
        &self,
        spec: CommandSpec,
        deadline: Duration,
    ) -> Result<Finished, ProcessError> {
        let name = spec.name.clone();
        let spec = CommandSpec { output: Output::Capture, ..spec };
        let Spawned { child, captured } = self.request(spec).await?;
        let captured = captured.expect("the output was just set to be captured");
        match tokio::time::timeout(deadline, child.wait()).await {
            Ok(status) => Ok(captured.finish(status).await),
            Err(_elapsed) => {
                child.kill_tree().await?;
                Err(ProcessError::Deadline { name, deadline })
            }
        }
    }

    async fn request(&self, spec: CommandSpec) -> Result<Spawned, ProcessError> {
        let (reply, answer) = oneshot::channel();
        let request = Request::Spawn { spec: Box::new(spec), reply };
        self.requests.send(request).await.map_err(|_closed| ProcessError::SpawnerGone)?;
        answer.await.map_err(|_closed| ProcessError::SpawnerGone)?
    }
}
