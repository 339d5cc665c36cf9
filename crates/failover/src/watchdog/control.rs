//! The socket by which `standfast failover` asks a watchdog: one JSON line, one answer.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::Watchdog;
use super::status::Surroundings;
use crate::core::{Command, Core, Moment, NodeId};

const LINE_BYTES_MAX: u64 = 4096;
const CLIENTS_MAX: usize = 16;

/// What a watchdog may be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Question {
    /// Who is primary, who is safe, what is under way.
    Status,
    /// Make `to` primary, without loss. Without `to`: whoever is safe.
    Switchover {
        #[serde(default)]
        to: Option<String>,
    },
    /// Bring a node back now.
    Reintegrate { node: String },
    /// Make `to` primary although acknowledged writes may be lost.
    AllowDataLoss { to: String },
}

/// Why a watchdog could not be asked.
#[derive(Debug, thiserror::Error)]
#[error("no watchdog answers at {path}")]
pub struct ControlError {
    path: PathBuf,
    #[source]
    source: std::io::Error,
}

/// Somebody waits for an answer.
pub(super) type Asked = (Question, oneshot::Sender<Value>);

/// Asks the watchdog at `path`. Its answer has `ok`, and `problem` if that is false.
///
/// # Errors
/// When nobody answers there.
pub async fn ask(path: &Path, question: &Question) -> Result<Value, ControlError> {
    let exchange = async {
        let (reader, mut writer) = UnixStream::connect(path).await?.into_split();
        let mut line = serde_json::to_vec(question)?;
        line.push(b'\n');
        writer.write_all(&line).await?;
        let mut answer = String::new();
        BufReader::new(reader).read_line(&mut answer).await?;
        Ok(serde_json::from_str(&answer)?)
    };
    exchange.await.map_err(|source| ControlError { path: path.to_owned(), source })
}

/// Takes questions until it is dropped.
pub(super) async fn serve(listener: UnixListener, questions: mpsc::Sender<Asked>) {
    let mut clients = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept(), if clients.len() < CLIENTS_MAX => {
                if let Ok((stream, _)) = accepted {
                    clients.spawn(client(stream, questions.clone()));
                }
            }
            Some(_ended) = clients.join_next() => {}
        }
    }
}

async fn client(stream: UnixStream, questions: mpsc::Sender<Asked>) {
    let (reader, mut writer) = stream.into_split();
    let mut line = String::new();
    let mut reader = BufReader::new(reader).take(LINE_BYTES_MAX);
    if reader.read_line(&mut line).await.is_err() {
        return;
    }
    let answer = match serde_json::from_str(&line) {
        Err(error) => problem(&format!("that is no question: {error}")),
        Ok(question) => {
            let (answer, answered) = oneshot::channel();
            if questions.send((question, answer)).await.is_err() {
                return;
            }
            answered.await.unwrap_or_else(|_ended| problem("the watchdog ended"))
        }
    };
    drop(writer.write_all(format!("{answer}\n").as_bytes()).await);
}

fn problem(text: &str) -> Value {
    json!({ "ok": false, "problem": text })
}

impl Watchdog {
    /// Answers a question; what is left to do is a command for the core.
    pub(super) fn answer(
        &self,
        core: &Core,
        seen: &Surroundings<'_>,
        now: Moment,
        (question, answer): Asked,
    ) -> Option<Command> {
        let result = match question {
            Question::Status => {
                let status = json!(self.status(core, seen, now));
                drop(answer.send(status));
                return None;
            }
            Question::Switchover { to } => {
                self.target(core, to).map(|to| Command::Switchover { to })
            }
            Question::Reintegrate { node } => {
                self.other(core, &node).map(|node| Command::Reintegrate { node })
            }
            Question::AllowDataLoss { to } => {
                self.other(core, &to).map(|to| Command::PromoteWithDataLoss { to })
            }
        };
        let said = match &result {
            Ok(_) => json!({ "ok": true, "epoch": core.record().epoch }),
            Err(text) => problem(text),
        };
        drop(answer.send(said));
        result.ok()
    }

    /// Whom to switch to.
    fn target(&self, core: &Core, to: Option<String>) -> Result<NodeId, String> {
        let safe = core.record().safe.members;
        let to = match to {
            Some(name) => self.other(core, &name)?,
            None => safe.iter().next().ok_or("no replica is sure to hold everything")?,
        };
        if safe.contains(to) {
            return Ok(to);
        }
        Err(format!("`{}` is not sure to hold everything", self.members.name(to)))
    }

    fn other(&self, core: &Core, name: &str) -> Result<NodeId, String> {
        let known = || self.members.names().join(", ");
        let node =
            self.members.named(name).ok_or_else(|| format!("`{name}` is none of {}", known()))?;
        if node == core.record().primary {
            return Err(format!("`{name}` is the primary"));
        }
        Ok(node)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_one_line_that_a_person_can_write() {
        let read: Question = serde_json::from_str(r#"{"ask":"switchover"}"#).unwrap();
        assert_eq!(read, Question::Switchover { to: None });
        let line = serde_json::to_string(&Question::Reintegrate { node: "a".to_owned() }).unwrap();
        assert_eq!(line, r#"{"ask":"reintegrate","node":"a"}"#);
        assert!(serde_json::from_str::<Question>(r#"{"ask":"panic"}"#).is_err());
    }
}
