//! Processor time of servers, with that of connections which have ended.

use std::fs;

/// Of the kernel's accounts: a tick is 10 ms.
const TICK_US: f64 = 10_000.0;

/// What the servers with these first processes have used so far, in microseconds: each of them, its
/// children that live, and those that it has seen end.
pub(crate) fn used_us(roots: &[u32]) -> f64 {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let ticks: u64 = pids
        .filter_map(|pid| {
            let times = Times::of(pid)?;
            if roots.contains(&pid) {
                Some(times.own + times.of_the_dead)
            } else {
                roots.contains(&times.parent).then_some(times.own)
            }
        })
        .sum();
    ticks as f64 * TICK_US
}

/// In ticks.
struct Times {
    parent: u32,
    own: u64,
    of_the_dead: u64,
}

impl Times {
    fn of(pid: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name may hold blanks and parentheses: count from behind it, where field 3 is first.
        let fields: Vec<&str> = stat.rsplit(')').next()?.split_whitespace().collect();
        let ticks = |place: usize| fields.get(place)?.parse::<u64>().ok();
        let parent = fields.get(1)?.parse().ok()?;
        let (own, of_the_dead) = (ticks(11)? + ticks(12)?, ticks(13)? + ticks(14)?);
        Some(Self { parent, own, of_the_dead })
    }
}
