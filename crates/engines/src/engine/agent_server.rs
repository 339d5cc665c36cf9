//! The server that an agent started. It is no child of its agent, and is told by the folder that it
//! works in; whatever is done to an engine is done to both.

use std::path::Path;
use std::time::Duration;

use super::error::EngineError;
use super::leftovers::{at_work_in, end_all_in};
use super::lifecycle::Engine;
use crate::process::{ProcessId, tree};

/// How long its processes may take to stop, or to go on.
const PATIENCE: Duration = Duration::from_secs(5);

impl Engine {
    /// Kills the server of an agent that is gone.
    pub(super) async fn end_server(&self) -> Result<(), EngineError> {
        self.on_server(|data| end_all_in(data).map(drop)).await
    }

    /// Freezes the server; its agent is frozen.
    pub(super) async fn freeze_server(&self) -> Result<(), EngineError> {
        self.on_server(|data| {
            at_work_in(data).into_iter().try_for_each(|id| tree::freeze(id, PATIENCE).map(drop))
        })
        .await
    }

    pub(super) async fn thaw_server(&self) -> Result<(), EngineError> {
        self.on_server(|data| {
            let all = at_work_in(data);
            all.iter().try_for_each(|id| tree::thaw(*id, &all, PATIENCE))
        })
        .await
    }

    /// Does nothing to an engine without an agent: its server is its process.
    async fn on_server(
        &self,
        act: impl FnOnce(&Path) -> Result<(), Vec<ProcessId>> + Send + 'static,
    ) -> Result<(), EngineError> {
        if self.site.spec.agent.is_none() {
            return Ok(());
        }
        let data = self.site.spec.data.clone();
        let done = tokio::task::spawn_blocking(move || match data.canonicalize() {
            Ok(data) => act(&data),
            Err(_nowhere) => Ok(()),
        });
        done.await.expect("a walk of /proc cannot panic").map_err(|left| {
            let left = left.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            EngineError::Survived { engine: self.site.name(), left }
        })
    }
}
