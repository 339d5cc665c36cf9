//! The running broker: how it is started, asked and stopped.

use std::net::SocketAddrV4;
use std::path::PathBuf;
use std::time::Duration;

use tokio::net::TcpStream;

use super::class_archive::ARCHIVE_FILE;
use super::configuration::{self, CONFIGURATION_FILE};
use super::probe;
use crate::engine::{EngineError, Site};
use crate::process::{
    Child, CommandSpec, Signal, StopPlan, Stopped, holder_of_port, is_port_free_at,
};

/// A broker hands its partitions over before it ends, and waits for a controller that may be gone.
const STOP_WITHIN: Duration = Duration::from_secs(10);

/// A broker asks the controller whether it may end. Without a majority of its cluster nobody will
/// answer, ever, and it need not be waited for as long.
const STOP_ALONE_WITHIN: Duration = Duration::from_secs(3);

/// Loopback answers at once, or the broker hangs.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// For the mere acceptance of a connection.
const CONNECT_WITHIN: Duration = Duration::from_millis(200);

/// How Java starts soon and stays small. The optimising compiler would pay back after minutes, and
/// takes a core from the system under test until then; a parallel collector does the same.
const JAVA_OPTIONS: [&str; 9] = [
    "-XX:TieredStopAtLevel=1",
    "-XX:+UseSerialGC",
    // No files of ours in the machine's folder of temporary files.
    "-XX:-UsePerfData",
    // A broker without memory must end, or it hangs half alive.
    "-XX:+ExitOnOutOfMemoryError",
    "-Xshare:auto",
    "-Djava.awt.headless=true",
    "-Djava.net.preferIPv4Stack=true",
    // The log holds what went wrong, not a thousand lines of configuration.
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
];

/// Its own argument, as blanks and colons are in it.
const LOG_TIME: &str = "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd HH:mm:ss.SSS";

/// Gets the data folder ready for a start of this instance on these ports.
pub(crate) fn prepare(site: &Site) -> Result<(), EngineError> {
    check_ports(site)?;
    configuration::write(site)?;
    let temporary = temporary_folder(site);
    if !temporary.is_dir() {
        site.make_private_folder(&temporary)?;
    }
    Ok(())
}

/// Libraries in C are unpacked there.
fn temporary_folder(site: &Site) -> PathBuf {
    site.spec.data.join("tmp")
}

/// The listeners that nobody but us knows of. On a host of its own nobody else is there.
fn check_ports(site: &Site) -> Result<(), EngineError> {
    let spec = &site.spec;
    if spec.host.is_some() {
        return Ok(());
    }
    let edges = (0..spec.kafka.edges.len()).map(|index| spec.edge_listener(index));
    for listener in std::iter::once(spec.controller()).chain(edges) {
        if !is_port_free_at(*listener.ip(), listener.port()) {
            let (port, holder) = (listener.port(), holder_of_port(listener.port()));
            return Err(EngineError::PortBusy { engine: site.name(), port, holder });
        }
    }
    Ok(())
}

pub(crate) fn command(site: &Site) -> Result<CommandSpec, EngineError> {
    let heap = configuration::heap(site);
    let mut temporary = std::ffi::OsString::from("-Djava.io.tmpdir=");
    temporary.push(temporary_folder(site));
    // Options go before the class: the last word on the heap is the system's.
    let mut command = java(site, Site::server)?;
    command.arguments.insert(0, format!("-Xmx{heap}").into());
    command.arguments.insert(0, temporary);
    // Java goes on without one, if somebody took it away.
    if site.spec.data.join(ARCHIVE_FILE).exists() {
        command.arguments.insert(0, format!("-XX:SharedArchiveFile={ARCHIVE_FILE}").into());
    }
    Ok(command.arguments(["kafka.Kafka", CONFIGURATION_FILE]))
}

/// Java with Kafka's jars, up to the class, for `purpose`: `Site::server` or `Site::command`.
pub(super) fn java(
    site: &Site,
    purpose: fn(&Site, PathBuf) -> CommandSpec,
) -> Result<CommandSpec, EngineError> {
    let runtime = site.installation.runtime.as_ref();
    let missing = || EngineError::NoRuntime { engine: site.name(), runtime: "Java" };
    let java = runtime.ok_or_else(missing)?.path.clone();
    let jars = site.installation.path.join("*");
    Ok(purpose(site, java).arguments(JAVA_OPTIONS).arguments([LOG_TIME, "-cp"]).arguments([jars]))
}

/// Asks it to take a record and to give it back.
pub(crate) async fn answer(site: &Site) -> Result<(), EngineError> {
    let address = SocketAddrV4::new(site.spec.address(), site.spec.port);
    let asked = tokio::time::timeout(ANSWER_WITHIN, probe::ask(address, site.spec.kafka.node));
    let reason = match asked.await {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(reason)) => reason,
        Err(_elapsed) => format!("silent for {ANSWER_WITHIN:?}"),
    };
    Err(EngineError::NoAnswer { engine: site.name(), reason })
}

/// Whether it is up and can do no more, as too few members of its cluster are there to decide
/// anything. So the first broker of a cluster counts as started before the second one is.
pub(crate) async fn waits_for_quorum(site: &Site) -> bool {
    accepts(site.spec.controller()).await && !has_quorum(site).await
}

/// Whether a majority of its cluster is there.
async fn has_quorum(site: &Site) -> bool {
    if site.spec.kafka.members.is_empty() {
        return true;
    }
    let members = site.spec.members();
    let mut present = 0;
    for member in &members {
        present += usize::from(accepts(member.controller()).await);
    }
    present > members.len() / 2
}

async fn accepts(address: SocketAddrV4) -> bool {
    let connected = tokio::time::timeout(CONNECT_WITHIN, TcpStream::connect(address)).await;
    connected.is_ok_and(|connected| connected.is_ok())
}

/// In order: partitions are handed over and logs closed. By force when that takes too long, which
/// costs the next start a look through its logs and nothing else.
pub(crate) async fn stop(site: &Site, child: &Child) -> Result<Stopped, EngineError> {
    let grace = if has_quorum(site).await { STOP_WITHIN } else { STOP_ALONE_WITHIN };
    Ok(child.stop(StopPlan { signal: Signal::SIGTERM, grace }).await?)
}
