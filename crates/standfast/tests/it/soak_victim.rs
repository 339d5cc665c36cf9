//! Whom the soak kills: any process of the system, be it one of many that an engine consists of.

use std::fs;

use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use standfast_engines::process::ProcessId;
use standfast_lab::instance::Instance;

/// The four processes of cache-fallback.
pub(crate) const PROCESSES: [&str; 4] = ["primary", "replica", "cache", "offers"];

/// Words in the title of a PostgreSQL process that say what it is; all others serve a client.
const POSTGRES_KINDS: [&str; 9] = [
    "checkpointer",
    "background writer",
    "walwriter",
    "walsender",
    "walreceiver",
    "startup",
    "autovacuum launcher",
    "autovacuum worker",
    "logical replication launcher",
];

/// A process that is going to be killed.
#[derive(Clone, Debug)]
pub(crate) struct Victim {
    /// The process of the system that it belongs to.
    pub(crate) process: &'static str,
    /// `primary`, or `primary/walsender` when it is not the whole of it.
    pub(crate) label: String,
    pub(crate) id: ProcessId,
    /// Everything of this process of the system: none of it survives the loss of one part.
    pub(crate) tree: Vec<ProcessId>,
}

/// Draws one: each process of the system with equal chances, then itself or a kind of its children.
pub(crate) fn draw(instance: &Instance, rng: &mut StdRng) -> Option<Victim> {
    let process = PROCESSES[rng.random_range(0..PROCESSES.len())];
    let main = ProcessId::of(instance.pid(process)?)?;
    let children: Vec<(String, ProcessId)> = descendants(main.pid)
        .into_iter()
        .filter_map(|pid| Some((kind(pid)?, ProcessId::of(pid)?)))
        .collect();
    let mut kinds: Vec<&String> = children.iter().map(|(kind, _)| kind).collect();
    kinds.sort();
    kinds.dedup();
    let is_child = rng.random_bool(0.5);
    let kind = kinds.choose(rng).filter(|_| is_child);
    let (label, id) = match kind {
        Some(kind) => {
            let of_kind: Vec<_> = children.iter().filter(|(known, _)| known == *kind).collect();
            (format!("{process}/{kind}"), of_kind.choose(rng)?.1)
        }
        None => (process.to_owned(), main),
    };
    // The postmaster survives the loss of a child, and starts all of them again.
    let tree = children.iter().map(|(_, id)| *id).chain([id]).collect();
    Some(Victim { process, label, id, tree })
}

fn kind(pid: u32) -> Option<String> {
    let command = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let command = String::from_utf8_lossy(&command).into_owned();
    let known = POSTGRES_KINDS.iter().find(|kind| command.contains(*kind));
    Some(known.map_or_else(|| "backend".to_owned(), |kind| (*kind).to_owned()))
}

fn descendants(root: u32) -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let pairs: Vec<(u32, u32)> = pids.filter_map(|pid| Some((pid, parent(pid)?))).collect();
    let (mut found, mut looked) = (vec![root], 0);
    while let Some(one) = found.get(looked).copied() {
        looked += 1;
        found.extend(pairs.iter().filter(|(_, parent)| *parent == one).map(|(pid, _)| *pid));
    }
    found.split_off(1)
}

fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
}
