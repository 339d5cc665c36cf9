//! What every kind of engine needs: its spec, its programs, whom it runs as and who starts it.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::EngineError;
use super::spec::EngineSpec;
use crate::home::make_folder;
use crate::process::{CommandSpec, Finished, Output, Spawner};
use crate::secrets::write_private;
use crate::tool::Installation;
use crate::user::UserId;

#[derive(Clone, Debug)]
pub(crate) struct Site {
    pub(crate) spec: EngineSpec,
    pub(crate) installation: Installation,
    pub(crate) spawner: Spawner,
    /// Whom it runs as, when that is not ourselves.
    pub(crate) user: Option<UserId>,
}

impl Site {
    pub(crate) fn name(&self) -> String {
        self.spec.name.clone()
    }

    /// The error for a file operation that failed.
    pub(crate) fn io(&self, action: &'static str, path: &Path, source: io::Error) -> EngineError {
        EngineError::Io { engine: self.name(), action, path: path.to_owned(), source }
    }

    /// Makes the empty data folder, which only the engine's user may enter.
    pub(crate) fn make_data_folder(&self) -> Result<(), EngineError> {
        self.make_private_folder(&self.spec.data)
    }

    pub(crate) fn make_private_folder(&self, folder: &Path) -> Result<(), EngineError> {
        self.make_parent(folder)?;
        fs::DirBuilder::new()
            .mode(0o700)
            .create(folder)
            .map_err(|source| self.io("make folder", folder, source))?;
        self.own(folder)
    }

    /// Makes the folder above `path`, and checks that the engine's user can get there.
    pub(crate) fn make_parent(&self, path: &Path) -> Result<(), EngineError> {
        let parent = path.parent().unwrap_or(Path::new("/"));
        make_folder(parent).map_err(|source| self.io("make folder", parent, source))?;
        Ok(self.user.as_ref().map_or(Ok(()), |user| user.check_reach(path))?)
    }

    /// Gives `path` to the engine's user.
    pub(crate) fn own(&self, path: &Path) -> Result<(), EngineError> {
        Ok(self.user.as_ref().map_or(Ok(()), |user| user.own(path))?)
    }

    /// Writes a file that only the engine's user may read.
    pub(crate) fn write(&self, path: &Path, text: &str) -> Result<(), EngineError> {
        write_private(path, text.as_bytes()).map_err(|source| self.io("write", path, source))?;
        self.own(path)
    }

    /// Writes it so that it survives the machine, its name included.
    pub(crate) fn write_durably(&self, path: &Path, text: &str) -> Result<(), EngineError> {
        self.write(path, text)?;
        self.sync(path)?;
        self.sync(path.parent().unwrap_or(Path::new("/")))
    }

    /// Waits until a file, or the names in a folder, are on the disk.
    pub(crate) fn sync(&self, path: &Path) -> Result<(), EngineError> {
        let synced = File::open(path).and_then(|file| file.sync_all());
        synced.map_err(|source| self.io("sync", path, source))
    }

    /// Waits for a file lock, which ends with the file. That blocks, so it is done elsewhere.
    pub(crate) async fn lock(&self, path: PathBuf) -> Result<File, EngineError> {
        let wait = {
            let path = path.clone();
            move || {
                let file = File::options().create(true).truncate(false).write(true).open(path)?;
                file.lock()?;
                Ok(file)
            }
        };
        let locked = tokio::task::spawn_blocking(wait).await;
        let locked = locked.expect("waiting for a lock cannot panic");
        locked.map_err(|source| self.io("lock", &path, source))
    }

    /// One of the engine's programs, run as its user, without our environment.
    pub(crate) fn command(&self, program: PathBuf) -> CommandSpec {
        let tool = program.file_name().map(|name| name.to_string_lossy().into_owned());
        CommandSpec {
            inherit_environment: false,
            user: self.user.clone(),
            ..CommandSpec::new(tool.unwrap_or_default(), program)
        }
    }

    /// The engine's server itself: in its data folder, on its host, writing into its log.
    pub(crate) fn server(&self, program: PathBuf) -> CommandSpec {
        CommandSpec {
            name: self.name(),
            directory: Some(self.spec.data.clone()),
            namespace: self.spec.host.as_ref().map(|host| host.namespace().clone()),
            output: Output::Log(self.spec.log.clone()),
            ..self.command(program)
        }
    }

    /// Runs one of the engine's programs to its end.
    pub(crate) async fn run(
        &self,
        command: CommandSpec,
        within: Duration,
    ) -> Result<Finished, EngineError> {
        let tool = command.name.clone();
        let finished = self.spawner.run(command, within).await?;
        if finished.status.is_success() {
            return Ok(finished);
        }
        Err(EngineError::Tool {
            engine: self.name(),
            tool,
            exit: finished.status,
            complaint: finished.complaint(),
        })
    }

    /// Rejects a setting that would break its configuration file.
    pub(crate) fn check_setting(
        &self,
        key: &str,
        value: &str,
        managed: &[&str],
    ) -> Result<(), EngineError> {
        let is_key = |letter: char| letter.is_ascii_alphanumeric() || "_.-".contains(letter);
        let problem = if key.is_empty() || !key.chars().all(is_key) {
            "is no name of a setting"
        } else if value.chars().any(char::is_control) {
            "has a control character in its value"
        } else if managed.contains(&key) {
            "is decided by standfast"
        } else {
            return Ok(());
        };
        Err(EngineError::Setting { engine: self.name(), key: key.to_owned(), problem })
    }
}

/// A file that is removed when nobody needs it any more.
#[derive(Debug)]
pub(crate) struct TemporaryFile(pub(crate) PathBuf);

impl TemporaryFile {
    /// Argument or variable that names the file.
    pub(crate) fn as_os_string(&self) -> OsString {
        self.0.clone().into_os_string()
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.0)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(path = %self.0.display(), %error, "a temporary file is left");
        }
    }
}

/// Removes a folder even when its owner has taken the right to do so away.
pub(crate) fn remove_folder(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
            fs::remove_dir_all(folder)
        }
        removed => removed,
    }
}
