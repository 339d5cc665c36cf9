//! A file that is replaced as a whole and outlives the machine: whoever reads it finds the old
//! contents or the new ones, never a part.
//!
//! A write alone may be torn, a rename alone may be on the disk before what was written, and a name
//! is on the disk when its folder is. So there is an order to keep, and it is kept here.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Puts `bytes` into the file at `path`, in place of what was there.
///
/// Gives it back open at its end, for those who append. After an error the old file or the new one
/// is there, and a draft perhaps, which the next call replaces.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<File> {
    let draft = draft(path);
    let mut file = File::create(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    sync_folder(path)?;
    Ok(file)
}

/// Where the new contents are until they are whole: in the same folder, as a rename needs it.
fn draft(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or(OsStr::new("file")).to_owned();
    name.push(".draft");
    path.with_file_name(name)
}

/// Makes the name of the file at `path` durable.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Folder(PathBuf);

    impl Folder {
        fn new() -> Self {
            let name = format!("standfast-durable-{}", uuid::Uuid::now_v7());
            let folder = Self(std::env::temp_dir().join(name));
            fs::create_dir_all(&folder.0).unwrap();
            folder
        }

        fn names(&self) -> Vec<String> {
            let entries = fs::read_dir(&self.0).unwrap();
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            drop(fs::remove_dir_all(&self.0));
        }
    }

    #[test]
    fn a_file_is_replaced_whole_and_appended_to_afterwards() {
        let folder = Folder::new();
        let path = folder.0.join("journal.log");
        replace(&path, b"a long first text").unwrap();
        let mut file = replace(&path, b"second").unwrap();
        file.write_all(b", third").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second, third");
        assert_eq!(folder.names(), ["journal.log"], "no draft is left");
    }

    #[test]
    fn a_torn_draft_counts_for_nothing() {
        let folder = Folder::new();
        let path = folder.0.join("journal.log");
        replace(&path, b"first").unwrap();
        fs::write(draft(&path), b"a longer te").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"first");
        replace(&path, b"second").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
    }

    #[test]
    fn what_cannot_be_written_leaves_the_old_file() {
        let folder = Folder::new();
        let path = folder.0.join("journal.log");
        replace(&path, b"first").unwrap();
        // A folder where the draft would be.
        fs::create_dir(draft(&path)).unwrap();
        replace(&path, b"second").unwrap_err();
        assert_eq!(fs::read(&path).unwrap(), b"first");
    }
}
