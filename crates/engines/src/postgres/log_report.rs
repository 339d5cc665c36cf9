//! What a server's log says, as a page: slow and frequent statements, waits for locks, checkpoints.
//!
//! pgBadger makes it, of whatever our settings log. Values of parameters are not in the log, so
//! that they are not on the page either.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::configuration::{AUTHENTICATION_FILE, CONFIGURATION_FILE, LOG_LINE_PREFIX};
use super::role;
use crate::process::{CommandSpec, ProcessError, Spawner};
use crate::tool::Installation;

/// It reads some ten megabytes a second.
const REPORT_WITHIN: Duration = Duration::from_secs(60);

/// Of which log, and where the page goes.
#[derive(Clone, Copy, Debug)]
pub struct LogReport<'a> {
    pub log: &'a Path,
    pub page: &'a Path,
    pub title: &'a str,
}

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogReportError {
    #[error(transparent)]
    Process(#[from] ProcessError),
    #[error("pgbadger failed on `{}`: {complaint}", log.display())]
    Failed { log: PathBuf, complaint: String },
}

impl LogReport<'_> {
    /// Has pgBadger make the page.
    ///
    /// # Errors
    /// When it cannot be started, takes too long, or leaves no page.
    pub async fn make(
        self,
        pgbadger: &Installation,
        spawner: &Spawner,
    ) -> Result<(), LogReportError> {
        let fixed = ["--quiet", "--jobs", "1", "--format", "stderr", "--prefix", LOG_LINE_PREFIX];
        let command = CommandSpec::new("pgbadger", &pgbadger.path).arguments(fixed);
        let command = command.arguments(["--title", self.title, "--outfile"]);
        let command = command.arguments([self.page, self.log]);
        let finished = spawner.run(command, REPORT_WITHIN).await?;
        match finished.status.is_success() && self.page.is_file() {
            true => Ok(()),
            false => {
                let complaint = finished.complaint();
                Err(LogReportError::Failed { log: self.log.to_owned(), complaint })
            }
        }
    }
}

/// The files that a server with this data folder was configured with by standfast: its settings,
/// and who may come. They name files that hold passwords, and hold none.
pub fn postgres_configuration(data: &Path) -> Vec<PathBuf> {
    let folders = [role::node_folder(data), data.to_owned()];
    let folder = folders.into_iter().find(|folder| folder.join(CONFIGURATION_FILE).is_file());
    let files = [CONFIGURATION_FILE, AUTHENTICATION_FILE];
    folder.map_or_else(Vec::new, |folder| files.map(|file| folder.join(file)).into())
}
