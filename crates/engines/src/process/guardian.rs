//! The guardian: a process of our own binary that outlives us just long enough to clean up.
//!
//! The kernel kills the direct children of a `kill -9`ed standfast, but not what those children
//! started: PostgreSQL's backends, for one, and a frozen backend would stay for ever. The guardian
//! holds the read end of a pipe. It closes whatever way standfast ends, and then the guardian kills
//! all that is left. It remembers whole trees while they stand, because afterwards nothing in
//! `/proc` says any more whose orphan a process is.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::os::fd::AsFd;
use std::time::Duration;

use nix::sys::signal::{SigSet, Signal};
use tokio::time::Instant;

use super::identity::ProcessId;
use super::{kernel, mark, proc_folder, tree};

/// How old the guardian's memory of a tree may be. One look costs 2 ms on a machine with a hundred
/// processes, so this is about 0.2 % of one core.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// After this the guardian gives up: only a process in an uninterruptible wait lasts as long.
const CLEAN_UP_WITHIN: Duration = Duration::from_secs(10);

/// Tells the guardian what the marks of its owner's processes begin with.
pub(super) const OWNER_VARIABLE: &str = "STANDFAST_GUARDED";

/// One line of its standard input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Notice {
    /// This process leads a tree that must not outlive us.
    Started(ProcessId),
    /// It ended, and nothing is left of its tree.
    Ended(u32),
    /// The second belongs to the tree that the first leads. Tells a new guardian what the one
    /// before it had seen.
    Member(u32, ProcessId),
    /// Look at the trees now: they are about to be frozen.
    Look,
}

impl Notice {
    pub(super) fn line(self) -> String {
        match self {
            Self::Started(id) => format!("+ {} {}\n", id.pid, id.start_time),
            Self::Ended(pid) => format!("- {pid}\n"),
            Self::Member(leader, id) => format!("= {leader} {} {}\n", id.pid, id.start_time),
            Self::Look => "?\n".to_owned(),
        }
    }

    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split_ascii_whitespace();
        let kind = words.next()?;
        let numbers: Vec<u64> =
            words.map(str::parse).collect::<Result<_, std::num::ParseIntError>>().ok()?;
        let pid = |number: u64| u32::try_from(number).ok();
        let process = |number, start_time| Some(ProcessId { pid: pid(number)?, start_time });
        match (kind, numbers.as_slice()) {
            ("+", [number, start_time]) => Some(Self::Started(process(*number, *start_time)?)),
            ("-", [number]) => Some(Self::Ended(pid(*number)?)),
            ("=", [leader, number, start_time]) => {
                Some(Self::Member(pid(*leader)?, process(*number, *start_time)?))
            }
            ("?", []) => Some(Self::Look),
            _ => None,
        }
    }
}

/// What the guardian knows: the leaders it was told of, and their trees as it last saw them.
#[derive(Debug, Default)]
struct Watch {
    leaders: BTreeMap<u32, ProcessId>,
    trees: BTreeMap<u32, BTreeSet<ProcessId>>,
}

impl Watch {
    fn take(&mut self, notice: Notice) {
        match notice {
            Notice::Started(id) => drop(self.leaders.insert(id.pid, id)),
            Notice::Ended(pid) => {
                self.leaders.remove(&pid);
                self.trees.remove(&pid);
            }
            Notice::Member(leader, id) => drop(self.trees.entry(leader).or_default().insert(id)),
            Notice::Look => {}
        }
    }

    fn look(&mut self) {
        let processes = proc_folder::all();
        for (pid, leader) in &self.leaders {
            let members = tree::members_of(&processes, &[*leader]);
            let tree = self.trees.entry(*pid).or_default();
            // Orphans of the tree are not found from its leader any more, so they are kept.
            tree.retain(|id| id.is_alive());
            tree.extend(members.into_iter().map(ProcessId::from));
        }
    }

    /// Kills until two looks in a row find nothing; says whether that was reached.
    fn clean_up(&self, owner: Option<&str>) -> bool {
        let deadline = Instant::now() + CLEAN_UP_WITHIN;
        let mut roots: BTreeSet<ProcessId> = self.leaders.values().copied().collect();
        roots.extend(self.trees.values().flatten().copied());
        loop {
            // What was started since the last look, and by whom nobody can tell any more.
            roots.extend(owner.into_iter().flat_map(mark::marked_by));
            let mut all_gone = true;
            for root in &roots {
                let patience = deadline.saturating_duration_since(Instant::now());
                all_gone &= tree::kill(*root, &[], patience).is_ok();
            }
            let processes = proc_folder::all();
            let known: Vec<ProcessId> = roots.iter().copied().collect();
            if all_gone && tree::members_of(&processes, &known).is_empty() {
                return true;
            }
            if Instant::now() >= deadline {
                return false;
            }
        }
    }
}

/// The body of the hidden command `standfast guard`. Reads notices from `stdin` until it closes,
/// then kills what is left, and answers with the exit code: 0 when nothing is left.
pub fn guard(mut stdin: impl Read + AsFd) -> i32 {
    let deaf = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT];
    // Blocked, not ignored: the effect is the same here, and it needs no handler.
    if deaf.into_iter().collect::<SigSet>().thread_block().is_err() {
        return 1;
    }
    let mut watch = Watch::default();
    let mut pending = Vec::new();
    let mut chunk = [0_u8; 4096];
    loop {
        if kernel::wait_readable(stdin.as_fd(), LOOK_EVERY) {
            match stdin.read(&mut chunk) {
                Ok(0) | Err(_) => break,
                Ok(count) => pending.extend_from_slice(&chunk[..count]),
            }
            while let Some(end) = pending.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = pending.drain(..=end).collect();
                let notice = std::str::from_utf8(&line).ok().and_then(Notice::parse);
                notice.into_iter().for_each(|notice| watch.take(notice));
            }
        }
        watch.look();
    }
    let owner = std::env::var(OWNER_VARIABLE).ok();
    i32::from(!watch.clean_up(owner.as_deref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notices_survive_the_pipe() {
        let id = ProcessId { pid: 12, start_time: 3456 };
        let all = [Notice::Started(id), Notice::Ended(12), Notice::Member(7, id), Notice::Look];
        for notice in all {
            assert_eq!(Notice::parse(&notice.line()), Some(notice));
        }
        for half in ["", "+", "+ 12", "= 7 12", "- x", "+ 12 3456 7", "+ 4294967296 1"] {
            assert_eq!(Notice::parse(half), None, "{half:?} names nobody");
        }
    }
}
