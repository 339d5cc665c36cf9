//! A fence: the end of a server, proved, and a mark that keeps it from coming back as a primary.
//!
//! Whoever promotes its replica relies on it, so every step is seen and not assumed: processes that
//! a person started by hand and those that outlived their postmaster count as well.

use std::fmt;
use std::time::Duration;

use tokio::net::TcpStream;

use super::error::EngineError;
use super::leftovers::end_all_in;
use super::lifecycle::Engine;
use crate::postgres;
use crate::process::holder_of_port;
use crate::tool::EngineKind;
use crate::wait::wait_until;

/// The kernel closes the port of a dead process within microseconds; longer means that somebody
/// else listens there.
const REFUSED_WITHIN: Duration = Duration::from_secs(1);

/// What was seen when the server was fenced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fenced {
    /// The process that was ours, when there still was one.
    pub pid: Option<u32>,
    /// Processes that worked in the data folder besides that one and its children.
    pub strangers: usize,
    pub port: u16,
}

impl fmt::Display for Fenced {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pid {
            Some(pid) => write!(formatter, "pid {pid} and its children are gone")?,
            None => formatter.write_str("its process had ended")?,
        }
        if self.strangers > 0 {
            write!(formatter, ", {} others in its data folder as well", self.strangers)?;
        }
        write!(formatter, ", port {} refuses, its folder is marked", self.port)
    }
}

impl Engine {
    /// Kills the server with all that works in its data folder, frozen or not, and marks the folder
    /// as [`Engine::mark_fenced`] does. Returns when all of that is seen.
    ///
    /// # Errors
    /// When something survives, somebody still answers on its port, or the mark cannot be written:
    /// then it must be taken for alive.
    pub async fn fence(&self) -> Result<Fenced, EngineError> {
        let child = self.child();
        let pid = child.as_ref().filter(|child| child.is_running()).map(|child| child.pid());
        if let Some(child) = child {
            child.kill_tree().await?;
        }
        let data = self.site.spec.data.clone();
        let ended = tokio::task::spawn_blocking(move || end_all_in(&data)).await;
        let strangers = ended.expect("a walk of /proc cannot panic").map_err(|left| {
            let left = left.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            EngineError::Survived { engine: self.site.name(), left }
        })?;
        let port = self.site.spec.port;
        wait_until(REFUSED_WITHIN, || self.refuses()).await.ok_or_else(|| {
            let holder = holder_of_port(port);
            EngineError::PortBusy { engine: self.site.name(), port, holder }
        })?;
        self.mark_fenced()?;
        Ok(Fenced { pid, strangers, port })
    }

    /// Has a server that nobody uses stop in order, when its next start is the better for it and it
    /// takes no longer than clients can wait: PostgreSQL, which has to be rewound after a crash.
    /// Answers whether it stopped; a fence proves it.
    ///
    /// # Errors
    /// When it was frozen and cannot be resumed.
    pub async fn stop_soon(&self) -> Result<bool, EngineError> {
        match (self.site.spec.kind, self.child()) {
            (EngineKind::Postgres, Some(child)) => postgres::stop_soon(&child).await,
            _ => Ok(false),
        }
    }

    async fn refuses(&self) -> Option<()> {
        let address = (self.site.spec.address(), self.site.spec.port);
        TcpStream::connect(address).await.is_err().then_some(())
    }
}
