//! Who runs for a home: whatever names it in its command line, environment or working directory.
//!
//! This looks at the kernel and not at what standfast wrote down, since it is to find what
//! standfast lost. PostgreSQL's processes write over command line and environment, but work in
//! their folder.

use std::fs;
use std::path::Path;
use std::time::Duration;

use standfast_engines::wait_until;

/// Longer than any clean-up takes on a busy machine: it only bounds a test that fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// A process as `/proc` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    pub(crate) command: String,
    pub(crate) state: char,
}

/// Every live process that belongs to `home`.
pub(crate) fn of(home: impl AsRef<Path>) -> Vec<Process> {
    let home = home.as_ref().to_string_lossy().into_owned();
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| *pid != std::process::id() && names(*pid, &home))
        .filter_map(look)
        .filter(|process| process.state != 'Z')
        .collect()
}

fn names(pid: u32, home: &str) -> bool {
    let folder = Path::new("/proc").join(pid.to_string());
    let holds = |file: &str| {
        let text = fs::read(folder.join(file)).unwrap_or_default();
        // The slash keeps one test apart from another whose name begins alike.
        let wanted = format!("{home}/");
        let whole = format!("{home}\0");
        [wanted, whole]
            .iter()
            .any(|wanted| text.windows(wanted.len()).any(|window| window == wanted.as_bytes()))
    };
    let directory = fs::read_link(folder.join("cwd")).unwrap_or_default();
    holds("cmdline") || holds("environ") || directory.starts_with(home)
}

fn look(pid: u32) -> Option<Process> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let state = stat.rsplit_once(") ")?.1.chars().next()?;
    let command = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let command = String::from_utf8_lossy(&command).replace('\0', " ").trim().to_owned();
    Some(Process { pid, command, state })
}

/// Waits until nothing runs for `home`, and says what does when the wait is over.
pub(crate) async fn wait_until_none(home: impl AsRef<Path>) {
    let home = home.as_ref();
    let gone = wait_until(PATIENCE, || async { of(home).is_empty().then_some(()) }).await;
    assert!(gone.is_some(), "these still run: {:#?}", of(home));
}
