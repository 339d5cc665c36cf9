//! MariaDB's command-line client and its dump, which serve both servers.
//!
//! MySQL as `setup` brings it is the server alone.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::configuration::SUPERUSER;
use crate::engine::{EngineError, Site, TemporaryFile};
use crate::process::CommandSpec;

pub(super) const CLIENT: &str = "mariadb";
pub(super) const DUMP: &str = "mariadb-dump";

/// Where distributions put programs for everybody.
const FOLDER: &str = "/usr/bin";

/// The folder that holds both, when one does: beside the server, or where programs usually are.
pub(crate) fn folder_with(server: &Path) -> Option<PathBuf> {
    let beside = server.parent().map(Path::to_owned);
    let above = server.parent().and_then(Path::parent).map(|folder| folder.join("bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let usual = [PathBuf::from(FOLDER)].into_iter().chain(std::env::split_paths(&path));
    let mut folders = beside.into_iter().chain(above).chain(usual);
    folders.find(|folder| [CLIENT, DUMP].iter().all(|program| folder.join(program).is_file()))
}

/// One of the two, about to connect to `host` and `port` as `role`. The password is in a file that
/// lives as long as the second value.
pub(super) fn command(
    site: &Site,
    program: &str,
    at: &ClientLogin<'_>,
) -> Result<(CommandSpec, TemporaryFile), EngineError> {
    let folder = folder_with(&site.installation.path).ok_or_else(|| EngineError::NoRuntime {
        engine: site.name(),
        runtime: "MariaDB's client",
    })?;
    let path = site.spec.data.with_extension(format!("{program}-login"));
    let ClientLogin { host, port, role, password } = at;
    let text = format!(
        "# Written by standfast, for one run.\n[client]\nprotocol = tcp\nhost = {host}\n\
         port = {port}\nuser = {role}\npassword = {password}\ndefault-character-set = utf8mb4\n"
    );
    site.write(&path, &text)?;
    let login = TemporaryFile(path);
    let mut option = OsString::from("--defaults-file=");
    option.push(login.as_os_string());
    Ok((site.command(folder.join(program)).arguments([option]), login))
}

/// Where a client connects to, and as whom.
#[derive(Clone, Debug)]
pub(super) struct ClientLogin<'a> {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) role: &'a str,
    pub(super) password: &'a str,
}

impl<'a> ClientLogin<'a> {
    /// The superuser at the site's own server.
    pub(super) fn own(site: &'a Site) -> Self {
        Self::superuser_at(site, site.spec.address().to_string(), site.spec.port)
    }

    /// The superuser at a server that has the same roles: the primary, for a replica.
    pub(super) fn superuser_at(site: &'a Site, host: String, port: u16) -> Self {
        Self { host, port, role: SUPERUSER, password: &site.spec.secrets.superuser }
    }
}
