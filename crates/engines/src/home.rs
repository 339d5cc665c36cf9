//! Where standfast keeps engines, templates and instances on this machine.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::unistd::Uid;

/// Others may pass through but not look around: engines run as another user below it.
const PASS_THROUGH: u32 = 0o711;

/// The folder with everything that standfast keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    root: PathBuf,
}

/// Why there is no place to keep anything.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HomeError {
    #[error("no state folder: neither STANDFAST_HOME nor XDG_STATE_HOME nor HOME is set")]
    Nowhere,
    #[error("STANDFAST_HOME is `{}`, which is no absolute path", path.display())]
    Relative { path: PathBuf },
    #[error("cannot make folder `{}`", path.display())]
    Folder {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

impl Home {
    /// `STANDFAST_HOME`; else, as root, `/var/lib/standfast`; else the user's state folder.
    ///
    /// # Errors
    /// When none of them is known.
    pub fn locate() -> Result<Self, HomeError> {
        let variable = |name: &str| {
            std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
        };
        locate(variable, Uid::effective().is_root())
    }

    /// A home at `root`, which should be absolute.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What `setup` brought.
    pub fn engines(&self) -> PathBuf {
        self.root.join("engines")
    }

    /// Data folders that were made once, to be copied.
    pub fn templates(&self) -> PathBuf {
        self.root.join("templates")
    }

    /// One folder for each system that runs or was stopped.
    pub fn instances(&self) -> PathBuf {
        self.root.join("instances")
    }

    /// Makes the folders that are missing, so that an unprivileged user may pass through them.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn prepare(&self) -> Result<(), HomeError> {
        for folder in [self.root.clone(), self.engines(), self.templates(), self.instances()] {
            make_folder(&folder).map_err(|source| HomeError::Folder { path: folder, source })?;
        }
        Ok(())
    }
}

/// Makes `folder` and its parents, passable for others. What exists keeps its mode.
pub(crate) fn make_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    if let Some(parent) = folder.parent() {
        make_folder(parent)?;
    }
    match DirBuilder::new().mode(PASS_THROUGH).create(folder) {
        // The umask may have taken bits away.
        Ok(()) => fs::set_permissions(folder, Permissions::from_mode(PASS_THROUGH)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

fn locate(variable: impl Fn(&str) -> Option<PathBuf>, is_root: bool) -> Result<Home, HomeError> {
    if let Some(path) = variable("STANDFAST_HOME") {
        return if path.is_absolute() {
            Ok(Home::at(path))
        } else {
            Err(HomeError::Relative { path })
        };
    }
    if is_root {
        return Ok(Home::at("/var/lib/standfast"));
    }
    let state = variable("XDG_STATE_HOME")
        .or_else(|| variable("HOME").map(|home| home.join(".local/state")));
    state.map(|state| Home::at(state.join("standfast"))).ok_or(HomeError::Nowhere)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(variables: &[(&str, &str)], is_root: bool, expected: &str) {
        let variable = |name: &str| {
            variables
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| PathBuf::from(value))
        };
        let found = locate(variable, is_root).map(|home| home.root);
        assert_eq!(found.unwrap(), Path::new(expected));
    }

    #[test]
    fn the_explicit_folder_wins_then_the_system_then_the_user() {
        check(&[("STANDFAST_HOME", "/x"), ("HOME", "/root")], true, "/x");
        check(&[("HOME", "/root")], true, "/var/lib/standfast");
        check(&[("HOME", "/home/a"), ("XDG_STATE_HOME", "/s")], false, "/s/standfast");
        check(&[("HOME", "/home/a")], false, "/home/a/.local/state/standfast");
    }

    #[test]
    fn a_relative_home_is_refused_as_it_would_move_with_the_caller() {
        let error = locate(|_| Some(PathBuf::from("state")), true).unwrap_err();
        assert!(error.to_string().contains("no absolute path"), "{error}");
    }
}
