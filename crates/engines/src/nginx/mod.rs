//! Nginx: a front for services, configured by a file of the system that only lacks what moves.
//!
//! It runs in the foreground, as the unprivileged user of all engines, and logs to standard error.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::engine::{EngineError, Site};
use crate::process::{Child, CommandSpec, Signal, StopPlan, Stopped};

const CONFIGURATION_FILE: &str = "nginx.conf";

/// What no system says: Nginx refuses to hear it twice.
const GLOBALS: &str = "daemon off; error_log stderr notice;";

/// What every answer of HTTP begins with.
const ANSWER: &[u8; 5] = b"HTTP/";

/// Loopback answers at once, or the server hangs.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// The fast shutdown ends connections; there is nothing to save.
const STOP_WITHIN: Duration = Duration::from_secs(5);

/// Makes the data folder.
pub(crate) fn create(site: &Site) -> Result<(), EngineError> {
    site.make_data_folder()?;
    prepare(site)
}

/// Whether `folder` is one of an Nginx server that we made.
pub(crate) fn is_data_folder(folder: &Path) -> bool {
    folder.join(CONFIGURATION_FILE).is_file()
}

/// Writes the configuration for a start of this instance on these ports.
pub(crate) fn prepare(site: &Site) -> Result<(), EngineError> {
    let text = site.spec.configuration.as_deref().unwrap_or_default();
    site.write(&site.spec.data.join(CONFIGURATION_FILE), text)
}

pub(crate) fn command(site: &Site) -> CommandSpec {
    let data = &site.spec.data;
    let globals = format!("{GLOBALS} pid \"{}\";", data.join("nginx.pid").display());
    let arguments: [OsString; 8] = [
        "-p".into(),
        data.clone().into_os_string(),
        "-c".into(),
        data.join(CONFIGURATION_FILE).into_os_string(),
        // What is wrong before the configuration has been read.
        "-e".into(),
        "stderr".into(),
        "-g".into(),
        globals.into(),
    ];
    site.server(site.installation.path.clone()).arguments(arguments)
}

/// Asks for a page. Any answer will do: that the service behind it is not there is no fault of its.
pub(crate) async fn answer(site: &Site) -> Result<(), EngineError> {
    let ask = async {
        let mut stream = TcpStream::connect((site.spec.address(), site.spec.port)).await?;
        stream.write_all(b"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n").await?;
        let mut begin = [0; ANSWER.len()];
        stream.read_exact(&mut begin).await?;
        Ok(begin)
    };
    let reason = match tokio::time::timeout(ANSWER_WITHIN, ask).await {
        Ok(Ok(begin)) if &begin == ANSWER => return Ok(()),
        Ok(Ok(_other)) => "it does not speak HTTP".to_owned(),
        Ok(Err(error)) => std::io::Error::to_string(&error),
        Err(_elapsed) => format!("silent for {ANSWER_WITHIN:?}"),
    };
    Err(EngineError::NoAnswer { engine: site.name(), reason })
}

pub(crate) async fn stop(child: &Child) -> Result<Stopped, EngineError> {
    Ok(child.stop(StopPlan { signal: Signal::SIGTERM, grace: STOP_WITHIN }).await?)
}
