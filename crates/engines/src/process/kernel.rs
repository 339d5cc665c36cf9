//! The one module with unsafe code: what the kernel offers for child processes and std does not.
//!
//! Everything else in the crate calls these few safe functions. Each unsafe block is one system
//! call whose arguments are owned by the caller for its whole duration.

#![expect(unsafe_code, reason = "pre_exec, pidfd and poll have no safe counterpart in std or nix")]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;

use nix::libc;
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::unistd::{getpid, getppid, setsid};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// The first descriptor after standard input, output and error.
const FIRST_PRIVATE_DESCRIPTOR: libc::c_uint = 3;

/// Makes the child die with the *thread* that spawns it, and keeps our descriptors from it.
///
/// std runs the closure after it has dropped the user, which matters: the kernel forgets the
/// death signal when credentials change.
pub(super) fn die_with_spawning_thread(command: &mut Command) {
    let parent = getpid();
    let prepare = move || {
        prctl::set_pdeathsig(Signal::SIGKILL)?;
        // The parent may have died between fork and prctl; then no signal would ever come.
        if getppid() != parent {
            return Err(io::Error::from(nix::errno::Errno::ESRCH));
        }
        close_private_descriptors_on_exec();
        Ok(())
    };
    // SAFETY: the closure makes only async-signal-safe system calls and allocates nothing.
    unsafe { command.pre_exec(prepare) };
}

/// Makes the child leader of its own session, out of reach of Ctrl-C and of a closed terminal.
pub(super) fn lead_own_session(command: &mut Command) {
    let prepare = || {
        setsid()?;
        close_private_descriptors_on_exec();
        Ok(())
    };
    // SAFETY: the closure makes only async-signal-safe system calls and allocates nothing.
    unsafe { command.pre_exec(prepare) };
}

/// Our own descriptors are close-on-exec anyway; this is for those that we inherited ourselves.
fn close_private_descriptors_on_exec() {
    // SAFETY: plain integers. Kernels before 5.11 refuse the flag, and all stays as it was.
    unsafe {
        libc::syscall(
            libc::SYS_close_range,
            FIRST_PRIVATE_DESCRIPTOR,
            libc::c_uint::MAX,
            libc::CLOSE_RANGE_CLOEXEC,
        )
    };
}

/// A descriptor that names this one process, however often its number is used again.
pub(super) fn pidfd_open(pid: u32) -> io::Result<OwnedFd> {
    // SAFETY: plain integers; the result is checked before it becomes an owned descriptor.
    let descriptor = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    let descriptor = checked(descriptor)?;
    let descriptor = libc::c_int::try_from(descriptor)
        .map_err(|_too_large| io::Error::from(io::ErrorKind::InvalidData))?;
    // SAFETY: the kernel has just made this descriptor for us, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

/// Signals the process behind `pidfd`; an error of kind `ESRCH` means that it has ended.
pub(super) fn pidfd_send_signal(pidfd: BorrowedFd<'_>, signal: Signal) -> io::Result<()> {
    let no_details = std::ptr::null::<libc::siginfo_t>();
    // SAFETY: the descriptor is borrowed for the call, and a null siginfo is what kill(2) implies.
    let result = unsafe {
        libc::syscall(
            libc::SYS_pidfd_send_signal,
            pidfd.as_raw_fd(),
            signal as libc::c_int,
            no_details,
            0,
        )
    };
    checked(result).map(drop)
}

/// A pidfd on which the end of its process can be awaited; needs a running tokio runtime.
pub(super) fn watch_end(pidfd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an `OwnedFd` keeps naming the same open descriptor until it is dropped.
    unsafe { AsyncFd::register_with_interest(pidfd, Interest::READABLE) }.map_err(io::Error::from)
}

/// Waits until `descriptor` is readable, or was closed at its other end, for at most `patience`.
///
/// A pidfd becomes readable when its process ends.
pub(super) fn wait_readable(descriptor: BorrowedFd<'_>, patience: Duration) -> bool {
    let timeout = libc::c_int::try_from(patience.as_millis()).unwrap_or(libc::c_int::MAX);
    let mut interest =
        libc::pollfd { fd: descriptor.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: one initialised pollfd on our stack, and the count says one.
    unsafe { libc::poll(&raw mut interest, 1, timeout) > 0 }
}

/// Removes the System V shared memory segment `id`, when it has this key and nobody uses it.
pub(crate) fn remove_unused_shared_memory(id: i32, key: i32) -> bool {
    let mut segment = std::mem::MaybeUninit::<libc::shmid_ds>::uninit();
    // SAFETY: the kernel fills the structure, which is read only after it says that it did.
    let segment = unsafe {
        if libc::shmctl(id, libc::IPC_STAT, segment.as_mut_ptr()) != 0 {
            return false;
        }
        segment.assume_init()
    };
    if segment.shm_nattch != 0 || segment.shm_perm.__key != key {
        return false;
    }
    // SAFETY: removal takes no pointer.
    unsafe { libc::shmctl(id, libc::IPC_RMID, std::ptr::null_mut()) == 0 }
}

fn checked(result: libc::c_long) -> io::Result<libc::c_long> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}
