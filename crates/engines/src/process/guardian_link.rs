//! Our end of the pipe to the guardian, which is started again when somebody kills it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{PipeWriter, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use super::guardian::Notice;
use super::guardian::OWNER_VARIABLE;
use super::identity::ProcessId;
use super::{kernel, mark, own_children, proc_folder, tree};

/// What a pipe takes in without a reader, on every Linux: 16 pages of 4 KiB.
const PIPE_HOLDS: usize = 64 * 1024;

/// Who cleans up after a `kill -9` of this process.
#[derive(Clone, Debug)]
pub enum Guardian {
    /// This program with these arguments must call [`super::guard`].
    Program { program: PathBuf, arguments: Vec<OsString> },
    /// Nobody: only the direct children die with us. For tests of single processes.
    None,
}

/// The running guardian and all that it must know.
#[derive(Debug)]
pub(super) struct GuardianLink {
    guardian: Guardian,
    running: Option<(Child, PipeWriter)>,
    leaders: BTreeMap<u32, ProcessId>,
}

impl GuardianLink {
    pub(super) fn start(guardian: Guardian) -> std::io::Result<Self> {
        let running = launch(&guardian, b"")?;
        Ok(Self { guardian, running, leaders: BTreeMap::new() })
    }

    /// Tells the guardian; a guardian that is gone is replaced and told everything.
    pub(super) fn tell(&mut self, notice: Notice) {
        match notice {
            Notice::Started(id) => drop(self.leaders.insert(id.pid, id)),
            Notice::Ended(pid) => drop(self.leaders.remove(&pid)),
            Notice::Member(..) | Notice::Look => {}
        }
        let Some((_, stdin)) = &mut self.running else { return };
        if stdin.write_all(notice.line().as_bytes()).is_err() {
            self.replace();
        }
    }

    /// Replaces a guardian that has died since the last call.
    pub(super) fn check(&mut self) {
        if let Some((process, _)) = &mut self.running
            && !matches!(process.try_wait(), Ok(None))
        {
            self.replace();
        }
    }

    fn replace(&mut self) {
        self.stop();
        tracing::warn!("the guardian is gone, starting another one");
        match launch(&self.guardian, self.knowledge().as_bytes()) {
            Ok(running) => self.running = running,
            Err(error) => tracing::error!(%error, "no guardian: orphans may survive a kill -9"),
        }
    }

    /// All leaders and whom they lead now. When a leader dies with us, nothing tells any more which
    /// orphans were its own, and a new guardian may not have looked yet.
    fn knowledge(&self) -> String {
        let processes = proc_folder::all();
        let about = |leader: &ProcessId| {
            let members = tree::members_of(&processes, &[*leader]).into_iter().map(ProcessId::from);
            let members = members.map(|id| Notice::Member(leader.pid, id).line());
            Notice::Started(*leader).line() + &members.collect::<String>()
        };
        self.leaders.values().map(about).collect()
    }

    /// Closes the pipe and waits for the guardian's last look.
    fn stop(&mut self) {
        if let Some((mut process, stdin)) = self.running.take() {
            drop(stdin);
            let pid = process.id();
            if let Err(error) = process.wait() {
                tracing::warn!(pid, %error, "cannot wait for the guardian");
            }
            own_children::remove(pid);
        }
    }
}

impl Drop for GuardianLink {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Starts a guardian that knows this from its first moment.
fn launch(guardian: &Guardian, knows: &[u8]) -> std::io::Result<Option<(Child, PipeWriter)>> {
    let Guardian::Program { program, arguments } = guardian else { return Ok(None) };
    #[expect(clippy::disallowed_methods, reason = "this is the module that owns children")]
    let mut command = Command::new(program);
    let (reader, mut stdin) = std::io::pipe()?;
    let (at_once, later) = knows.split_at(knows.len().min(PIPE_HOLDS));
    stdin.write_all(at_once)?;
    command.args(arguments).env(OWNER_VARIABLE, mark::owner());
    // We may be somebody's child ourselves, and who sweeps up after us must spare the guardian.
    command.env_remove(mark::VARIABLE);
    command.current_dir("/").stdin(reader);
    // Not our standard error: whoever reads it would wait for the guardian to close it.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    kernel::lead_own_session(&mut command);
    let process = own_children::spawn(&mut command)?;
    // The command holds the reading end, and a dead guardian must be found out by a failed write.
    drop(command);
    if let Err(error) = stdin.write_all(later) {
        // The next check finds it dead and tries again.
        tracing::warn!(%error, "the new guardian was not told everything");
    }
    Ok(Some((process, stdin)))
}
