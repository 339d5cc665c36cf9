//! The classes of a running broker in the form in which Java maps them into memory.
//!
//! Java reads, checks and compiles some nine thousand classes until a broker is ready. With an
//! archive of them a start takes 1.0 instead of 1.7 seconds of processor time, and 45 MB less
//! memory, which counts when three brokers start at once. It is made once per version of Kafka and
//! Java, by a broker that runs for nothing else.

use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::create::format;
use super::server;
use super::topology::KafkaSpec;
use crate::engine::{EngineError, EngineSpec, Site, remove_folder};
use crate::home::Home;
use crate::process::{Signal, StopPlan};
use crate::wait::wait_until;

/// Its name in a data folder, where it is a link.
pub(super) const ARCHIVE_FILE: &str = "classes.jsa";

/// Of the broker that runs for nothing else.
const LOG_FILE: &str = "broker.log";

/// A first start on a busy machine, and the writing of fifty megabytes at the end.
const READY_WITHIN: Duration = Duration::from_secs(60);
const WRITTEN_WITHIN: Duration = Duration::from_secs(60);

/// The archive for this Kafka on this Java, made now if it is not there yet. `None` when this Java
/// makes none: a broker starts without one, too.
pub(super) async fn ensure(site: &Site, home: &Home) -> Result<Option<PathBuf>, EngineError> {
    home.prepare()?;
    let archive = home.templates().join(name(site));
    if archive.is_file() {
        return Ok(Some(archive));
    }
    let _lock = site.lock(archive.with_extension("lock")).await?;
    if archive.is_file() {
        return Ok(Some(archive));
    }
    let folder = archive.with_extension("unfinished");
    let removed =
        |folder: &Path| remove_folder(folder).map_err(|source| site.io("remove", folder, source));
    // Only a builder that was killed leaves one, as we hold the lock.
    removed(&folder)?;
    let written = record(site, &folder).await?;
    if !written.is_file() {
        tracing::warn!(log = %folder.join(LOG_FILE).display(), "Java wrote no archive of classes");
        return Ok(None);
    }
    let readable = fs::set_permissions(&written, Permissions::from_mode(0o644));
    let moved = readable.and_then(|()| fs::rename(&written, &archive));
    moved.map_err(|source| site.io("move", &written, source))?;
    removed(&folder)?;
    tracing::info!(archive = %archive.display(), "made an archive of classes");
    Ok(Some(archive))
}

/// Lets a new data folder use it.
pub(super) fn link(site: &Site, archive: &Path) -> Result<(), EngineError> {
    let link = site.spec.data.join(ARCHIVE_FILE);
    symlink(archive, &link).map_err(|source| site.io("make link", &link, source))
}

/// Names everything that it depends on. Java itself checks the rest.
fn name(site: &Site) -> String {
    let mut digest = Sha256::new();
    if let Some(runtime) = &site.installation.runtime {
        digest.update(&runtime.version);
        digest.update(runtime.path.as_os_str().as_encoded_bytes());
    }
    digest.update(site.installation.path.as_os_str().as_encoded_bytes());
    let hash: String = digest.finalize().iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    // An extension is set on it, so it must not end in something that looks like one.
    format!("kafka-{}-{hash}.jsa", site.installation.version.replace('.', "-"))
}

/// Runs a broker in `folder` until it has answered, and has Java write down what it has loaded.
async fn record(site: &Site, folder: &Path) -> Result<PathBuf, EngineError> {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|free| free.local_addr());
    let port = port.map_err(|source| site.io("find a port for", folder, source))?.port();
    let spec = EngineSpec {
        host: None,
        port,
        data: folder.to_owned(),
        log: folder.join(LOG_FILE),
        settings: Default::default(),
        kafka: KafkaSpec::default(),
        ..site.spec.clone()
    };
    let site = Site { spec, ..site.clone() };
    format(&site).await?;
    server::prepare(&site)?;
    let mut command = server::command(&site)?;
    command.arguments.insert(0, OsString::from(format!("-XX:ArchiveClassesAtExit={ARCHIVE_FILE}")));
    let broker = site.spawner.spawn(command).await?;
    let answers = || async { server::answer(&site).await.ok() };
    tokio::select! {
        // Without an answer the archive is smaller, or there is none.
        _answer = wait_until(READY_WITHIN, answers) => {}
        _exit = broker.wait() => {}
    }
    broker.stop(StopPlan { signal: Signal::SIGTERM, grace: WRITTEN_WITHIN }).await?;
    Ok(folder.join(ARCHIVE_FILE))
}
