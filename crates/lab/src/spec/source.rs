//! Where a system comes from: a folder of the user, or files inside the binary.

use std::path::{Component, Path, PathBuf};

/// The name of the file that makes a folder a system.
pub const SYSTEM_FILE: &str = "system.toml";

/// A system before it is read.
#[derive(Clone, Debug)]
pub enum SystemSource {
    /// A system that is part of the binary.
    Embedded {
        name: String,
        /// `system.toml`.
        text: String,
        /// The other files with their names, relative to `system.toml`.
        files: Vec<(String, String)>,
    },
    /// A folder that holds `system.toml`.
    Folder(PathBuf),
}

/// Why a file of a system could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error("`{name}` lies outside of the system's folder")]
    Outside { name: String },
    #[error("system `{system}` holds no file `{name}`")]
    NotEmbedded { system: String, name: String },
    #[error("cannot read `{}`: {source}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
}

impl SystemSource {
    /// How messages name `system.toml`.
    pub fn file(&self) -> String {
        match self {
            Self::Embedded { name, .. } => format!("{name}/{SYSTEM_FILE}"),
            Self::Folder(folder) => folder.join(SYSTEM_FILE).display().to_string(),
        }
    }

    /// The text of `system.toml`.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn text(&self) -> Result<String, SourceError> {
        match self {
            Self::Embedded { text, .. } => Ok(text.clone()),
            Self::Folder(folder) => read(folder.join(SYSTEM_FILE)),
        }
    }

    /// The text of a file beside `system.toml`.
    ///
    /// # Errors
    /// When it is not there, or lies outside of the folder.
    pub fn read(&self, name: &str) -> Result<String, SourceError> {
        if !is_inside(name) {
            return Err(SourceError::Outside { name: name.to_owned() });
        }
        match self {
            Self::Embedded { name: system, files, .. } => files
                .iter()
                .find(|(file, _)| file == name)
                .map(|(_, text)| text.clone())
                .ok_or_else(|| SourceError::NotEmbedded {
                    system: system.clone(),
                    name: name.to_owned(),
                }),
            Self::Folder(folder) => read(folder.join(name)),
        }
    }

    /// The folder that relative programs of services are started in, when there is one.
    pub fn folder(&self) -> Option<&Path> {
        match self {
            Self::Embedded { .. } => None,
            Self::Folder(folder) => Some(folder),
        }
    }
}

/// Whether a relative path stays below the place that it is joined to.
pub(crate) fn is_inside(name: &str) -> bool {
    let mut components = Path::new(name).components().peekable();
    components.peek().is_some() && components.all(|part| matches!(part, Component::Normal(_)))
}

fn read(path: PathBuf) -> Result<String, SourceError> {
    std::fs::read_to_string(&path).map_err(|source| SourceError::Read { path, source })
}
