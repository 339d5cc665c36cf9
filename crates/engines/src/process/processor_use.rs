//! Who uses the processors: a process with all that it started, the kernel, those that make way for
//! others, or other programs.
//!
//! What other programs use is what nobody else used. That way it counts programs that began and
//! ended between two looks, such as a compiler's, and those of other containers. Whatever is
//! uncertain is not called foreign.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;

use nix::unistd::{SysconfVar, sysconf};
use tokio::time::Instant;

use super::proc_folder;

/// A process of the kernel itself; it works for all of us.
const KERNEL_THREAD: u64 = 0x0020_0000;

/// `SCHED_IDLE`: it runs when nobody else wants to.
const IDLE_POLICY: u64 = 5;

/// So much nicer than we are, a program gets a tenth of what we get.
const NICER: i64 = 10;

/// How long processes and processors have worked, at one moment.
#[derive(Clone, Debug)]
pub struct ProcessorTime {
    at: Instant,
    processors: u32,
    /// Of all processors: waiting for work, serving interrupts, taken away by the host.
    idle: u64,
    interrupts: u64,
    stolen: u64,
    processes: BTreeMap<u32, Process>,
    ticks_per_second: f64,
}

/// Shares of all processors, from 0 to 1, in the time between two looks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ProcessorUse {
    /// Of the process that was asked about, and all that it started.
    pub own: f64,
    /// Of other programs that do not make way for it.
    pub foreign: f64,
    /// Of the host that this machine is a guest of, as far as it says so.
    pub stolen: f64,
}

/// What `/proc/PID/stat` says, times in clock ticks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Process {
    parent: u32,
    flags: u64,
    /// All of its threads, those included that have ended.
    spent: u64,
    /// Children that have ended, with theirs.
    inherited: u64,
    nice: i64,
    start_time: u64,
    policy: u64,
}

impl ProcessorTime {
    /// Looks at every process that we may see; that takes about 10 µs for each of them.
    ///
    /// # Errors
    /// When `/proc` does not tell.
    pub fn read() -> io::Result<Self> {
        let text = fs::read_to_string("/proc/stat")?;
        let incomplete = || io::Error::other("/proc/stat names no processor");
        let at = Instant::now();
        let sums = text.lines().find_map(|line| line.strip_prefix("cpu "));
        let sums: Vec<u64> = sums
            .ok_or_else(incomplete)?
            .split_ascii_whitespace()
            .filter_map(|field| field.parse().ok())
            .collect();
        let processors = text.lines().skip(1).take_while(|line| line.starts_with("cpu")).count();
        let &[_, _, _, idle, waiting, hard, soft, stolen, ..] = sums.as_slice() else {
            return Err(incomplete());
        };
        let read =
            |pid| Some((pid, parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?));
        let ticks = sysconf(SysconfVar::CLK_TCK).ok().flatten().unwrap_or(100);
        Ok(Self {
            at,
            processors: u32::try_from(processors.max(1)).unwrap_or(1),
            idle: idle + waiting,
            interrupts: hard + soft,
            stolen,
            processes: proc_folder::pids().filter_map(read).collect(),
            ticks_per_second: ticks as f64,
        })
    }

    /// Who has used the processors since `earlier`, as process `root` sees it.
    pub fn shares_since(&self, earlier: &Self, root: u32) -> ProcessorUse {
        let seconds = self.at.duration_since(earlier.at).as_secs_f64();
        let all = seconds * f64::from(self.processors) * self.ticks_per_second;
        let share = |ticks: f64| if all > 0.0 { (ticks / all).clamp(0.0, 1.0) } else { 0.0 };
        let since = |count: fn(&Self) -> u64| count(self).saturating_sub(count(earlier)) as f64;
        let own_tree = self.tree_of(root);
        let known: BTreeSet<u32> = self.that_make_way_for(root).chain(own_tree.clone()).collect();
        let (idle, stolen) = (since(|time| time.idle), since(|time| time.stolen));
        let busy = all - idle - stolen - since(|time| time.interrupts);
        ProcessorUse {
            own: share(self.spent_since(earlier, &own_tree)),
            foreign: share(busy - self.spent_since(earlier, &known)),
            stolen: share(stolen),
        }
    }

    /// What `pids` have used since `earlier`, with those of their children that have ended.
    fn spent_since(&self, earlier: &Self, pids: &BTreeSet<u32>) -> f64 {
        let of_one = |pid: &u32| {
            let now = self.processes.get(pid).copied().unwrap_or_default();
            let then = earlier.process(*pid, now.start_time).unwrap_or_default();
            // A parent inherits the whole life of a child, of which the past is known already.
            let known: u64 = earlier
                .children_of(*pid)
                .filter(|(child, then)| self.process(*child, then.start_time).is_none())
                .map(|(_, then)| then.spent + then.inherited)
                .sum();
            let inherited = now.inherited.saturating_sub(then.inherited).saturating_sub(known);
            now.spent.saturating_sub(then.spent) + inherited
        };
        pids.iter().map(of_one).sum::<u64>() as f64
    }

    /// The process that had this number and no other one.
    fn process(&self, pid: u32, start_time: u64) -> Option<Process> {
        self.processes.get(&pid).filter(|process| process.start_time == start_time).copied()
    }

    fn children_of(&self, pid: u32) -> impl Iterator<Item = (u32, Process)> + '_ {
        let all = self.processes.iter().map(|(child, process)| (*child, *process));
        all.filter(move |(_, process)| process.parent == pid)
    }

    /// `root` and all that descend from it.
    fn tree_of(&self, root: u32) -> BTreeSet<u32> {
        let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for (pid, process) in &self.processes {
            children.entry(process.parent).or_default().push(*pid);
        }
        let (mut tree, mut pending) = (BTreeSet::new(), vec![root]);
        while let Some(pid) = pending.pop() {
            if tree.insert(pid) {
                pending.extend(children.get(&pid).into_iter().flatten());
            }
        }
        tree
    }

    /// The kernel's own, and those that get hardly anything when `root` wants to run.
    fn that_make_way_for(&self, root: u32) -> impl Iterator<Item = u32> + '_ {
        let root = self.processes.get(&root).copied().unwrap_or_default();
        let makes_way = move |process: &Process| {
            let is_idle = process.policy == IDLE_POLICY && root.policy != IDLE_POLICY;
            let is_nice = process.nice >= root.nice + NICER;
            process.flags & KERNEL_THREAD != 0 || is_idle || is_nice
        };
        self.processes.iter().filter(move |(_, process)| makes_way(process)).map(|(pid, _)| *pid)
    }
}

/// The name in parentheses may hold anything, so the fields are counted from behind it; the state
/// is field 3 of the file.
fn parse(text: &str) -> Option<Process> {
    let (_, rest) = text.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
    Some(Process {
        parent: u32::try_from(field(4)?).ok()?,
        flags: field(9)?,
        spent: field(14)? + field(15)?,
        inherited: field(16)? + field(17)?,
        nice: fields.get(16)?.parse().ok()?,
        start_time: field(22)?,
        policy: field(41)?,
    })
}

#[cfg(test)]
mod tests;
