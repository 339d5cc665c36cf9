//! What `/proc` says about processes: parents, groups, states and start times.

use std::fs;

/// The fields of `/proc/PID/stat` that supervision needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) pid: u32,
    pub(crate) state: char,
    pub(crate) parent: u32,
    pub(crate) group: u32,
    /// Clock ticks after boot; with the pid it names a process for good.
    pub(crate) start_time: u64,
}

impl Stat {
    /// Whether the process still runs code, or could: neither a zombie nor already dead.
    pub(crate) fn is_alive(&self) -> bool {
        !matches!(self.state, 'Z' | 'X' | 'x')
    }

    pub(crate) fn is_stopped(&self) -> bool {
        matches!(self.state, 'T' | 't')
    }
}

/// The process `pid`, zombies included; `None` when there is none.
pub(crate) fn stat(pid: u32) -> Option<Stat> {
    parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// Every process of the machine that we may see.
pub(crate) fn all() -> Vec<Stat> {
    pids().filter_map(stat).collect()
}

/// The numbers of all processes.
pub(crate) fn pids() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// The command line of `pid` as one would type it, or its short name when it has none.
pub(crate) fn command_line(pid: u32) -> Option<String> {
    let raw = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let words: Vec<_> = raw
        .split(|byte| *byte == 0)
        .filter(|word| !word.is_empty())
        .map(String::from_utf8_lossy)
        .collect();
    if words.is_empty() {
        return Some(fs::read_to_string(format!("/proc/{pid}/comm")).ok()?.trim().to_owned());
    }
    Some(words.join(" "))
}

/// The name in parentheses may hold anything, spaces and parentheses too, so the rest is counted
/// from the last one.
fn parse(text: &str) -> Option<Stat> {
    let (pid, _) = text.split_once(' ')?;
    let (_, rest) = text.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace();
    Some(Stat {
        pid: pid.parse().ok()?,
        state: fields.next()?.chars().next()?,
        parent: fields.next()?.parse().ok()?,
        group: fields.next()?.parse().ok()?,
        // Field 22 of the file; three after the state have been taken.
        start_time: fields.nth(16)?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_and_spaces_does_not_shift_the_fields() {
        let text = "41 (a) (b c)) S 7 40 40 0 -1 4194560 1 0 0 0 1 2 0 0 20 0 1 0 987654 1 2 3\n";
        let expected = Stat { pid: 41, state: 'S', parent: 7, group: 40, start_time: 987_654 };
        assert_eq!(parse(text), Some(expected));
    }

    #[test]
    fn this_process_is_found_with_its_own_start_time() {
        let own = stat(std::process::id()).unwrap();
        assert!(own.is_alive());
        assert!(
            all().iter().any(|other| other.pid == own.pid && other.start_time == own.start_time)
        );
    }
}
