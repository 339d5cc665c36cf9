//! Short questions to programs, such as `--version`, outside of any runtime.

use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::own_children;

/// Programs answer within milliseconds; a browser on a busy machine takes a second.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// What `program` prints on standard output; `None` when it fails or takes too long.
pub(crate) fn answer(program: &std::path::Path, arguments: &[&str]) -> Option<Answer> {
    #[expect(clippy::disallowed_methods, reason = "this is the module that owns children")]
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = own_children::spawn(&mut command).ok()?;
    let pid = child.id();
    let id = super::ProcessId::of(pid);
    let (sender, receiver) = mpsc::sync_channel(1);
    thread::spawn(move || {
        let output = child.wait_with_output();
        own_children::remove(pid);
        // The caller may have given up.
        drop(sender.send(output));
    });
    let output = match receiver.recv_timeout(ANSWER_WITHIN) {
        Ok(output) => output.ok()?,
        Err(_elapsed) => {
            id.map(|id| id.signal(nix::sys::signal::Signal::SIGKILL));
            return None;
        }
    };
    Some(Answer {
        success: output.status.success(),
        text: [output.stdout, output.stderr]
            .map(|text| String::from_utf8_lossy(&text).into_owned())
            .concat(),
    })
}

/// What a program said.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) success: bool,
    /// Standard output, then standard error: nginx tells its version on the latter.
    pub(crate) text: String,
}
