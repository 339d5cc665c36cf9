//! A service of the user or of our own binary, as one supervised process.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use standfast_engines::hosts::Host;
use standfast_engines::process::{
    Child, CommandSpec, Output, Signal, Spawner, StopPlan, holder_of_port, is_port_free, last_lines,
};
use tokio::sync::mpsc;

use super::readiness::Readiness;
use super::unit::{LOG_LINES_SHOWN, UnitError};
use crate::spec::{Restart, StopSignal};

/// A service that has not ended by then is killed; Compose waits for 10 s, experiments cannot.
const STOP_GRACE: Duration = Duration::from_secs(5);

/// Everything that a start needs, with all placeholders filled in.
#[derive(Clone, Debug)]
pub(crate) struct ServicePlan {
    pub(crate) name: String,
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<String>,
    pub(crate) environment: Vec<(String, String)>,
    /// Where it runs.
    pub(crate) directory: PathBuf,
    /// Written before each start: path and text.
    pub(crate) files: Vec<(PathBuf, String)>,
    pub(crate) port: Option<u16>,
    /// The host that it runs on, when it has one of its own.
    pub(crate) host: Option<Host>,
    pub(crate) readiness: Readiness,
    pub(crate) ready_within: Duration,
    pub(crate) restart: Restart,
    pub(crate) stop_signal: StopSignal,
    pub(crate) log: PathBuf,
}

#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) plan: ServicePlan,
    spawner: Spawner,
    lines: mpsc::Sender<String>,
    child: Option<Child>,
}

impl Service {
    /// A service that does not run yet; its lines on standard output go to `lines`.
    pub(crate) fn new(plan: ServicePlan, spawner: Spawner, lines: mpsc::Sender<String>) -> Self {
        Self { plan, spawner, lines, child: None }
    }

    pub(crate) fn child(&self) -> Option<&Child> {
        self.child.as_ref()
    }

    /// Starts the process; it is not ready yet.
    pub(crate) async fn launch(&mut self) -> Result<(), UnitError> {
        self.check_port()?;
        for (path, text) in &self.plan.files {
            let parent = path.parent().map_or(Ok(()), fs::create_dir_all);
            parent.and_then(|()| fs::write(path, text)).map_err(|source| UnitError::File {
                name: self.plan.name.clone(),
                path: path.clone(),
                source,
            })?;
        }
        let environment = self.plan.environment.iter();
        let spec = CommandSpec {
            environment: environment.map(|(name, value)| (name.into(), value.into())).collect(),
            directory: Some(self.plan.directory.clone()),
            namespace: self.plan.host.as_ref().map(|host| host.namespace().clone()),
            output: Output::Lines { log: self.plan.log.clone(), lines: self.lines.clone() },
            ..CommandSpec::new(self.plan.name.clone(), &self.plan.program)
        };
        self.child = Some(self.spawner.spawn(spec.arguments(&self.plan.arguments)).await?);
        Ok(())
    }

    fn check_port(&self) -> Result<(), UnitError> {
        let Some(port) = self.plan.port else { return Ok(()) };
        let holder = match &self.plan.host {
            // A host that cannot be entered says so when the service is started there.
            Some(host) if host.is_port_free(port).unwrap_or(true) => return Ok(()),
            Some(host) => host.holder_of_port(port).ok().flatten(),
            None if is_port_free(port) => return Ok(()),
            None => holder_of_port(port),
        };
        Err(UnitError::PortBusy { name: self.plan.name.clone(), port, holder })
    }

    pub(crate) async fn stop(&mut self) -> Result<(), UnitError> {
        if let Some(child) = &self.child {
            child
                .stop(StopPlan { signal: signal(self.plan.stop_signal), grace: STOP_GRACE })
                .await?;
        }
        Ok(())
    }

    /// The end of its log, for messages.
    pub(crate) fn last_lines(&self) -> String {
        last_lines(&self.plan.log, LOG_LINES_SHOWN)
    }
}

fn signal(signal: StopSignal) -> Signal {
    match signal {
        StopSignal::Term => Signal::SIGTERM,
        StopSignal::Int => Signal::SIGINT,
        StopSignal::Quit => Signal::SIGQUIT,
        StopSignal::Hup => Signal::SIGHUP,
    }
}
