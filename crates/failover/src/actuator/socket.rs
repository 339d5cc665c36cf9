//! An actuator that listens on a unix socket, as standfast's lab does.

use std::io;
use std::path::PathBuf;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

use super::wire::{Answer, LINE_BYTES_MAX, Request};
use super::{Acting, Actuator, ActuatorError};

/// Asks over a socket, by a connection for each request: requests for different nodes do not wait
/// for each other, and one whose actuator dies ends with its connection.
#[derive(Clone, Debug)]
pub struct SocketActuator {
    path: PathBuf,
}

impl SocketActuator {
    /// The actuator that listens at `path`.
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    async fn exchange(&self, request: &Request) -> io::Result<Vec<u8>> {
        let (reader, mut writer) = UnixStream::connect(&self.path).await?.into_split();
        let mut line = serde_json::to_vec(request).expect("our own types have string keys");
        line.push(b'\n');
        writer.write_all(&line).await?;
        let mut answer = Vec::new();
        let mut reader = BufReader::new(reader).take(LINE_BYTES_MAX as u64);
        reader.read_until(b'\n', &mut answer).await?;
        if answer.is_empty() {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it hung up"));
        }
        Ok(answer)
    }

    async fn ask(&self, request: Request) -> Result<Answer, ActuatorError> {
        let place = || self.path.display().to_string();
        let answer = self.exchange(&request).await;
        let answer =
            answer.map_err(|source| ActuatorError::Unreachable { place: place(), source })?;
        match serde_json::from_slice(&answer) {
            Ok(Answer::Failed { problem }) => Err(ActuatorError::Failed {
                verb: request.verb(),
                node: request.node().to_owned(),
                problem,
            }),
            Ok(answer) => Ok(answer),
            Err(_) => {
                let answer = String::from_utf8_lossy(&answer).trim().to_owned();
                Err(ActuatorError::Unintelligible { place: place(), answer })
            }
        }
    }
}

impl Actuator for SocketActuator {
    fn perform(&self, request: Request) -> Acting<'_> {
        Box::pin(self.ask(request))
    }
}
