//! What a keeper does for whoever decides on its engine's role: fences it, starts it, brings it
//! back.
//!
//! A fault that holds the engine down goes before: what lies on a machine without power, nobody
//! starts. Only a freeze ends with the process that was frozen, as no thaw can find it any more.

use standfast_engines::process::Child;
use standfast_engines::{Engine, Rejoined, StoredRole};
use standfast_failover::actuator::wire::{Answer, Rejoining, Request};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::keeper::{Keeper, Revival};
use super::status::ProcessState;
use super::unit::Unit;
use crate::fault::FaultKind;

impl Keeper {
    pub(super) async fn perform(&mut self, request: Request) -> Answer {
        let done = match request {
            Request::Status { .. } => Ok(self.whether_running()),
            Request::Fence { .. } => self.fence().await,
            Request::Retire { .. } => self.retire().await,
            Request::Start { follow, .. } => self.start_as(follow).await,
            Request::Restart { .. } => self.restart_as_primary().await,
            Request::Rejoin { from, .. } => self.rejoin(&from).await,
        };
        done.unwrap_or_else(|problem| Answer::Failed { problem })
    }

    fn whether_running(&self) -> Answer {
        let child = self.parts.unit.child().filter(Child::is_running);
        child.map_or(Answer::Stopped, |child| Answer::Running {
            pid: child.pid(),
            started: child.start_time(),
        })
    }

    async fn fence(&mut self) -> Result<Answer, String> {
        let evidence = self.end_for_good().await?;
        self.hold.take_if(|held| *held == FaultKind::Pause);
        self.set(ProcessState::Fenced);
        self.send(self.event("fenced").with("evidence", evidence.clone()));
        Ok(Answer::Fenced { evidence })
    }

    async fn retire(&mut self) -> Result<Answer, String> {
        // Whoever is not stopped in order is fenced all the same.
        self.engine()?.stop_soon().await.map_err(|error| error.to_string())?;
        self.fence().await
    }

    async fn end_for_good(&mut self) -> Result<String, String> {
        (self.restart_at, self.ended_at) = (None, None);
        let fenced = self.engine()?.fence().await.map_err(|error| error.to_string())?;
        self.gone();
        Ok(fenced.to_string())
    }

    async fn start_as(&mut self, follow: Option<String>) -> Result<Answer, String> {
        self.check_free()?;
        let Some(primary) = follow else { return self.launch_node().await };
        if !self.parts.unit.is_running() {
            self.engine()?.mark_replica(&primary).map_err(|error| error.to_string())?;
            return self.launch_node().await;
        }
        self.engine()?.follow(&primary).await.map_err(|error| error.to_string())?;
        Ok(self.whether_running())
    }

    async fn restart_as_primary(&mut self) -> Result<Answer, String> {
        self.check_free()?;
        self.end_for_good().await?;
        self.engine()?.mark_primary().map_err(|error| error.to_string())?;
        self.launch_node().await
    }

    async fn rejoin(&mut self, from: &str) -> Result<Answer, String> {
        self.check_free()?;
        if self.parts.unit.is_running() {
            return Err(format!("`{}` runs, and is to be fenced first", self.parts.name));
        }
        self.launched_at = Some(Instant::now());
        self.set(ProcessState::Starting);
        let rejoined = self.engine()?.rejoin(from).await;
        let rejoined = rejoined.map_err(|error| error.to_string());
        match &rejoined {
            Ok(_how) => self.launched(),
            Err(_why) => self.set(self.resting_state()),
        }
        let how = match rejoined? {
            Rejoined::Rewound => Rejoining::Rewound,
            Rejoined::Replayed => Rejoining::Replayed,
            Rejoined::Cloned => Rejoining::Cloned,
        };
        Ok(Answer::Rejoined { how })
    }

    /// Starts it, and tells those who wait for it only when that worked: whoever decides on its
    /// role may try again.
    pub(super) async fn launch_node(&mut self) -> Result<Answer, String> {
        if self.parts.unit.is_running() {
            return Ok(self.whether_running());
        }
        let waiting = std::mem::take(&mut self.waiting);
        let (reply, mut answer) = oneshot::channel();
        self.waiting.push(reply);
        self.launch().await;
        self.waiting.extend(waiting);
        match answer.try_recv() {
            Ok(Ok(())) => {
                self.answer(&Ok(()));
                Ok(self.whether_running())
            }
            Ok(Err(error)) => Err(error.to_string()),
            Err(_nothing_yet) => Err("it is not ready yet".to_owned()),
        }
    }

    /// What an engine is while it does not run.
    pub(super) fn resting_state(&self) -> ProcessState {
        if self.parts.revival != Revival::Manager {
            return ProcessState::Stopped;
        }
        match self.engine().map(Engine::stored_role) {
            Ok(Ok(StoredRole::Replica { follows: None })) => ProcessState::Fenced,
            Ok(Ok(StoredRole::Replica { .. } | StoredRole::Primary) | Err(_)) | Err(_) => {
                ProcessState::Stopped
            }
        }
    }

    fn check_free(&self) -> Result<(), String> {
        let name = &self.parts.name;
        self.hold.map_or(Ok(()), |held| Err(format!("`{name}` is held by the fault `{held}`")))
    }

    pub(super) fn engine(&self) -> Result<&Engine, String> {
        match &self.parts.unit {
            Unit::Engine(engine) => Ok(engine),
            Unit::Service(service) => Err(format!("`{}` is no engine", service.plan.name)),
        }
    }
}
