//! Snapshots in files: a new one is whole on the disk before it takes the place of the old one.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

const NAME: &str = "inventory.snapshot";
const NEW_NAME: &str = "inventory.snapshot.new";

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
        let new = self.dir.join(NEW_NAME);
        let mut file = File::create(&new)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&new, self.dir.join(NAME))?;
        // The new name is in the folder, so the folder must be on the disk as well.
        File::open(&self.dir)?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_takes_the_place_of_the_one_before_and_a_torn_new_one_does_not() {
        let name = format!("standfast-snapshot-{}-{}", std::process::id(), uuid::Uuid::now_v7());
        let dir = std::env::temp_dir().join(name);
        let store = Store::new(&dir);
        assert_eq!(store.read().unwrap(), None);
        store.write(b"first").unwrap();
        fs::write(dir.join(NEW_NAME), b"to").unwrap();
        assert_eq!(store.read().unwrap().as_deref(), Some(b"first".as_slice()));
        store.write(b"second").unwrap();
        assert_eq!(store.read().unwrap().as_deref(), Some(b"second".as_slice()));
        fs::remove_dir_all(dir).unwrap();
    }
}
