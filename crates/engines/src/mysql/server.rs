//! The running server: how it is started, asked and stopped.

use std::ffi::OsString;
use std::time::Duration;

use super::configuration::{self, configuration_file, files_folder};
use super::session::Session;
use crate::engine::{EngineError, Site};
use crate::process::{Child, CommandSpec, Signal, StopPlan, Stopped};

/// Sessions are ended and changed pages are written.
const STOP_WITHIN: Duration = Duration::from_secs(20);

/// Gets the engine's folder ready for a start of this instance on this port.
pub(crate) fn prepare(site: &Site) -> Result<(), EngineError> {
    configuration::write(site)
}

pub(crate) fn command(site: &Site) -> CommandSpec {
    let mut defaults = OsString::from("--defaults-file=");
    // It must come first.
    defaults.push(configuration_file(&site.spec.data));
    CommandSpec {
        directory: Some(files_folder(&site.spec.data)),
        ..site.server(site.installation.path.clone())
    }
    .arguments([defaults])
}

/// Asks a real question.
pub(crate) async fn answer(site: &Site) -> Result<(), EngineError> {
    Session::open(site).await?.value::<u8>(site, "SELECT 1").await.map(drop)
}

/// In order; by force when that takes too long.
pub(crate) async fn stop(child: &Child) -> Result<Stopped, EngineError> {
    Ok(child.stop(StopPlan { signal: Signal::SIGTERM, grace: STOP_WITHIN }).await?)
}
