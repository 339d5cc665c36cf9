//! A child with everything that it started: found, frozen, thawed and killed as one.
//!
//! A signal to the process group is not enough: PostgreSQL puts every backend into a group of its
//! own. So the tree is walked in `/proc`; it is frozen first, or it could grow while it is read.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::time::Instant;

use super::identity::ProcessId;
use super::proc_folder::{self, Stat};

/// How long a look at `/proc` is worth waiting for: a stop takes effect within microseconds.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(1);

/// The process `root`, its group, and all that descend from either, dead ones left out.
///
/// When `root` itself is gone its group still counts, but only while nobody else has its number:
/// the kernel gives a number out again only when no group uses it.
pub(crate) fn members(root: ProcessId) -> Vec<Stat> {
    members_of(&proc_folder::all(), &[root])
}

/// The same for several roots and one look at `/proc`.
pub(super) fn members_of(processes: &[Stat], roots: &[ProcessId]) -> Vec<Stat> {
    let by_pid: BTreeMap<u32, &Stat> = processes.iter().map(|stat| (stat.pid, stat)).collect();
    let mut children: BTreeMap<u32, Vec<&Stat>> = BTreeMap::new();
    let mut groups: BTreeMap<u32, Vec<&Stat>> = BTreeMap::new();
    for stat in processes {
        children.entry(stat.parent).or_default().push(stat);
        groups.entry(stat.group).or_default().push(stat);
    }
    let mut pending = Vec::new();
    for root in roots {
        match by_pid.get(&root.pid) {
            Some(stat) if stat.start_time != root.start_time => continue,
            Some(stat) => pending.push(**stat),
            None => {}
        }
        let group = groups.get(&root.pid).into_iter().flatten();
        pending.extend(group.filter(|stat| stat.start_time >= root.start_time).map(|stat| **stat));
    }
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    while let Some(stat) = pending.pop() {
        if seen.insert(stat.pid) {
            pending.extend(children.get(&stat.pid).into_iter().flatten().map(|child| **child));
            found.extend(stat.is_alive().then_some(stat));
        }
    }
    found
}

/// Stops every process of the tree and returns them, or those that would not stop in time.
pub(crate) fn freeze(
    root: ProcessId,
    patience: Duration,
) -> Result<Vec<ProcessId>, Vec<ProcessId>> {
    let deadline = Instant::now() + patience;
    loop {
        let tree = members(root);
        let running: Vec<_> = tree.iter().filter(|stat| !stat.is_stopped()).collect();
        if running.is_empty() {
            return Ok(tree.into_iter().map(ProcessId::from).collect());
        }
        if Instant::now() >= deadline {
            return Err(running.into_iter().map(|stat| ProcessId::from(*stat)).collect());
        }
        for stat in running {
            ProcessId::from(*stat).signal(Signal::SIGSTOP);
        }
        root.wait_gone(LOOK_AGAIN_AFTER);
    }
}

/// Lets every process of the tree run again; returns those that did not within `patience`.
pub(crate) fn thaw(
    root: ProcessId,
    frozen: &[ProcessId],
    patience: Duration,
) -> Result<(), Vec<ProcessId>> {
    let deadline = Instant::now() + patience;
    loop {
        let mut stopped: BTreeSet<ProcessId> =
            members(root).into_iter().filter(Stat::is_stopped).map(ProcessId::from).collect();
        // Their parent may have died meanwhile, and then the walk does not reach them.
        let is_stopped = |id: &ProcessId| id.stat().is_some_and(|stat| stat.is_stopped());
        stopped.extend(frozen.iter().copied().filter(is_stopped));
        if stopped.is_empty() {
            return Ok(());
        }
        if Instant::now() >= deadline {
            return Err(stopped.into_iter().collect());
        }
        // The root last, so that it finds its children answering.
        for id in stopped.into_iter().rev() {
            id.signal(Signal::SIGCONT);
        }
        root.wait_gone(LOOK_AGAIN_AFTER);
    }
}

/// Kills the tree and whatever of `also` still runs; returns those that are still there after
/// `patience`, which only a process in an uninterruptible wait can be.
pub(crate) fn kill(
    root: ProcessId,
    also: &[ProcessId],
    patience: Duration,
) -> Result<BTreeSet<ProcessId>, Vec<ProcessId>> {
    let deadline = Instant::now() + patience;
    let mut known: BTreeSet<ProcessId> = also.iter().copied().filter(|id| id.is_alive()).collect();
    // Whoever refuses to freeze is killed all the same, and found again in the next round.
    let tree = freeze(root, patience / 4).unwrap_or_else(|running| running);
    known.extend(tree);
    loop {
        known.extend(members(root).into_iter().map(ProcessId::from));
        for id in &known {
            id.signal(Signal::SIGKILL);
        }
        for id in &known {
            id.wait_gone(deadline.saturating_duration_since(Instant::now()));
        }
        let alive: Vec<_> = known.iter().copied().filter(|id| id.is_alive()).collect();
        if alive.is_empty() && members(root).is_empty() {
            return Ok(known);
        }
        if Instant::now() >= deadline {
            return Err(alive);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stat(pid: u32, parent: u32, group: u32, start_time: u64) -> Stat {
        Stat { pid, state: 'S', parent, group, start_time }
    }

    fn check(processes: &[Stat], root: ProcessId, expected: &[u32]) {
        let mut found: Vec<u32> =
            members_of(processes, &[root]).into_iter().map(|stat| stat.pid).collect();
        found.sort_unstable();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_tree_holds_descendants_in_other_groups() {
        let processes =
            [stat(10, 1, 10, 5), stat(11, 10, 11, 6), stat(12, 11, 12, 7), stat(13, 1, 13, 7)];
        check(&processes, ProcessId { pid: 10, start_time: 5 }, &[10, 11, 12]);
    }

    #[test]
    fn a_dead_root_is_remembered_by_its_group_only() {
        let processes = [stat(11, 1, 10, 6), stat(12, 1, 12, 7)];
        check(&processes, ProcessId { pid: 10, start_time: 5 }, &[11]);
    }

    #[test]
    fn a_number_that_was_given_out_again_has_no_members() {
        let processes = [stat(10, 1, 10, 50), stat(11, 10, 10, 51)];
        check(&processes, ProcessId { pid: 10, start_time: 5 }, &[]);
    }
}
