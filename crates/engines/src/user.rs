//! Whom engines run as: PostgreSQL refuses to run as root, and the others need not.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use nix::unistd::{Uid, User};

/// The users that engines are dropped to when we are root, the first one that exists.
const UNPRIVILEGED_USERS: [&str; 2] = ["postgres", "nobody"];

/// A user of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserId {
    pub name: String,
    pub uid: u32,
    pub gid: u32,
    pub home: PathBuf,
}

/// Why a folder cannot belong to the user that engines run as.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UserError {
    #[error("we are root and neither user `postgres` nor user `nobody` exists to run engines as")]
    NoUnprivilegedUser,
    #[error(
        "user `{user}` may not enter `{}`, which leads to `{}`: set STANDFAST_HOME elsewhere",
        closed.display(), path.display()
    )]
    Closed { user: String, closed: PathBuf, path: PathBuf },
    #[error("cannot give `{}` to user `{user}`", path.display())]
    Own {
        user: String,
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
}

impl UserId {
    /// The user that engines are dropped to: `None` when we are not root and run them as ourselves.
    ///
    /// # Errors
    /// When we are root and there is nobody to drop to.
    pub fn unprivileged() -> Result<Option<Self>, UserError> {
        if !Uid::effective().is_root() {
            return Ok(None);
        }
        let found = UNPRIVILEGED_USERS.iter().find_map(|name| User::from_name(name).ok().flatten());
        let user = found.ok_or(UserError::NoUnprivilegedUser)?;
        Ok(Some(Self {
            name: user.name,
            uid: user.uid.as_raw(),
            gid: user.gid.as_raw(),
            home: user.dir,
        }))
    }

    /// Gives `path` itself to this user.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn own(&self, path: &Path) -> Result<(), UserError> {
        chown(path, Some(self.uid), Some(self.gid)).map_err(|source| UserError::Own {
            user: self.name.clone(),
            path: path.to_owned(),
            source,
        })
    }

    /// Checks that this user may pass through every folder above `path`: engines report a closed
    /// one in words that lead nowhere.
    ///
    /// # Errors
    /// Names the closed folder.
    pub fn check_reach(&self, path: &Path) -> Result<(), UserError> {
        let closed = path
            .ancestors()
            .skip(1)
            .find(|folder| fs::metadata(folder).is_ok_and(|metadata| !self.may_enter(&metadata)));
        closed.map_or(Ok(()), |closed| {
            Err(UserError::Closed {
                user: self.name.clone(),
                closed: closed.to_owned(),
                path: path.to_owned(),
            })
        })
    }

    fn may_enter(&self, metadata: &fs::Metadata) -> bool {
        let mode = metadata.permissions().mode();
        let bit = if metadata.uid() == self.uid {
            0o100
        } else if metadata.gid() == self.gid {
            0o010
        } else {
            0o001
        };
        mode & bit != 0
    }
}
