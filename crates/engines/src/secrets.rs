//! Generated passwords: one file per instance, for its owner's eyes only.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rand::Rng;
use serde::{Deserialize, Serialize};

/// As strong as the hash that SCRAM makes of it, and without a character that needs quoting.
const PASSWORD_BYTES: usize = 32;

/// The passwords of one instance. All engines of it share them, since a replica has its primary's
/// roles anyway.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Secrets {
    /// PostgreSQL's superuser `standfast`.
    pub superuser: String,
    /// PostgreSQL's role for streaming replication.
    pub replicator: String,
    /// The role of the system's services.
    pub application: String,
    /// Valkey's only password.
    pub cache: String,
}

/// Why the secrets of an instance are not to be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretsError {
    #[error("cannot {action} secrets in `{}`", path.display())]
    Io {
        action: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("`{}` holds no secrets of this version", path.display())]
    Format {
        path: PathBuf,
        #[source]
        source: serde_json::Error,
    },
}

impl Secrets {
    /// New passwords from the operating system's randomness.
    pub fn generate() -> Self {
        let password = || {
            let mut bytes = [0_u8; PASSWORD_BYTES];
            rand::rng().fill_bytes(&mut bytes);
            bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
        };
        Self {
            superuser: password(),
            replicator: password(),
            application: password(),
            cache: password(),
        }
    }

    /// The secrets in `path`; when there is no such file, new ones that are written there.
    ///
    /// # Errors
    /// When the file cannot be read, written or understood.
    pub fn load_or_create(path: &Path) -> Result<Self, SecretsError> {
        match Self::load(path) {
            Err(SecretsError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                let secrets = Self::generate();
                secrets.save(path)?;
                Ok(secrets)
            }
            loaded => loaded,
        }
    }

    /// The secrets in `path`.
    ///
    /// # Errors
    /// When the file cannot be read or understood.
    pub fn load(path: &Path) -> Result<Self, SecretsError> {
        let text = fs::read_to_string(path).map_err(|source| SecretsError::Io {
            action: "read",
            path: path.to_owned(),
            source,
        })?;
        serde_json::from_str(&text)
            .map_err(|source| SecretsError::Format { path: path.to_owned(), source })
    }

    /// Writes them to `path`, which only its owner may read.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), SecretsError> {
        let text = serde_json::to_vec_pretty(self).expect("four strings always serialise");
        write_private(path, &text).map_err(|source| SecretsError::Io {
            action: "write",
            path: path.to_owned(),
            source,
        })
    }
}

impl fmt::Debug for Secrets {
    /// Says nothing: debug output ends up in logs.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secrets(…)")
    }
}

/// Writes a file that was never readable for others, and is whole or not there.
pub(crate) fn write_private(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let fresh = PathBuf::from(name);
    match fs::remove_file(&fresh) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
    file.write_all(text)?;
    drop(file);
    fs::rename(&fresh, path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn secrets_are_made_once_and_readable_for_their_owner_only() {
        let path = std::env::temp_dir().join(format!("standfast-secrets-{}", std::process::id()));
        let first = Secrets::load_or_create(&path).unwrap();
        let second = Secrets::load_or_create(&path).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        fs::remove_file(&path).unwrap();
        assert_eq!(first, second);
        assert_eq!(mode & 0o777, 0o600);
        assert_ne!(first, Secrets::generate());
        assert!(!format!("{first:?}").contains(&first.superuser));
    }
}
