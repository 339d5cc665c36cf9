//! The running server: how it is started, known to be up, and stopped.

use std::fs;
use std::time::Duration;

use super::configuration;
use super::session::{Session, answer_in_time};
use crate::engine::{EngineError, Site};
use crate::process::{Child, CommandSpec, Signal, StopPlan, Stopped};

/// Fast shutdown: sessions are ended, a checkpoint is written. Longer than `wal_sender_timeout`,
/// which a frozen replica costs.
const FAST_SHUTDOWN_WITHIN: Duration = Duration::from_secs(15);

/// What clients wait for when a primary hands over: a checkpoint of what was written since the
/// last.
const SOON: Duration = Duration::from_secs(1);

/// Immediate shutdown: nothing is written, so the next start recovers from the log.
const IMMEDIATE_SHUTDOWN_WITHIN: Duration = Duration::from_secs(3);

/// Gets the data folder ready for a start of this instance on these ports.
pub(crate) fn prepare(site: &Site) -> Result<(), EngineError> {
    configuration::write(site)?;
    // Nobody works in this folder any more, so it is a dead server's, whoever has its number now.
    let lock = site.spec.data.join("postmaster.pid");
    match fs::remove_file(&lock) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(site.io("remove", &lock, error))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

pub(crate) fn command(site: &Site) -> CommandSpec {
    let data = &site.spec.data;
    site.server(site.installation.path.join("postgres"))
        .arguments(["-D".into(), data.clone().into_os_string()])
}

/// Whether the server says that it takes connections. Asking it too early would only fill its log
/// with refusals.
pub(crate) fn has_come_up(site: &Site, child: &Child) -> bool {
    let text = fs::read_to_string(site.spec.data.join("postmaster.pid")).unwrap_or_default();
    let mut lines = text.lines();
    let is_ours = lines.next().is_some_and(|pid| pid.trim() == child.pid().to_string());
    is_ours && lines.nth(6).is_some_and(|status| matches!(status.trim(), "ready" | "standby"))
}

/// Asks a real question.
pub(crate) async fn answer(site: &Site) -> Result<(), EngineError> {
    let session = Session::open(site).await?;
    answer_in_time(site, session.client.simple_query("SELECT 1")).await.map(drop)
}

/// Fast, or not at all. It ends when its replicas have everything, the checkpoint included.
pub(crate) async fn stop_soon(child: &Child) -> Result<bool, EngineError> {
    Ok(child.ask(StopPlan { signal: Signal::SIGINT, grace: SOON }).await?)
}

/// Fast, then immediate, then by force.
pub(crate) async fn stop(child: &Child) -> Result<Stopped, EngineError> {
    let fast = StopPlan { signal: Signal::SIGINT, grace: FAST_SHUTDOWN_WITHIN };
    if child.ask(fast).await? {
        return Ok(Stopped { killed: false });
    }
    let immediate = StopPlan { signal: Signal::SIGQUIT, grace: IMMEDIATE_SHUTDOWN_WITHIN };
    child.stop(immediate).await?;
    // Not by SIGKILL perhaps, but not in order either.
    Ok(Stopped { killed: true })
}
