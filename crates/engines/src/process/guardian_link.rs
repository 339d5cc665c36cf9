//! Our end of the pipe to the guardian, which is started again when somebody kills it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};

use super::guardian::Notice;
use super::guardian::OWNER_VARIABLE;
use super::identity::ProcessId;
use super::{kernel, mark, own_children};

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
    running: Option<(Child, ChildStdin)>,
    leaders: BTreeMap<u32, ProcessId>,
}

impl GuardianLink {
    pub(super) fn start(guardian: Guardian) -> std::io::Result<Self> {
        let running = launch(&guardian)?;
        Ok(Self { guardian, running, leaders: BTreeMap::new() })
    }

    /// Tells the guardian; a guardian that is gone is replaced and told everything.
    pub(super) fn tell(&mut self, notice: Notice) {
        match notice {
            Notice::Started(id) => drop(self.leaders.insert(id.pid, id)),
            Notice::Ended(pid) => drop(self.leaders.remove(&pid)),
            Notice::Look => {}
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
        match launch(&self.guardian) {
            Ok(running) => self.running = running,
            Err(error) => tracing::error!(%error, "no guardian: orphans may survive a kill -9"),
        }
        let Some((_, stdin)) = &mut self.running else { return };
        for id in self.leaders.values() {
            if stdin.write_all(Notice::Started(*id).line().as_bytes()).is_err() {
                // The next check finds it dead and tries again.
                return;
            }
        }
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

fn launch(guardian: &Guardian) -> std::io::Result<Option<(Child, ChildStdin)>> {
    let Guardian::Program { program, arguments } = guardian else { return Ok(None) };
    #[expect(clippy::disallowed_methods, reason = "this is the module that owns children")]
    let mut command = Command::new(program);
    command.args(arguments).env(OWNER_VARIABLE, mark::owner());
    // We may be somebody's child ourselves, and who sweeps up after us must spare the guardian.
    command.env_remove(mark::VARIABLE);
    command.current_dir("/").stdin(Stdio::piped());
    // Not our standard error: whoever reads it would wait for the guardian to close it.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    kernel::lead_own_session(&mut command);
    let mut process = own_children::spawn(&mut command)?;
    let stdin = process.stdin.take().expect("standard input was asked to be a pipe");
    Ok(Some((process, stdin)))
}
