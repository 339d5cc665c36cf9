//! Asks a service whether it is ready, until it says yes.

use std::net::{SocketAddr, SocketAddrV4};
use std::time::Duration;

use standfast_engines::process::{CommandSpec, Spawner};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::http;
use crate::spec::ReadyCheck;

/// Quick at first, since most services are ready within milliseconds, then gently.
const ASK_EVERY_MIN: Duration = Duration::from_millis(5);
const ASK_EVERY_MAX: Duration = Duration::from_millis(100);
/// A check that hangs must not hide a service that has become ready meanwhile.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// A readiness check with everything filled in.
#[derive(Clone, Debug)]
pub(crate) struct Readiness {
    pub(crate) name: String,
    pub(crate) check: ReadyCheck,
    /// Where it takes connections, if it does.
    pub(crate) address: SocketAddrV4,
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) spawner: Spawner,
}

impl Readiness {
    /// Asks once.
    ///
    /// # Errors
    /// Why it is not ready, in words.
    pub(crate) async fn ask(&self) -> Result<(), String> {
        let address = SocketAddr::from(self.address);
        match &self.check {
            ReadyCheck::Running => Ok(()),
            ReadyCheck::Tcp => match timeout(ANSWER_WITHIN, TcpStream::connect(address)).await {
                Ok(Ok(_stream)) => Ok(()),
                Ok(Err(error)) => Err(format!("{address} refuses: {error}")),
                Err(_elapsed) => Err(format!("{address} does not answer")),
            },
            ReadyCheck::Http(path) => match http::get(address, path, ANSWER_WITHIN).await {
                Ok(answer) if answer.status == 200 => Ok(()),
                Ok(answer) => Err(format!("GET {path} answered {}", answer.status)),
                Err(error) => Err(error.to_string()),
            },
            ReadyCheck::Command(command) => self.run(command).await,
        }
    }

    async fn run(&self, command: &[String]) -> Result<(), String> {
        let Some((program, arguments)) = command.split_first() else {
            return Err("the command is empty".to_owned());
        };
        let mut spec =
            CommandSpec::new(format!("{}-ready", self.name), program.as_str()).arguments(arguments);
        spec.environment
            .extend(self.environment.iter().map(|(name, value)| (name.into(), value.into())));
        match self.spawner.run(spec, ANSWER_WITHIN).await {
            Ok(finished) if finished.status.is_success() => Ok(()),
            Ok(finished) => Err(format!("`{program}` {}", finished.status)),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Asks until it is ready or `deadline` passes.
    ///
    /// # Errors
    /// The last reason why it was not ready.
    pub(crate) async fn wait(&self, deadline: Instant) -> Result<(), String> {
        let mut pause = ASK_EVERY_MIN;
        loop {
            let Err(reason) = self.ask().await else { return Ok(()) };
            if Instant::now() + pause >= deadline {
                return Err(reason);
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(ASK_EVERY_MAX);
        }
    }
}
