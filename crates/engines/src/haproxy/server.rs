//! The running server: how it is started, asked and ended.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use super::configuration::{CONFIGURATION_FILE, socket};
use crate::engine::{EngineError, Site};
use crate::process::{Child, CommandSpec, Signal, StopPlan, Stopped};

/// It answers at once, or it hangs.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// SIGTERM ends it with all connections; there is nothing to save.
const STOP_WITHIN: Duration = Duration::from_secs(5);

/// In the foreground and as one process: what is killed or frozen is all of it.
const FOREGROUND: &str = "-db";

pub(crate) fn command(site: &Site) -> CommandSpec {
    site.server(site.installation.path.clone()).arguments([FOREGROUND, "-f", CONFIGURATION_FILE])
}

/// Asks for the state of its servers. Whether one is ready is not its business, nor ours.
pub(crate) async fn answer(site: &Site) -> Result<(), EngineError> {
    let ask = async {
        let mut stream = UnixStream::connect(socket(site)).await?;
        stream.write_all(b"show servers state\n").await?;
        let mut text = String::new();
        stream.read_to_string(&mut text).await?;
        Ok(text)
    };
    let knows_all = |text: &str| {
        let mut names = site.spec.backends.iter().map(|backend| format!(" {} ", backend.name));
        names.all(|name| text.contains(&name))
    };
    let reason = match tokio::time::timeout(ANSWER_WITHIN, ask).await {
        Ok(Ok(text)) if knows_all(&text) => return Ok(()),
        Ok(Ok(text)) => format!("it knows other servers: {}", text.trim()),
        Ok(Err(error)) => std::io::Error::to_string(&error),
        Err(_elapsed) => format!("silent for {ANSWER_WITHIN:?}"),
    };
    Err(EngineError::NoAnswer { engine: site.name(), reason })
}

pub(crate) async fn stop(child: &Child) -> Result<Stopped, EngineError> {
    Ok(child.stop(StopPlan { signal: Signal::SIGTERM, grace: STOP_WITHIN }).await?)
}
