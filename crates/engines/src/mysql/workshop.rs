//! A server that runs for a while, to be worked on before anybody else uses it.

use std::ffi::OsString;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::dialect::Dialect;
use super::server;
use crate::engine::{EngineError, Site};
use crate::process::{Child, last_lines};
use crate::wait::wait_until;

/// Crash recovery is the longest start there is.
const START_WITHIN: Duration = Duration::from_secs(60);

/// How much of the log an error shows.
const LAST_LINES_MAX: usize = 12;

/// It ends with this value.
#[derive(Debug)]
pub(super) struct Workshop {
    child: Child,
}

impl Workshop {
    /// Starts the site's server with more options; its configuration is there. It takes writes of
    /// its administrator, whatever its configuration says, and of nobody else: it listens where
    /// clients know it, and may be an old primary of which there is a new one.
    pub(super) async fn open(
        site: &Site,
        options: impl IntoIterator<Item = OsString>,
    ) -> Result<Self, EngineError> {
        site.make_parent(&site.spec.log)?;
        let read_only = Dialect::of(site).read_only_but_for_administrators();
        let command = server::command(site).arguments(read_only.to_vec()).arguments(options);
        let workshop = Self { child: site.spawner.spawn(command).await? };
        workshop.come_up(site).await?;
        Ok(workshop)
    }

    async fn come_up(&self, site: &Site) -> Result<(), EngineError> {
        let (engine, log) = (site.name(), site.spec.log.clone());
        let reason = Mutex::new("it has not come up".to_owned());
        let answers = || async {
            let answer = server::answer(site).await;
            let keep = |error: EngineError| {
                *reason.lock().unwrap_or_else(PoisonError::into_inner) = error.to_string();
            };
            answer.map_err(keep).ok()
        };
        tokio::select! {
            exit = self.child.wait() => {
                let last_lines = last_lines(&log, LAST_LINES_MAX);
                Err(EngineError::Exited { engine, exit, log, last_lines })
            }
            answer = wait_until(START_WITHIN, answers) => answer.ok_or_else(|| {
                EngineError::NotReady {
                    engine,
                    within: START_WITHIN,
                    reason: reason.lock().unwrap_or_else(PoisonError::into_inner).clone(),
                    last_lines: last_lines(&log, LAST_LINES_MAX),
                    log,
                }
            }),
        }
    }

    /// Ends it in order.
    pub(super) async fn close(self) -> Result<(), EngineError> {
        server::stop(&self.child).await.map(drop)
    }
}
