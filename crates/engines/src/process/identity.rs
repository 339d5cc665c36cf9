//! Which process is meant: a pid alone is not enough, the kernel gives numbers out again.

use std::fmt;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use nix::sys::signal::Signal;
use serde::{Deserialize, Serialize};

use super::{kernel, proc_folder};

/// One process for good: its number and when it started, in clock ticks after boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ProcessId {
    pub pid: u32,
    pub start_time: u64,
}

impl ProcessId {
    /// The process that has the number `pid` now.
    pub fn of(pid: u32) -> Option<Self> {
        proc_folder::stat(pid).map(Self::from)
    }

    /// This very process.
    pub fn own() -> Option<Self> {
        Self::of(std::process::id())
    }

    /// Whether it still runs; a zombie does not.
    pub fn is_alive(self) -> bool {
        self.stat().is_some_and(|stat| stat.is_alive())
    }

    /// Sends `signal` if this process still runs, and says whether it did. Never reaches another
    /// process that got the same number.
    pub fn signal(self, signal: Signal) -> bool {
        let Some(pidfd) = self.open() else { return false };
        kernel::pidfd_send_signal(pidfd.as_fd(), signal).is_ok()
    }

    /// Waits for its end, for at most `patience`; `true` when it is gone.
    pub(super) fn wait_gone(self, patience: Duration) -> bool {
        let Some(pidfd) = self.open() else { return true };
        kernel::wait_readable(pidfd.as_fd(), patience)
    }

    pub(super) fn stat(self) -> Option<proc_folder::Stat> {
        proc_folder::stat(self.pid).filter(|stat| stat.start_time == self.start_time)
    }

    /// First the descriptor, then the comparison: what it then names cannot change any more.
    fn open(self) -> Option<OwnedFd> {
        let pidfd = kernel::pidfd_open(self.pid).ok()?;
        self.is_alive().then_some(pidfd)
    }
}

impl From<proc_folder::Stat> for ProcessId {
    fn from(stat: proc_folder::Stat) -> Self {
        Self { pid: stat.pid, start_time: stat.start_time }
    }
}

impl fmt::Display for ProcessId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.pid)
    }
}
