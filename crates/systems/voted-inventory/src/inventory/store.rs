//! Snapshots in files: a new one is whole on the disk before it takes the place of the old one.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::service::durable_file;

const NAME: &str = "inventory.snapshot";

/// The folder of a replica's snapshot.
#[derive(Clone, Debug)]
pub(super) struct Store {
    dir: PathBuf,
}

impl Store {
    pub(super) fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned() }
    }

    /// The bytes of the last snapshot, if there is one.
    pub(super) fn read(&self) -> io::Result<Option<Vec<u8>>> {
        match fs::read(self.dir.join(NAME)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Keeps `bytes` in place of what was there.
    pub(super) fn write(&self, bytes: &[u8]) -> io::Result<()> {
        fs::create_dir_all(&self.dir)?;
        durable_file::replace(&self.dir.join(NAME), bytes).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_takes_the_place_of_the_one_before() {
        let name = format!("standfast-snapshot-{}-{}", std::process::id(), uuid::Uuid::now_v7());
        let dir = std::env::temp_dir().join(name);
        let store = Store::new(&dir);
        assert_eq!(store.read().unwrap(), None);
        store.write(b"first").unwrap();
        assert_eq!(store.read().unwrap().as_deref(), Some(b"first".as_slice()));
        store.write(b"second").unwrap();
        assert_eq!(store.read().unwrap().as_deref(), Some(b"second".as_slice()));
        fs::remove_dir_all(dir).unwrap();
    }
}
