//! A disk that is full, for one server: none of its processes may write into a file any more.
//!
//! The kernel refuses a write behind a process's `RLIMIT_FSIZE` as it refuses one on a full volume,
//! and PostgreSQL says the same to both (`could not extend file …: Check free disk space`). The
//! limit is the processes' own: nobody else on the machine has less room. It is put on by `prlimit`
//! as the server's user, since even root needs a capability to do that to others.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::error::EngineError;
use super::lifecycle::Engine;

/// Part of every distribution's util-linux.
const PRLIMIT: &str = "/usr/bin/prlimit";

/// What one call may take.
const CALL_WITHIN: Duration = Duration::from_secs(2);

/// What all of them may take: a server has some ten processes, and may start one meanwhile.
const TREE_WITHIN: Duration = Duration::from_secs(10);

/// How soon a tree that was not done is looked at again.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(10);

/// How much room a server has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Room {
    None,
    Unlimited,
}

impl Room {
    /// As `prlimit` takes it; the hard limit stays, so that it can be undone.
    fn argument(self) -> &'static str {
        match self {
            Self::None => "--fsize=0:",
            Self::Unlimited => "--fsize=unlimited:",
        }
    }

    /// As `/proc/PID/limits` shows it.
    fn shown(self) -> &'static str {
        match self {
            Self::None => "0",
            Self::Unlimited => "unlimited",
        }
    }
}

impl Engine {
    /// Leaves the server no room on its disk; answers how many processes are seen to have none.
    ///
    /// # Errors
    /// When it does not run, or some process of it can still write. One that ends over it has none
    /// that could.
    pub async fn fill_disk(&self) -> Result<usize, EngineError> {
        let limited = self.set_room(Room::None).await;
        if limited.is_err() {
            drop(self.set_room(Room::Unlimited).await);
        }
        limited
    }

    /// Gives it all room again.
    ///
    /// # Errors
    /// When it does not run, or some process of it still has none.
    pub async fn free_disk(&self) -> Result<usize, EngineError> {
        self.set_room(Room::Unlimited).await
    }

    /// A new process has the limits of the one that started it: when all have the new one in two
    /// looks in a row, those to come have it as well.
    async fn set_room(&self, room: Room) -> Result<usize, EngineError> {
        let deadline = Instant::now() + TREE_WITHIN;
        let (mut seen_before, mut limited) = (0_usize, 0_usize);
        loop {
            let child = match self.running() {
                Ok(child) => child,
                // It ended over what it could not write, which is what a full disk does.
                Err(_) if room == Room::None && limited > 0 => return Ok(limited),
                Err(error) => return Err(error),
            };
            let tree: Vec<u32> = std::iter::once(child.pid())
                .chain(child.descendants().iter().map(|id| id.pid))
                .collect();
            let left: Vec<u32> = tree.iter().copied().filter(|pid| !has_room(*pid, room)).collect();
            if left.is_empty() && seen_before == tree.len() {
                return Ok(tree.len());
            }
            seen_before = if left.is_empty() { tree.len() } else { 0 };
            if Instant::now() >= deadline {
                let reason = format!("processes {left:?} do not take the limit {}", room.shown());
                return Err(EngineError::NoAnswer { engine: self.site.name(), reason });
            }
            for pid in left {
                let command = self.site.command(PathBuf::from(PRLIMIT));
                let command =
                    command.arguments([format!("--pid={pid}"), room.argument().to_owned()]);
                // One that has just ended needs no limit; whoever lives is seen in the next look.
                match self.site.run(command, CALL_WITHIN).await {
                    Ok(_) => limited += 1,
                    Err(error) => tracing::debug!(pid, %error, "a limit was not taken"),
                }
            }
            sleep(LOOK_AGAIN_AFTER).await;
        }
    }
}

/// Whether `/proc` shows that process `pid` has this limit; one that is gone has any.
fn has_room(pid: u32, room: Room) -> bool {
    let Ok(limits) = fs::read_to_string(format!("/proc/{pid}/limits")) else { return true };
    limit_in(&limits).is_none_or(|soft| soft == room.shown())
}

/// The soft limit of a file's size.
fn limit_in(limits: &str) -> Option<&str> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max file size"))?;
    line.split_whitespace().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_read_as_the_kernel_writes_it() {
        let limits = "Max cpu time    unlimited   unlimited   seconds\n\
                      Max file size   0           unlimited   bytes\n";
        assert_eq!(limit_in(limits), Some("0"));
        assert_eq!(limit_in(""), None);
        assert!(has_room(std::process::id(), Room::Unlimited), "this test may write files");
        assert!(!has_room(std::process::id(), Room::None));
    }
}
