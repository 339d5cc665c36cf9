//! The thread behind a spawner: it forks every child, waits for each and reads their output.
//!
//! It runs a small runtime of its own, because the kernel ties a child's death signal to the thread
//! that forked it: a thread of somebody's pool may end at any time and would take the child along.

use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::io::unix::AsyncFd;
use tokio::net::unix::pipe;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

use super::captured::Captured;
use super::child::{Child, Shared};
use super::command::{CommandSpec, Output};
use super::error::ProcessError;
use super::exit::Exit;
use super::guardian::Notice;
use super::guardian_link::GuardianLink;
use super::identity::ProcessId;
use super::mark::Mark;
use super::{kernel, line_tee, log_file, own_children, tree};

/// Logs are bounded, orphans waited for and the guardian looked after this often.
const HOUSEKEEPING_EVERY: Duration = Duration::from_secs(5);

/// What is left of a tree when its leader has ended is killed, and this is ample for that.
const SWEEP_PATIENCE: Duration = Duration::from_secs(1);

/// An ended child's output is complete at once, unless a stranger holds its pipe.
const OUTPUT_PATIENCE: Duration = Duration::from_secs(1);

/// How long the children may take to end when everybody has let go of them.
const FAREWELL_PATIENCE: Duration = Duration::from_secs(5);

pub(super) enum Request {
    Spawn {
        spec: Box<CommandSpec>,
        reply: oneshot::Sender<Result<Spawned, ProcessError>>,
    },
    /// The guardian should look at the trees now.
    Look,
}

/// A new child, and what it prints when its output is captured.
pub(super) struct Spawned {
    pub(super) child: Child,
    pub(super) captured: Option<Captured>,
}

/// One child as the worker sees it until it has ended.
struct Attended {
    mark: Mark,
    process: Fresh,
    id: ProcessId,
    ended: AsyncFd<OwnedFd>,
    log: Option<PathBuf>,
    output: JoinSet<()>,
    exit: watch::Sender<Option<Exit>>,
    frozen: Arc<Mutex<Vec<ProcessId>>>,
}

/// A process that has been forked and not been waited for. Dropping it ends it.
struct Fresh(std::process::Child);

/// The body of the thread. Ends when no spawner and no child is referred to any more.
pub(super) async fn work(
    mut requests: mpsc::Receiver<Request>,
    sender: mpsc::WeakSender<Request>,
    mut guardian: GuardianLink,
) {
    let mut attended: JoinSet<u32> = JoinSet::new();
    let mut housekeeping = tokio::time::interval(HOUSEKEEPING_EVERY);
    loop {
        tokio::select! {
            request = requests.recv() => match request {
                None => break,
                Some(Request::Look) => guardian.tell(Notice::Look),
                Some(Request::Spawn { spec, reply }) => {
                    let spawned = sender.upgrade().ok_or(ProcessError::SpawnerGone)
                        .and_then(|sender| launch(*spec, sender, &mut guardian, &mut attended));
                    // A caller that has gone drops the child here, and that kills it.
                    drop(reply.send(spawned));
                }
            },
            Some(ended) = attended.join_next() => {
                if let Ok(pid) = ended {
                    guardian.tell(Notice::Ended(pid));
                }
            }
            _ = housekeeping.tick() => {
                guardian.check();
                own_children::reap_orphans();
            }
        }
    }
    let farewell = async { while attended.join_next().await.is_some() {} };
    if tokio::time::timeout(FAREWELL_PATIENCE, farewell).await.is_err() {
        tracing::error!("children are left, the guardian takes over");
    }
    own_children::reap_orphans();
}

fn launch(
    spec: CommandSpec,
    worker: mpsc::Sender<Request>,
    guardian: &mut GuardianLink,
    attended: &mut JoinSet<u32>,
) -> Result<Spawned, ProcessError> {
    let (name, program) = (spec.name.clone(), spec.program.clone());
    let (child, spawned) = start(spec, worker).map_err(|source| ProcessError::Spawn {
        name: name.clone(),
        program,
        source,
    })?;
    guardian.tell(Notice::Started(child.id));
    tracing::debug!(name, pid = child.id.pid, "started");
    attended.spawn(attend(child));
    Ok(spawned)
}

fn start(spec: CommandSpec, worker: mpsc::Sender<Request>) -> io::Result<(Attended, Spawned)> {
    let mark = Mark::next();
    let mut command = spec.command()?;
    command.envs([mark.variable()]);
    kernel::die_with_spawning_thread(&mut command);
    // A child gets the namespace of the thread that forks it.
    let mut process = Fresh(match &spec.namespace {
        Some(namespace) => namespace.within(|| own_children::spawn(&mut command))??,
        None => own_children::spawn(&mut command)?,
    });
    let pid = process.0.id();
    // Until it is waited for, even a child that has ended already keeps its number and its entry.
    let id = ProcessId::of(pid).ok_or_else(|| io::Error::other("/proc does not show it"))?;
    let pidfd = kernel::pidfd_open(pid)?;
    let ended = kernel::watch_end(pidfd.try_clone()?)?;
    let log = spec.output.log().cloned();
    let name = spec.name.clone();
    let lines_dropped = Arc::new(AtomicU64::new(0));
    let mut output = JoinSet::new();
    let captured = connect(&mut process.0, spec, &lines_dropped, &mut output)?;
    let (exit, exit_seen) = watch::channel(None);
    let frozen = Arc::new(Mutex::new(Vec::new()));
    let child = Child::new(Shared {
        name,
        id,
        pidfd,
        exit: exit_seen,
        frozen: Arc::clone(&frozen),
        lines_dropped,
        worker,
    });
    let attended = Attended { mark, process, id, ended, log, output, exit, frozen };
    Ok((attended, Spawned { child, captured }))
}

/// Sets up whoever reads the child's output and writes its input.
fn connect(
    process: &mut std::process::Child,
    spec: CommandSpec,
    lines_dropped: &Arc<AtomicU64>,
    tasks: &mut JoinSet<()>,
) -> io::Result<Option<Captured>> {
    if let Some(stdin) = process.stdin.take() {
        let mut stdin = pipe::Sender::from_owned_fd(stdin.into())?;
        // A child that closes its input early has decided that it needs no more of it.
        tasks.spawn(async move { drop(stdin.write_all(&spec.input).await) });
    }
    let reader = |descriptor: Option<OwnedFd>| {
        pipe::Receiver::from_owned_fd(descriptor.expect("the output was asked to be a pipe"))
    };
    match spec.output {
        Output::Log(_) => Ok(None),
        Output::Lines { log, lines } => {
            let stdout = reader(process.stdout.take().map(OwnedFd::from))?;
            let log = log_file::open(&log)?;
            tasks.spawn(line_tee::run(stdout, log, lines, Arc::clone(lines_dropped)));
            Ok(None)
        }
        Output::Capture => {
            let stdout = reader(process.stdout.take().map(OwnedFd::from))?;
            let stderr = reader(process.stderr.take().map(OwnedFd::from))?;
            Ok(Some(Captured::read(stdout, stderr, tasks)))
        }
    }
}

/// Stays with the child until it has ended, sweeps up after it, and answers with its pid.
async fn attend(mut child: Attended) -> u32 {
    let mut log_check = tokio::time::interval(HOUSEKEEPING_EVERY);
    loop {
        tokio::select! {
            _ = child.ended.readable() => break,
            _ = log_check.tick() => {
                if let Some(Err(error)) = child.log.as_deref().map(log_file::bound) {
                    tracing::warn!(pid = child.id.pid, %error, "cannot bound the log");
                }
            }
        }
    }
    // Before it is waited for: until then its number cannot name another group.
    sweep(&child);
    let drained = async { while child.output.join_next().await.is_some() {} };
    if tokio::time::timeout(OUTPUT_PATIENCE, drained).await.is_err() {
        tracing::debug!(pid = child.id.pid, "somebody else still holds its output");
    }
    let exit = child.process.0.wait().map_or(Exit::Unknown, Exit::from);
    own_children::remove(child.id.pid);
    own_children::reap_orphans();
    tracing::debug!(pid = child.id.pid, %exit, "ended");
    child.exit.send_replace(Some(exit));
    child.id.pid
}

/// Ends what a child that has ended leaves behind: its group, what was frozen with it, and whatever
/// it had started in sessions of their own.
fn sweep(child: &Attended) {
    let frozen = std::mem::take(&mut *child.frozen.lock().unwrap_or_else(PoisonError::into_inner));
    let orphans = own_children::reap_orphans();
    let marked = orphans.into_iter().filter(|orphan| child.mark.is_on(*orphan));
    for root in marked.chain([child.id]) {
        if let Err(left) = tree::kill(root, &frozen, SWEEP_PATIENCE) {
            tracing::warn!(pid = child.id.pid, ?left, "its processes outlive SIGKILL");
        }
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        // After a wait both do nothing: std remembers the status.
        if !matches!(self.0.try_wait(), Ok(Some(_))) {
            drop(self.0.kill());
            drop(self.0.wait());
            own_children::remove(self.0.id());
        }
    }
}
