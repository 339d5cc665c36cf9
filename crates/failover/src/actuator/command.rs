//! An actuator that is a program: for clusters that standfast did not start.
//!
//! The program is run once for each request, with the verb and the names of nodes as arguments
//! (`PROGRAM fence orders-a`, `PROGRAM rejoin orders-a orders-b`), and answers by its exit status
//! and, where there is something to tell, by one JSON line on its output ([`Answer`]). A fence
//! without an answer is taken for proved when it exits with 0: the program is then what is trusted.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use tokio::process::Command;

use super::wire::{Answer, Rejoining, Request};
use super::{Acting, Actuator, ActuatorError};

/// Runs a program for each request, one at a time for each node.
#[derive(Clone, Debug)]
pub struct CommandActuator {
    program: String,
    arguments: Vec<String>,
    turns: Arc<Mutex<BTreeMap<String, Arc<tokio::sync::Mutex<()>>>>>,
}

impl CommandActuator {
    /// Runs `program` with `arguments`, to which the verb and the nodes are added.
    pub fn new(program: String, arguments: Vec<String>) -> Self {
        Self { program, arguments, turns: Arc::default() }
    }

    fn turn(&self, node: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = self.turns.lock().expect("nobody panics while holding it");
        Arc::clone(turns.entry(node.to_owned()).or_default())
    }

    async fn run(&self, request: Request) -> Result<Answer, ActuatorError> {
        let turn = self.turn(request.node());
        let _turn = turn.lock().await;
        #[expect(
            clippy::disallowed_methods,
            reason = "the user's own program: it does its work and ends, and nobody else owns it"
        )]
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).arg(request.verb()).arg(request.node());
        match &request {
            Request::Start { follow: Some(other), .. } | Request::Rejoin { from: other, .. } => {
                command.arg(other);
            }
            Request::Start { follow: None, .. }
            | Request::Status { .. }
            | Request::Fence { .. }
            | Request::Retire { .. }
            | Request::Restart { .. } => {}
        }
        command.stdin(Stdio::null());
        let output = command
            .output()
            .await
            .map_err(|source| ActuatorError::Unreachable { place: self.program.clone(), source })?;
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(ActuatorError::Failed {
                verb: request.verb(),
                node: request.node().to_owned(),
                problem: format!("{} {}: {text} {said}", self.program, output.status),
            });
        }
        self.answer(&request, text)
    }

    fn answer(&self, request: &Request, text: String) -> Result<Answer, ActuatorError> {
        if let Ok(answer) = serde_json::from_str(&text) {
            return Ok(answer);
        }
        match request {
            Request::Fence { .. } | Request::Retire { .. } => {
                let evidence = format!("{} exited with 0 {text}", self.program);
                Ok(Answer::Fenced { evidence: evidence.trim_end().to_owned() })
            }
            Request::Start { .. } | Request::Restart { .. } => {
                Ok(Answer::Running { pid: 0, started: 0 })
            }
            Request::Rejoin { .. } => Ok(Answer::Rejoined { how: Rejoining::Replayed }),
            // Running or stopped: that it has to say.
            Request::Status { .. } => {
                let place = self.program.clone();
                Err(ActuatorError::Unintelligible { place, answer: text })
            }
        }
    }
}

impl Actuator for CommandActuator {
    fn perform(&self, request: Request) -> Acting<'_> {
        Box::pin(self.run(request))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> CommandActuator {
        let arguments = ["-c", script, "actuator"].map(str::to_owned);
        CommandActuator::new("/bin/sh".to_owned(), arguments.to_vec())
    }

    #[tokio::test]
    async fn the_verb_and_the_nodes_are_arguments() {
        let echo = shell("test \"$*\" = 'rejoin a b'");
        let rejoin = Request::Rejoin { node: "a".to_owned(), from: "b".to_owned() };
        let answer = echo.perform(rejoin).await.unwrap();
        assert_eq!(answer, Answer::Rejoined { how: Rejoining::Replayed });
        let fence = Request::Fence { node: "a".to_owned() };
        assert!(echo.perform(fence).await.is_err(), "other arguments, exit status 1");
    }

    #[tokio::test]
    async fn a_fence_that_fails_is_no_proof_and_says_why() {
        let broken = shell("echo no such host >&2; exit 3");
        let error = broken.perform(Request::Fence { node: "a".to_owned() }).await.unwrap_err();
        let text = error.to_string();
        assert!(text.contains("fence `a`") && text.contains("no such host"), "{text}");
    }

    #[tokio::test]
    async fn an_answer_on_its_output_counts() {
        let evident = shell(r#"echo '{"answer":"fenced","evidence":"power is off"}'"#);
        let answer = evident.perform(Request::Fence { node: "a".to_owned() }).await.unwrap();
        assert_eq!(answer, Answer::Fenced { evidence: "power is off".to_owned() });
    }
}
