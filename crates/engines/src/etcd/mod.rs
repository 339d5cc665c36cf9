//! etcd: what managers of databases agree by. One member, which is enough to hold a lease on this
//! machine; its data folder keeps what was agreed upon.

use std::ffi::OsString;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::engine::{EngineError, Site};
use crate::process::{Child, CommandSpec, Signal, StopPlan, Stopped};

/// It says so when it has a leader, which is itself.
const HEALTHY: &str = "\"health\":\"true\"";

/// Loopback answers at once, or the server hangs.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// It closes its files and is gone.
const STOP_WITHIN: Duration = Duration::from_secs(5);

/// Makes the data folder.
pub(crate) fn create(site: &Site) -> Result<(), EngineError> {
    site.make_data_folder()
}

pub(crate) fn command(site: &Site) -> CommandSpec {
    let (address, port) = (site.spec.address(), site.spec.port);
    let clients = format!("http://{address}:{port}");
    // It has no peer, so any port will do, and nobody has to know it.
    let peers = format!("http://{address}:0");
    let name = &site.spec.name;
    let options = [
        ("--data-dir", site.spec.data.join("member").into_os_string()),
        ("--name", name.into()),
        ("--listen-client-urls", clients.clone().into()),
        ("--advertise-client-urls", clients.into()),
        ("--listen-peer-urls", peers.clone().into()),
        ("--initial-advertise-peer-urls", peers.clone().into()),
        ("--initial-cluster", format!("{name}={peers}").into()),
        ("--logger", "zap".into()),
        ("--log-level", "warn".into()),
    ];
    let arguments = options.into_iter().flat_map(|(name, value)| [OsString::from(name), value]);
    site.server(site.installation.path.clone()).arguments(arguments)
}

/// Asks whether it can agree on anything.
pub(crate) async fn answer(site: &Site) -> Result<(), EngineError> {
    let ask = async {
        let mut stream = TcpStream::connect((site.spec.address(), site.spec.port)).await?;
        stream.write_all(b"GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n").await?;
        let mut text = String::new();
        stream.read_to_string(&mut text).await?;
        Ok(text)
    };
    let reason = match tokio::time::timeout(ANSWER_WITHIN, ask).await {
        Ok(Ok(text)) if text.contains(HEALTHY) => return Ok(()),
        Ok(Ok(text)) => format!("it is not healthy: {}", text.lines().last().unwrap_or_default()),
        Ok(Err(error)) => std::io::Error::to_string(&error),
        Err(_elapsed) => format!("silent for {ANSWER_WITHIN:?}"),
    };
    Err(EngineError::NoAnswer { engine: site.name(), reason })
}

pub(crate) async fn stop(child: &Child) -> Result<Stopped, EngineError> {
    Ok(child.stop(StopPlan { signal: Signal::SIGTERM, grace: STOP_WITHIN }).await?)
}
