//! The socket at which a watchdog has the lab start and kill the databases that it decides about.
//!
//! One JSON line is a request, one is the answer. A request is performed by the keeper of its node,
//! which does one thing at a time and finishes what it began, whether its watchdog lives or not.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use standfast_failover::actuator::wire::{Answer, LINE_BYTES_MAX, Request};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::instance::{KeeperHandle, Order};

/// A watchdog holds one connection, its commands another one each.
const CLIENTS_MAX: usize = 32;

/// Why nobody can decide about the databases of an instance.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on the actuator's socket `{}`: {source}", path.display())]
pub struct ActuatorError {
    path: PathBuf,
    source: io::Error,
}

/// The nodes that one service decides about.
#[derive(Clone, Debug)]
pub(crate) struct Actuator {
    keepers: Arc<BTreeMap<String, KeeperHandle>>,
}

/// Listens where only our own user may connect; what is there is a dead one's.
pub(crate) fn listen(path: &Path) -> Result<UnixListener, ActuatorError> {
    let listen = || {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let listener = UnixListener::bind(path)?;
        fs::set_permissions(path, Permissions::from_mode(0o600))?;
        Ok(listener)
    };
    listen().map_err(|source| ActuatorError { path: path.to_owned(), source })
}

impl Actuator {
    pub(crate) fn new(keepers: BTreeMap<String, KeeperHandle>) -> Self {
        Self { keepers: Arc::new(keepers) }
    }

    /// Serves until the instance ends.
    pub(crate) async fn serve(self, listener: UnixListener) {
        let mut clients = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept(), if clients.len() < CLIENTS_MAX => {
                    if let Ok((stream, _)) = accepted {
                        clients.spawn(self.clone().client(stream));
                    }
                }
                Some(_ended) = clients.join_next() => {}
            }
        }
    }

    async fn client(self, stream: UnixStream) {
        let (reader, mut writer) = stream.into_split();
        let mut reader = BufReader::new(reader);
        loop {
            let mut line = Vec::new();
            let read = (&mut reader).take(LINE_BYTES_MAX as u64).read_until(b'\n', &mut line).await;
            // Half a line is of one that died while it wrote: nobody asked for anything.
            if read.is_err() || line.last() != Some(&b'\n') {
                return;
            }
            let answer = match serde_json::from_slice(&line) {
                Ok(request) => self.perform(request).await,
                Err(error) => Answer::Failed { problem: format!("that is no request: {error}") },
            };
            let mut line = serde_json::to_vec(&answer).expect("our own types have string keys");
            line.push(b'\n');
            if writer.write_all(&line).await.is_err() {
                return;
            }
        }
    }

    async fn perform(&self, request: Request) -> Answer {
        let Some(keeper) = self.keepers.get(request.node()) else {
            let known = self.keepers.keys().map(|name| format!("`{name}`")).collect::<Vec<_>>();
            let (node, known) = (request.node(), known.join(", "));
            return Answer::Failed { problem: format!("`{node}` is none of {known}") };
        };
        let gone = || Answer::Failed { problem: "the instance is being taken down".to_owned() };
        let (reply, answer) = oneshot::channel();
        if keeper.orders.send(Order::Perform { request, reply }).await.is_err() {
            return gone();
        }
        answer.await.unwrap_or_else(|_closed| gone())
    }
}
