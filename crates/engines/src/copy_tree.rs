//! Copies a data folder with owners and modes, quickly enough to be done at every start.
//!
//! std's copy uses `copy_file_range`, so that file systems which can share blocks do, and the data
//! does not pass through us in any case. Files are spread over threads, as each is a system call or
//! three that wait for the file system.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;

use nix::unistd::Uid;

/// More threads than this only queue up in the file system.
const THREADS_MAX: usize = 4;

/// Why a folder could not be copied.
#[derive(Debug, thiserror::Error)]
#[error("cannot copy `{}` to `{}`", from.display(), to.display())]
pub struct CopyError {
    pub from: PathBuf,
    pub to: PathBuf,
    #[source]
    pub source: io::Error,
}

/// Copies the folder `from` to `to`, which must not exist. Owners are kept when we are root, modes
/// always. Sockets and pipes are left out: they mean nothing without their process.
///
/// # Errors
/// Names the entry that could not be copied. What was copied until then stays, for the caller to
/// remove.
pub fn copy_tree(from: &Path, to: &Path) -> Result<(), CopyError> {
    let mut files = Vec::new();
    let mut folders = Vec::new();
    copy_folders(from, to, &mut files, &mut folders)?;
    copy_files(files)?;
    // Only now: a folder that nobody may write to could not have been filled.
    for (from, to) in folders.into_iter().rev() {
        keep_owner_and_mode(&from, &to).map_err(|source| CopyError { from, to, source })?;
    }
    Ok(())
}

type Pair = (PathBuf, PathBuf);

fn copy_folders(
    from: &Path,
    to: &Path,
    files: &mut Vec<Pair>,
    folders: &mut Vec<Pair>,
) -> Result<(), CopyError> {
    let fail = |source| CopyError { from: from.to_owned(), to: to.to_owned(), source };
    fs::create_dir(to).map_err(fail)?;
    folders.push((from.to_owned(), to.to_owned()));
    for entry in fs::read_dir(from).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        let kind = entry.file_type().map_err(fail)?;
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if kind.is_dir() {
            copy_folders(&from, &to, files, folders)?;
        } else if kind.is_symlink() {
            let target = fs::read_link(&from).and_then(|target| symlink(target, &to));
            target.map_err(|source| CopyError { from, to, source })?;
        } else if kind.is_file() {
            files.push((from, to));
        }
    }
    Ok(())
}

fn copy_files(files: Vec<Pair>) -> Result<(), CopyError> {
    let threads = thread::available_parallelism().map_or(1, usize::from).min(THREADS_MAX);
    let queue = Mutex::new(files);
    let next = || queue.lock().expect("no holder of the queue panics").pop();
    let copy_some = || {
        while let Some((from, to)) = next() {
            let copied = fs::copy(&from, &to).and_then(|_bytes| keep_owner_and_mode(&from, &to));
            copied.map_err(|source| CopyError { from, to, source })?;
        }
        Ok(())
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(copy_some)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().expect("a copy cannot panic"))
    })
}

fn keep_owner_and_mode(from: &Path, to: &Path) -> io::Result<()> {
    let metadata = fs::metadata(from)?;
    if Uid::effective().is_root() {
        chown(to, Some(metadata.uid()), Some(metadata.gid()))?;
    }
    // After the owner: a change of owner takes set-id bits away.
    fs::set_permissions(to, fs::Permissions::from_mode(metadata.permissions().mode() & 0o7777))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_has_the_same_text_modes_and_links() {
        let root = std::env::temp_dir().join(format!("standfast-copy-{}", std::process::id()));
        let (from, to) = (root.join("from"), root.join("to"));
        fs::create_dir_all(from.join("inner")).unwrap();
        for index in 0..20 {
            fs::write(from.join(format!("inner/{index}")), vec![b'x'; index * 1000]).unwrap();
        }
        fs::set_permissions(from.join("inner/3"), fs::Permissions::from_mode(0o640)).unwrap();
        fs::set_permissions(from.join("inner"), fs::Permissions::from_mode(0o500)).unwrap();
        symlink("inner/3", from.join("link")).unwrap();
        copy_tree(&from, &to).unwrap();
        let mode = |path: &str| fs::metadata(to.join(path)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("inner"), mode("inner/3")), (0o500, 0o640));
        assert_eq!(fs::read(to.join("inner/19")).unwrap().len(), 19_000);
        assert_eq!(fs::read_link(to.join("link")).unwrap(), Path::new("inner/3"));
        assert!(copy_tree(&from, &to).is_err(), "nothing that exists is written over");
        for folder in [from, to] {
            fs::set_permissions(folder.join("inner"), fs::Permissions::from_mode(0o700)).unwrap();
        }
        fs::remove_dir_all(root).unwrap();
    }
}
