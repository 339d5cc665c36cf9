//! Processor time of a process and of all that it started, as the kernel accounts it.

use std::collections::BTreeMap;
use std::fs;

use anyhow::Result;

use crate::processor_time::processor_us;

/// The processor time of processes so far, in microseconds, by their ids. A process that ends
/// between two readings is missing from the second: its time counts as none.
#[derive(Clone, Debug)]
pub(crate) struct Spent(BTreeMap<u32, f64>);

impl Spent {
    /// Of `root` and its children: PostgreSQL has a process for every connection.
    pub(crate) fn by(root: u32) -> Result<Self> {
        let mut spent = BTreeMap::from([(root, processor_us(root)?)]);
        for entry in fs::read_dir("/proc")? {
            let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else {
                continue;
            };
            if parent_of(pid) == Some(root)
                && let Ok(us) = processor_us(pid)
            {
                spent.insert(pid, us);
            }
        }
        Ok(Self(spent))
    }

    /// The latest that is known of each process, those that have ended included.
    pub(crate) fn joined(mut self, later: Self) -> Self {
        self.0.extend(later.0);
        self
    }

    /// What was spent since `before`.
    pub(crate) fn since(&self, before: &Self) -> f64 {
        let since = |(pid, us): (&u32, &f64)| us - before.0.get(pid).copied().unwrap_or(0.0);
        self.0.iter().map(since).sum()
    }
}

fn parent_of(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name may hold blanks and parentheses: count from behind it.
    stat.rsplit(')').next()?.split_whitespace().nth(1)?.parse().ok()
}
