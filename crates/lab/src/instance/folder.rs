//! The folder of one instance: its files, its lock, and what is written down about it.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use standfast_engines::process::ProcessId;
use standfast_engines::{Home, discard_data};

use super::leftovers::reap_instance;
use super::running::Data;
use crate::spec::{Brokers, Manager};

/// Others pass through to data folders that belong to the engines' user, and cannot look around.
const FOLDER_MODE: u32 = 0o711;

/// Why the folder of an instance cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    #[error("cannot {action} `{}`: {source}", path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },
    #[error("`{}` is damaged: {source}", path.display())]
    Format { path: PathBuf, source: serde_json::Error },
    #[error("instance `{name}` is just being brought up")]
    Supervised { name: String },
    #[error("`{}` is not inside of `{}`, so it is not deleted", path.display(), home.display())]
    Outside { path: PathBuf, home: PathBuf },
}

impl FolderError {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }
}

/// The places of one instance.
#[derive(Clone, Debug)]
pub struct InstanceFolder {
    name: String,
    root: PathBuf,
    home: PathBuf,
}

/// What is needed to bring an instance up again, also after a reboot.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InstanceRecord {
    pub name: String,
    /// The name of the system.
    pub system: String,
    /// Its folder; a shipped system has none.
    pub folder: Option<PathBuf>,
    pub ports: BTreeMap<String, u16>,
    pub without: Vec<String>,
    pub environment: BTreeMap<String, BTreeMap<String, String>>,
    /// How many brokers it was given in the place of the one that its system declares.
    #[serde(default)]
    pub brokers: Option<Brokers>,
    /// Who decides on the roles of its databases.
    #[serde(default)]
    pub manager: Manager,
    /// The processes that were brought up; `None` when all of the system were.
    #[serde(default)]
    pub only: Option<Vec<String>>,
    /// Engines that run elsewhere.
    pub external: BTreeMap<String, String>,
    /// Whether all links are direct, so that none of them can be broken.
    #[serde(default)]
    pub is_direct: bool,
    /// Whether every process has a host of its own.
    #[serde(default)]
    pub own_hosts: bool,
    /// Deleted when its supervisor ends, or is found to have ended.
    pub ephemeral: bool,
    /// The process that supervises it, while it does.
    pub supervisor: Option<ProcessId>,
}

/// Held for as long as a supervisor looks after the instance; the kernel lets go of it however the
/// supervisor ends.
#[derive(Debug)]
pub(crate) struct InstanceLock(#[expect(dead_code, reason = "held, never read")] Flock<File>);

impl InstanceFolder {
    /// The folder of the instance `name`, which need not exist.
    pub fn of(home: &Home, name: &str) -> Self {
        let home = home.instances();
        Self { name: name.to_owned(), root: home.join(name), home }
    }

    /// Every instance folder of a home, running or not.
    pub fn all(home: &Home) -> Vec<Self> {
        let entries = fs::read_dir(home.instances()).into_iter().flatten().flatten();
        let folders = entries.filter(|entry| entry.path().is_dir());
        let mut all: Vec<Self> =
            folders.map(|entry| Self::of(home, &entry.file_name().to_string_lossy())).collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where a process keeps its data; `{dir}` of a service.
    pub fn data(&self, process: &str) -> PathBuf {
        self.root.join("data").join(process)
    }

    pub fn log(&self, process: &str) -> PathBuf {
        self.root.join("logs").join(format!("{process}.log"))
    }

    pub fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }

    pub fn control_socket(&self) -> PathBuf {
        self.root.join("control.sock")
    }

    /// Where the service `name` has its databases started and killed.
    pub(crate) fn actuator_socket(&self, name: &str) -> PathBuf {
        self.root.join(format!("{name}.actuator"))
    }

    pub(crate) fn secrets(&self) -> PathBuf {
        self.root.join("secrets.json")
    }

    pub(crate) fn processes_file(&self) -> PathBuf {
        self.root.join("processes.json")
    }

    fn record_file(&self) -> PathBuf {
        self.root.join("instance.json")
    }

    /// Makes the folders that are missing.
    pub(crate) fn prepare(&self) -> Result<(), FolderError> {
        for folder in [self.root.clone(), self.root.join("data"), self.logs()] {
            make(&folder)?;
        }
        Ok(())
    }

    /// Takes the lock; `None` when a live supervisor holds it.
    pub(crate) fn lock(&self) -> Result<Option<InstanceLock>, FolderError> {
        let path = self.root.join("lock");
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(&path);
        let file = file.map_err(FolderError::io("open", &path))?;
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => Ok(Some(InstanceLock(lock))),
            Err((_, nix::errno::Errno::EWOULDBLOCK)) => Ok(None),
            Err((_, errno)) => Err(FolderError::io("lock", &path)(errno.into())),
        }
    }

    /// Whether a live supervisor looks after it.
    pub fn is_supervised(&self) -> bool {
        self.root.join("lock").is_file() && matches!(self.lock(), Ok(None))
    }

    /// What is written down about it; `None` after `down`, when only its data is left.
    ///
    /// # Errors
    /// When the file cannot be read or understood.
    pub fn record(&self) -> Result<Option<InstanceRecord>, FolderError> {
        read_json(&self.record_file())
    }

    pub(crate) fn write_record(&self, record: &InstanceRecord) -> Result<(), FolderError> {
        write_json(&self.record_file(), record)
    }

    /// Ends an instance that nobody supervises.
    ///
    /// # Errors
    /// When a supervisor has come up meanwhile, or the file system refuses.
    pub(crate) fn end(&self, data: Data) -> Result<(), FolderError> {
        let Some(_lock) = self.lock()? else {
            return Err(FolderError::Supervised { name: self.name.clone() });
        };
        reap_instance(self);
        self.settle(data)
    }

    /// Keeps, forgets or deletes an instance whose processes have ended.
    pub(crate) fn settle(&self, data: Data) -> Result<(), FolderError> {
        match data {
            Data::KeepStopped => self.set_unsupervised(),
            Data::Keep => self.forget(),
            Data::Delete => self.delete(),
        }
    }

    /// The instance is there, and nobody looks after it.
    fn set_unsupervised(&self) -> Result<(), FolderError> {
        let Some(record) = self.record()? else { return Ok(()) };
        self.write_record(&InstanceRecord { supervisor: None, ..record })
    }

    /// Ends the instance and keeps its data, so that the next `up` finds it.
    fn forget(&self) -> Result<(), FolderError> {
        for path in [self.record_file(), self.processes_file(), self.control_socket()] {
            remove_file(&path)?;
        }
        Ok(())
    }

    /// Deletes the folder with all data.
    ///
    /// # Errors
    /// When it is not inside of the home, or the file system refuses.
    pub(crate) fn delete(&self) -> Result<(), FolderError> {
        let fail = FolderError::io("delete", &self.root);
        // Names are checked where they come in; this is the last line before data is lost.
        let is_inside = match (self.root.canonicalize(), self.home.canonicalize()) {
            (Ok(root), Ok(home)) => root.parent() == Some(home.as_path()),
            (Err(error), _) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            (Err(error), _) | (_, Err(error)) => return Err(fail(error)),
        };
        if !is_inside {
            let (path, home) = (self.root.clone(), self.home.clone());
            return Err(FolderError::Outside { path, home });
        }
        // A PostgreSQL that was killed leaves shared memory behind, which its folder names.
        let entries = fs::read_dir(self.root.join("data")).into_iter().flatten().flatten();
        for data in entries.map(|entry| entry.path()) {
            discard_data(&data).map_err(FolderError::io("delete", &data))?;
        }
        fs::remove_dir_all(&self.root).map_err(fail)
    }
}

/// Makes a folder and its parents, passable for the engines' user whatever the umask.
pub(crate) fn make(folder: &Path) -> Result<(), FolderError> {
    if folder.is_dir() {
        return Ok(());
    }
    let made = fs::DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(folder);
    made.and_then(|()| fs::set_permissions(folder, fs::Permissions::from_mode(FOLDER_MODE)))
        .map_err(FolderError::io("make", folder))
}

/// The document in `path`; `None` when there is no such file.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, FolderError> {
    match fs::read(path) {
        Ok(text) => serde_json::from_slice(&text)
            .map(Some)
            .map_err(|source| FolderError::Format { path: path.to_owned(), source }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(FolderError::io("read", path)(error)),
    }
}

/// Writes a document that is whole or not there, for its owner's eyes only: environments may hold
/// passwords.
pub(crate) fn write_json<T: Serialize>(path: &Path, document: &T) -> Result<(), FolderError> {
    let text = serde_json::to_vec_pretty(document).expect("our own types have string keys");
    let fresh = path.with_extension("json.new");
    let write = || {
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
        io::Write::write_all(&mut file, &text)?;
        fs::rename(&fresh, path)
    };
    write().map_err(FolderError::io("write", path))
}

fn remove_file(path: &Path) -> Result<(), FolderError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(FolderError::io("delete", path)(error))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}
