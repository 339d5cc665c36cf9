//! The supervisor's end of the control socket.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use standfast_history::Event;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::OwnedWriteHalf;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::error::ControlError;
use super::failure_kind::FailureKind;
use super::journal;
use super::message::{ActiveFault, InstanceStatus, LINE_BYTES_MAX, Request, Response};
use crate::fault::{Fault, FaultKind, Hold};
use crate::instance::{Data, Instance};

/// Each client is a person or a script; more at once is a mistake.
const CLIENTS_MAX: usize = 32;

/// Serves requests about `instance` until one of them ends it, or `shutdown` does. Events are kept
/// in its folder. Returns when every process has ended.
///
/// # Errors
/// When the socket cannot be made, or a process survives.
pub async fn serve(
    instance: Instance,
    events: mpsc::Receiver<Event>,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ControlError> {
    let socket = instance.folder().control_socket();
    let listener = listen(&socket)?;
    let mut journal = JoinSet::new();
    journal.spawn(journal::keep(journal::events_file(instance.folder()), events));

    let (ends, mut ended) = mpsc::channel(1);
    let server = Arc::new(Server {
        instance,
        heals: Mutex::default(),
        clients: Semaphore::new(CLIENTS_MAX),
        timers: tokio::sync::Mutex::new(JoinSet::new()),
        ends,
    });
    let mut clients = JoinSet::new();
    tokio::pin!(shutdown);
    let end = loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                let server = Arc::clone(&server);
                clients.spawn(async move { server.client(stream).await });
            },
            Some(_done) = clients.join_next() => {}
            end = ended.recv() => break end,
            () = &mut shutdown => break None,
        }
    };
    drop(listener);
    clients.shutdown().await;
    server.timers.lock().await.shutdown().await;
    let server = Arc::into_inner(server).expect("all tasks that share the server have ended");
    let data = end.as_ref().map_or(Data::KeepStopped, |end| end.data);
    let down = server.instance.shutdown(data).await;
    drop(fs::remove_file(&socket));
    if let Some(mut end) = end {
        let response = down.as_ref().map_or_else(Response::failed, |()| Response::done());
        answer(&mut end.client, &response).await;
    }
    Ok(down?)
}

/// A client that waits for the end.
struct End {
    data: Data,
    client: OwnedWriteHalf,
}

struct Server {
    instance: Instance,
    /// When faults heal by themselves. One kind hits one target only once at a time.
    heals: Mutex<BTreeMap<(FaultKind, String), Instant>>,
    clients: Semaphore,
    timers: tokio::sync::Mutex<JoinSet<()>>,
    ends: mpsc::Sender<End>,
}

fn listen(socket: &Path) -> Result<UnixListener, ControlError> {
    let fail = |action, source| ControlError::Socket { action, path: socket.to_owned(), source };
    // Only renamed into place when nobody else may connect to it; what is there is a dead one's,
    // since we hold the lock.
    let fresh: PathBuf = socket.with_extension("new");
    drop(fs::remove_file(&fresh));
    let listener = UnixListener::bind(&fresh).map_err(|source| fail("listen on", source))?;
    fs::set_permissions(&fresh, Permissions::from_mode(0o600))
        .and_then(|()| fs::rename(&fresh, socket))
        .map_err(|source| fail("make", source))?;
    Ok(listener)
}

async fn answer(client: &mut OwnedWriteHalf, response: &Response) {
    let mut line = serde_json::to_vec(response).expect("our own types have string keys");
    line.push(b'\n');
    // A client that went away does not want to know.
    drop(client.write_all(&line).await);
}

impl Server {
    async fn client(self: Arc<Self>, stream: UnixStream) {
        let Ok(_permit) = self.clients.try_acquire() else { return };
        let (reader, mut writer) = stream.into_split();
        let mut reader = BufReader::new(reader);
        loop {
            let mut line = String::new();
            let read = (&mut reader).take(LINE_BYTES_MAX).read_line(&mut line).await;
            if !matches!(read, Ok(1..)) {
                return;
            }
            let response = match serde_json::from_str(&line) {
                Ok(Request::Shutdown { data }) => {
                    // The one who ends it all answers when all has ended.
                    drop(self.ends.send(End { data, client: writer }).await);
                    return;
                }
                Ok(request) => Self::respond(&self, request).await,
                Err(error) => Response::mistake(format!("this is no request: {error}")),
            };
            answer(&mut writer, &response).await;
        }
    }

    async fn respond(self: &Arc<Self>, request: Request) -> Response {
        let instance = &self.instance;
        let done = match request {
            Request::Status => return Response::Status(self.status()),
            Request::Start { name: Some(name) } => instance.start(&name).await,
            Request::Start { name: None } => instance.start_all().await,
            Request::Stop { name } => instance.stop(&name).await,
            Request::Restart { name: Some(name) } => instance.restart(&name).await,
            Request::Restart { name: None } => instance.restart_all().await,
            Request::InjectFault { fault, for_ms, is_held } => {
                let hold = match is_held || for_ms.is_some() {
                    true => Hold::UntilHealed,
                    false => Hold::No,
                };
                return self.inject(fault, hold, for_ms).await;
            }
            Request::ClearFaults { target } => return self.clear(target.as_deref()).await,
            Request::FaultStatus => return Response::Faults { faults: self.faults() },
            Request::Shutdown { .. } => return Response::mistake("handled by the connection"),
        };
        done.as_ref().map_or_else(Response::failed, |()| Response::done())
    }

    fn status(&self) -> InstanceStatus {
        let instance = &self.instance;
        let system = instance.system();
        let url = |name: &String| Some((name.clone(), instance.url(name)?.to_owned()));
        InstanceStatus {
            name: instance.name().to_owned(),
            system: system.name.clone(),
            supervisor: Some(std::process::id()),
            without: instance.without().to_vec(),
            processes: instance.processes(),
            urls: system.services.keys().filter_map(url).collect(),
            stages: instance.stages().to_vec(),
            links: instance.links(),
        }
    }

    async fn inject(self: &Arc<Self>, fault: Fault, hold: Hold, for_ms: Option<u64>) -> Response {
        let injected = match self.instance.inject(&fault, hold).await {
            Ok(injected) => injected,
            Err(error) => return Response::failed(&error),
        };
        let evidence = Some(injected.evidence.text.clone());
        let Some(for_ms) = for_ms else {
            injected.leave();
            return Response::Done { evidence };
        };
        let until = Instant::now() + Duration::from_millis(for_ms);
        self.heals().insert(key(&fault), until);
        let server = Arc::clone(self);
        self.timers.lock().await.spawn(async move {
            tokio::time::sleep_until(until).await;
            // Somebody may have cleared it, and may have injected another one since.
            let is_due = server.heals().get(&key(&fault)) == Some(&until);
            if !is_due {
                return injected.leave();
            }
            server.heals().remove(&key(&fault));
            if let Err(error) = server.instance.heal(injected).await {
                tracing::error!(%error, "a fault is not healed");
            }
        });
        Response::Done { evidence }
    }

    async fn clear(&self, target: Option<&str>) -> Response {
        let mut failed = Vec::new();
        let active = self.instance.active_faults();
        for fault in active.iter().filter(|fault| target.is_none_or(|name| name == fault.target)) {
            self.heals().remove(&key(fault));
            failed.extend(self.instance.heal_fault(fault).await.err());
        }
        if failed.is_empty() {
            return Response::done();
        }
        let error = failed.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        Response::Failed { kind: FailureKind::NotRestored, error }
    }

    fn faults(&self) -> Vec<ActiveFault> {
        let (now, heals) = (Instant::now(), self.heals());
        let active = self.instance.active_faults().into_iter();
        let with_time = active.map(|fault| {
            let left = heals.get(&key(&fault)).map(|until| until.saturating_duration_since(now));
            let heals_in_ms = left.map(|left| u64::try_from(left.as_millis()).unwrap_or(u64::MAX));
            ActiveFault { fault, heals_in_ms }
        });
        with_time.collect()
    }

    fn heals(&self) -> MutexGuard<'_, BTreeMap<(FaultKind, String), Instant>> {
        self.heals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(fault: &Fault) -> (FaultKind, String) {
    (fault.kind, fault.target.clone())
}
