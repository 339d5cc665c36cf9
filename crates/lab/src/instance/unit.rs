//! An engine or a service: what the supervisor and the faults do alike to both.

use std::io;
use std::net::SocketAddrV4;
use std::path::{Path, PathBuf};
use std::time::Duration;

use standfast_engines::process::{Child, Exit, PortHolder, ProcessError};
use standfast_engines::{Engine, EngineError};

use super::service::Service;

/// Enough to see a stack trace's end, little enough to read at a glance.
pub(crate) const LOG_LINES_SHOWN: usize = 20;

/// Why something could not be done to a process of the system.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UnitError {
    #[error("port {port} of `{name}` is held by {}", holder_text(.holder.as_ref()))]
    PortBusy { name: String, port: u16, holder: Option<PortHolder> },
    #[error("cannot write `{}` for `{name}`: {source}", path.display())]
    File { name: String, path: PathBuf, source: io::Error },
    #[error("`{name}` {exit} before it was ready; see {}\n{lines}", log.display())]
    Ended { name: String, exit: Exit, log: PathBuf, lines: String },
    #[error("`{name}` is not ready within {within:?} ({reason}); see {}\n{lines}", log.display())]
    NotReady { name: String, within: Duration, reason: String, log: PathBuf, lines: String },
    #[error("`{name}` is a service and holds nothing to flush")]
    NothingToFlush { name: String },
    #[error("`{name}` is a service, whose disk is not the lab's to fill")]
    NoDisk { name: String },
    #[error("`{name}` is an engine, whose data is not the lab's to delete")]
    NotToWipe { name: String },
    #[error("cannot empty the data folder `{}` of `{name}`: {source}", path.display())]
    Data { name: String, path: PathBuf, source: io::Error },
    #[error("`{name}` is held by the fault `{fault}`: clear that first")]
    Held { name: String, fault: crate::fault::FaultKind },
    #[error(transparent)]
    Process(#[from] ProcessError),
    #[error(transparent)]
    Engine(#[from] EngineError),
}

fn holder_text(holder: Option<&PortHolder>) -> String {
    holder.map_or_else(|| "a process of somebody else".to_owned(), PortHolder::to_string)
}

#[derive(Debug)]
pub(crate) enum Unit {
    Engine(Box<Engine>),
    Service(Box<Service>),
}

impl Unit {
    pub(crate) fn child(&self) -> Option<Child> {
        match self {
            Self::Engine(engine) => engine.child(),
            Self::Service(service) => service.child().cloned(),
        }
    }

    pub(crate) fn is_running(&self) -> bool {
        self.child().is_some_and(|child| child.is_running())
    }

    /// Where it takes connections, if it does.
    pub(crate) fn address(&self) -> Option<SocketAddrV4> {
        match self {
            Self::Engine(engine) => {
                Some(SocketAddrV4::new(engine.spec().address(), engine.spec().port))
            }
            Self::Service(service) => service.plan.port.map(|_port| service.plan.readiness.address),
        }
    }

    pub(crate) fn log(&self) -> &Path {
        match self {
            Self::Engine(engine) => &engine.spec().log,
            Self::Service(service) => &service.plan.log,
        }
    }

    /// Starts it. An engine is ready then; a service is to be asked.
    pub(crate) async fn launch(&mut self) -> Result<(), UnitError> {
        match self {
            Self::Engine(engine) => Ok(engine.start().await?),
            Self::Service(service) => service.launch().await,
        }
    }

    /// Ends it in an orderly way.
    pub(crate) async fn stop(&mut self) -> Result<(), UnitError> {
        match self {
            Self::Engine(engine) => Ok(engine.stop().await.map(drop)?),
            Self::Service(service) => service.stop().await,
        }
    }

    /// Kills it with all that it started; returns when they are gone.
    pub(crate) async fn kill(&mut self) -> Result<(), UnitError> {
        if !self.is_running() {
            return Ok(());
        }
        match self {
            Self::Engine(engine) => Ok(engine.kill().await?),
            Self::Service(service) => match service.child() {
                Some(child) => Ok(child.kill_tree().await?),
                None => Ok(()),
            },
        }
    }

    /// Freezes it with all that it started; returns when all are seen to be stopped.
    pub(crate) async fn pause(&mut self) -> Result<(), UnitError> {
        match self {
            Self::Engine(engine) => Ok(engine.pause().await?),
            Self::Service(service) => match service.child() {
                Some(child) => Ok(child.pause_tree().await?),
                None => Ok(()),
            },
        }
    }

    /// Leaves it no room on its disk; answers how many processes are seen to have none.
    pub(crate) async fn fill_disk(&self) -> Result<usize, UnitError> {
        match self {
            Self::Engine(engine) => Ok(engine.fill_disk().await?),
            Self::Service(service) => Err(UnitError::NoDisk { name: service.plan.name.clone() }),
        }
    }

    /// Gives it all room again.
    pub(crate) async fn free_disk(&self) -> Result<usize, UnitError> {
        match self {
            Self::Engine(engine) => Ok(engine.free_disk().await?),
            Self::Service(service) => Err(UnitError::NoDisk { name: service.plan.name.clone() }),
        }
    }

    pub(crate) async fn resume(&mut self) -> Result<(), UnitError> {
        match self {
            Self::Engine(engine) => Ok(engine.resume().await?),
            Self::Service(service) => match service.child() {
                Some(child) => Ok(child.resume_tree().await?),
                None => Ok(()),
            },
        }
    }

    /// Asks an engine that ran on whether it answers; a service is asked by its keeper.
    pub(crate) async fn answers(&self) -> Result<(), UnitError> {
        match self {
            Self::Engine(engine) => Ok(engine.ready().await?),
            Self::Service(_) => Ok(()),
        }
    }

    /// Empties it, and answers how many keys went.
    pub(crate) async fn flush(&mut self) -> Result<u64, UnitError> {
        match self {
            Self::Engine(engine) => Ok(engine.flush().await?),
            Self::Service(service) => {
                Err(UnitError::NothingToFlush { name: service.plan.name.clone() })
            }
        }
    }

    /// How many files a service keeps in its data folder, besides those that it is given.
    pub(crate) fn kept(&self) -> Result<u64, UnitError> {
        Ok(self.service()?.kept()?.len() as u64)
    }

    /// Deletes all that a service keeps, and answers how many files that were.
    pub(crate) fn wipe(&mut self) -> Result<u64, UnitError> {
        self.service()?.wipe()
    }

    fn service(&self) -> Result<&Service, UnitError> {
        match self {
            Self::Service(service) => Ok(service),
            Self::Engine(engine) => Err(UnitError::NotToWipe { name: engine.spec().name.clone() }),
        }
    }
}
