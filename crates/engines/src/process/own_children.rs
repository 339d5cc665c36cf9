//! Which processes are children that we started, as opposed to orphans that came to us.
//!
//! standfast adopts the orphans of its children ("child subreaper"), or they would end as zombies
//! wherever the first process of a container does not wait for them. They must be waited for, and
//! never mixed up with children whose exit status somebody awaits; hence one list for the process.

use std::collections::BTreeSet;
use std::io;
use std::process::{Child, Command};
use std::sync::{Mutex, MutexGuard, PoisonError};

use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;

use super::identity::ProcessId;
use super::proc_folder::{self, Stat};

static OWN_CHILDREN: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

/// Starts `command` and notes it in one step, so that no sweep can take it for an orphan.
pub(super) fn spawn(command: &mut Command) -> io::Result<Child> {
    let mut own = lock();
    let child = command.spawn()?;
    own.insert(child.id());
    Ok(child)
}

/// Forgets a child that has been waited for.
pub(super) fn remove(pid: u32) {
    lock().remove(&pid);
}

/// Waits for the orphans that came to us and have ended; returns those that still run.
pub(super) fn reap_orphans() -> Vec<ProcessId> {
    let own = lock();
    let (our_pid, our_group) =
        (std::process::id(), nix::unistd::getpgrp().as_raw().cast_unsigned());
    // Every child of ours leads a group of its own, so what shares our group was not started here.
    let is_orphan =
        |stat: &Stat| stat.parent == our_pid && stat.group != our_group && !own.contains(&stat.pid);
    let (alive, ended): (Vec<_>, Vec<_>) =
        proc_folder::all().into_iter().filter(is_orphan).partition(Stat::is_alive);
    for orphan in ended {
        let pid = Pid::from_raw(orphan.pid.cast_signed());
        if let Err(errno) = waitpid(pid, Some(WaitPidFlag::WNOHANG)) {
            tracing::debug!(%pid, %errno, "somebody else has waited for this orphan");
        }
    }
    alive.into_iter().map(ProcessId::from).collect()
}

fn lock() -> MutexGuard<'static, BTreeSet<u32>> {
    // The set is whole at every moment, so a panic elsewhere does not spoil it.
    OWN_CHILDREN.lock().unwrap_or_else(PoisonError::into_inner)
}
