//! A place for one test: a state folder of its own, with engines and templates that all tests
//! share.
//!
//! The folder of all tests is deleted by a janitor, a child that waits for the end of this process
//! however it ends: a test harness has no moment of its own after the last test.

#![expect(clippy::unwrap_used, reason = "helpers of a test fail by panicking, as tests do")]

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU16, AtomicU32, Ordering};

use standfast_engines::Home;
use standfast_engines::process::{ProcessId, Signal, is_port_free};
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::processes;

/// What all tests together need at the same time, with a margin.
const BYTES_NEEDED: u64 = 4 << 30;

/// Ends what a test that was killed left running, then deletes its data.
const JANITOR: &str = r#"read -r _
for process in $(grep -lsa "STANDFAST_HOME=$0/" /proc/[0-9]*/environ)
do process=${process#/proc/}; kill -9 "${process%/environ}"; done 2>/dev/null
rm -rf "$0""#;

/// Two cores are soon busy: tests that measure have the machine to themselves.
static MACHINE: RwLock<()> = RwLock::const_new(());

static SHARED: LazyLock<Shared> = LazyLock::new(Shared::make);

/// What the tests of this process share.
struct Shared {
    root: PathBuf,
    /// Its standard input closes when this process ends.
    _janitor: Child,
}

impl Shared {
    #[expect(clippy::disallowed_methods, reason = "the janitor must outlive us")]
    fn make() -> Self {
        let root = scratch().join(format!("standfast-e2e-{}", std::process::id()));
        let janitor = Command::new("sh")
            .args(["-c", JANITOR])
            .arg(&root)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // A Ctrl-C of the tests is not meant for it.
            .process_group(0)
            .spawn()
            .unwrap();
        let home = Home::at(&root);
        home.prepare().unwrap();
        let usual = Home::locate().unwrap();
        for entry in fs::read_dir(usual.engines()).into_iter().flatten().flatten() {
            symlink(entry.path(), home.engines().join(entry.file_name())).unwrap();
        }
        Self { root, _janitor: janitor }
    }
}

/// Memory when there is enough of it: how busy the machine's disk is should not decide how long the
/// tests take.
fn scratch() -> PathBuf {
    let memory = PathBuf::from("/dev/shm");
    let free = nix::sys::statvfs::statvfs(&memory)
        .map_or(0, |space| space.blocks_available() * space.fragment_size());
    if free >= BYTES_NEEDED { memory } else { std::env::temp_dir() }
}

/// Whether others may run beside a test.
#[expect(dead_code, reason = "held, never read")]
enum Turn {
    Shared(RwLockReadGuard<'static, ()>),
    Alone(RwLockWriteGuard<'static, ()>),
}

pub(crate) struct Place {
    root: PathBuf,
    _turn: Turn,
}

impl Place {
    /// A place beside those of other tests.
    pub(crate) async fn new() -> Self {
        Self::make(Turn::Shared(MACHINE.read().await))
    }

    /// A place while no other test runs.
    pub(crate) async fn alone() -> Self {
        Self::make(Turn::Alone(MACHINE.write().await))
    }

    fn make(turn: Turn) -> Self {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        // Socket paths have some hundred bytes, so the name is short.
        let root = SHARED.root.join(format!("t{}", COUNTER.fetch_add(1, Ordering::Relaxed)));
        fs::create_dir(&root).unwrap();
        fs::set_permissions(&root, Permissions::from_mode(0o711)).unwrap();
        for shared in ["engines", "templates"] {
            symlink(SHARED.root.join(shared), root.join(shared)).unwrap();
        }
        Self { root, _turn: turn }
    }

    pub(crate) fn home(&self) -> Home {
        Home::at(&self.root)
    }

    /// Where commands are started, and where tests put their own files.
    pub(crate) fn directory(&self) -> PathBuf {
        let directory = self.root.join("work");
        fs::create_dir_all(&directory).unwrap();
        directory
    }

    /// Writes a file of the user's.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.directory().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// The names of all folders of instances.
    pub(crate) fn instances(&self) -> Vec<String> {
        let entries = fs::read_dir(self.home().instances()).into_iter().flatten().flatten();
        let mut names: Vec<String> =
            entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

impl AsRef<Path> for Place {
    fn as_ref(&self) -> &Path {
        &self.root
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Only a test that failed leaves any: the others look for them first.
        for process in processes::of(&self.root) {
            if let Some(id) = ProcessId::of(process.pid) {
                id.signal(Signal::SIGKILL);
            }
        }
        drop(fs::remove_dir_all(&self.root));
    }
}

/// The processes of cache-fallback, each of which takes a port.
pub(crate) const CACHE_FALLBACK_PORTS: u16 = 5;

/// The first of `count` ports that nobody uses and that no other test is given.
pub(crate) fn free_ports(count: u16) -> u16 {
    // Below those that the lab chooses itself, and elsewhere for each test process.
    const FROM: u16 = 11_000;
    const TO: u16 = 19_000;
    static NEXT: LazyLock<AtomicU16> = LazyLock::new(|| {
        let pid = u16::try_from(std::process::id() % u32::from((TO - FROM) / 100)).unwrap();
        AtomicU16::new(FROM + pid * 100)
    });
    for _ in FROM..TO {
        let base = NEXT.fetch_add(count, Ordering::Relaxed);
        if (base..base + count).all(is_port_free) {
            return base;
        }
    }
    panic!("no {count} free ports above {FROM}");
}
