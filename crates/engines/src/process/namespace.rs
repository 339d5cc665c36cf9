//! A network namespace: interfaces, addresses and ports of its own for whoever runs in it.
//!
//! It has no name in the file system. It lives for as long as this value is held or a process runs
//! in it, and takes its interfaces along: a killed standfast leaves nothing to clean up.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use nix::sched::{CloneFlags, setns, unshare};

/// Namespaces are a matter of threads, so each thread asks for its own.
const OWN_NAMESPACE: &str = "/proc/thread-self/ns/net";

/// A handle of a namespace; clones name the same one.
#[derive(Clone, Debug)]
pub struct Namespace {
    file: Arc<File>,
}

impl Namespace {
    /// Makes an empty one, in which even the loopback interface is still down.
    ///
    /// # Errors
    /// When the kernel refuses: not root, or a container that does not allow it.
    pub fn create() -> io::Result<Self> {
        let make = || {
            unshare(CloneFlags::CLONE_NEWNET)?;
            File::open(OWN_NAMESPACE)
        };
        let file = on_thread_of_its_own(make)??;
        Ok(Self { file: Arc::new(file) })
    }

    /// How other programs can refer to it while we hold it.
    pub fn path(&self) -> PathBuf {
        format!("/proc/{}/fd/{}", std::process::id(), self.file.as_raw_fd()).into()
    }

    /// Runs `work` in it, on a thread of its own, and waits for the answer.
    ///
    /// # Errors
    /// When the kernel does not let us in.
    pub fn visit<T: Send>(&self, work: impl FnOnce() -> T + Send) -> io::Result<T> {
        let enter = || {
            setns(&*self.file, CloneFlags::CLONE_NEWNET)?;
            Ok(work())
        };
        on_thread_of_its_own(enter)?
    }

    /// Runs `work` in it on this very thread, which is back where it was afterwards.
    pub(super) fn within<T>(&self, work: impl FnOnce() -> T) -> io::Result<T> {
        let way_back = WayBack(File::open(OWN_NAMESPACE)?);
        setns(&*self.file, CloneFlags::CLONE_NEWNET)?;
        let answer = work();
        drop(way_back);
        Ok(answer)
    }
}

/// Returns its thread to the namespace that it came from, also when the work panics.
struct WayBack(File);

impl Drop for WayBack {
    fn drop(&mut self) {
        // Going on elsewhere would put every later child into a stranger's network.
        setns(&self.0, CloneFlags::CLONE_NEWNET).expect("a namespace that is held open can be met");
    }
}

fn on_thread_of_its_own<T: Send>(work: impl FnOnce() -> T + Send) -> io::Result<T> {
    thread::scope(|scope| {
        let builder = thread::Builder::new().name("standfast-namespace".to_owned());
        let visitor = builder.spawn_scoped(scope, work)?;
        visitor.join().map_err(|_panic| io::Error::other("the work in the namespace panicked"))
    })
}
