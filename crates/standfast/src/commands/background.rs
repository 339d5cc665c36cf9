//! The one child that is meant to outlive us: the supervisor that `up -d` leaves behind.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use standfast_engines::Home;
use standfast_engines::process::last_lines;
use standfast_lab::control;
use standfast_lab::instance::InstanceFolder;

use super::session::Session;
use super::status;
use super::up_options::UpOptions;
use crate::exit::{Answer, Exit, Failure};

/// Making a template takes half a minute on a slow machine; nothing that works takes this long.
const READY_WITHIN: Duration = Duration::from_secs(300);

const LOOK_EVERY: Duration = Duration::from_millis(20);

/// How many lines of the supervisor explain why it gave up.
const EXPLANATION_LINES: usize = 20;

/// Brings a stopped instance up again, as it was.
pub(super) async fn start_again(session: &Session, name: &str) -> Answer {
    let folder = InstanceFolder::of(&session.home, name);
    let record = folder.record().map_err(|error| Failure::new(Exit::Usage, error))?;
    let Some(record) = record else {
        return Err(Failure::usage(format!(
            "there is no instance `{name}`; `standfast up` makes one"
        )));
    };
    launch(session, &UpOptions::recorded(&record)).await
}

/// Called by the supervisor itself: no Ctrl-C and no closed terminal reaches it from here on.
pub(super) fn leave_the_terminal() -> Result<(), Failure> {
    match nix::unistd::setsid() {
        // EPERM says that it leads a session or group already, which is as good.
        Ok(_) | Err(nix::errno::Errno::EPERM) => Ok(()),
        Err(error) => Err(Failure::new(Exit::Bug, error)),
    }
}

/// Leaves a supervisor behind that brings up what is asked for; returns when it has.
pub(super) async fn launch(session: &Session, asked: &UpOptions) -> Answer {
    let (name, mut words) = (asked.name.as_str(), asked.words());
    words.extend(["--yes".to_owned(), "--supervise".to_owned()]);
    let (log, path) = log_file(&session.home, name)?;
    let mut supervisor = spawn(session, &words, log)?;
    let outcome = wait(&session.home, &mut supervisor, name).await;
    if let Some(Waited::Ended(exit)) = outcome {
        let told = last_lines(&path, EXPLANATION_LINES);
        let code = exit.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(70);
        let text = format!("`{name}` did not come up (see {}):\n{told}", path.display());
        return Err(Failure::new(Exit::from_code(code), anyhow::Error::msg(text)));
    }
    if outcome.is_none() {
        // It may hang anywhere: a supervisor that nobody can reach is of no use to anybody.
        let _ = supervisor.kill();
        let _ = supervisor.wait();
        let text =
            format!("`{name}` was not ready within {READY_WITHIN:?}, see {}", path.display());
        return Err(Failure::unavailable(anyhow::Error::msg(text)));
    }
    status::print(&session.home, name).await
}

enum Waited {
    Ready,
    Ended(ExitStatus),
}

/// Until the supervisor can be reached, which it can when everything is ready, or has ended.
async fn wait(home: &Home, supervisor: &mut Child, name: &str) -> Option<Waited> {
    let deadline = tokio::time::Instant::now() + READY_WITHIN;
    let mut look = tokio::time::interval(LOOK_EVERY);
    while tokio::time::Instant::now() < deadline {
        look.tick().await;
        if let Ok(Some(exit)) = supervisor.try_wait() {
            return Some(Waited::Ended(exit));
        }
        if control::connect(home, name).await.is_ok() {
            return Some(Waited::Ready);
        }
    }
    None
}

fn log_file(home: &Home, name: &str) -> Result<(File, PathBuf), Failure> {
    let path = InstanceFolder::of(home, name).root().join("supervisor.log");
    let unavailable = |error: std::io::Error| {
        let text = format!("cannot write `{}`", path.display());
        Failure::unavailable(anyhow::Error::new(error).context(text))
    };
    home.prepare().map_err(Failure::unavailable)?;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(unavailable)?;
    }
    let mut options = OpenOptions::new();
    options.create(true).write(true).truncate(true).mode(0o600);
    Ok((options.open(&path).map_err(unavailable)?, path.clone()))
}

#[expect(
    clippy::disallowed_methods,
    reason = "the supervisor is meant to outlive us, so no spawner may own it"
)]
fn spawn(session: &Session, words: &[String], log: File) -> Result<Child, Failure> {
    let bug = |error: std::io::Error| Failure::new(Exit::Bug, error);
    let errors = log.try_clone().map_err(bug)?;
    Command::new(&session.binary)
        .args(words)
        .stdin(Stdio::null())
        .stdout(Stdio::from(log))
        .stderr(Stdio::from(errors))
        .spawn()
        .map_err(bug)
}
