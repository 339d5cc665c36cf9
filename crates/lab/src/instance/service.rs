//! A service of the user or of our own binary, as one supervised process.

use std::fs;
use std::path::{Path, PathBuf};
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
    /// Where it keeps its data, `{dir}`.
    pub(crate) data: PathBuf,
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

    /// The files of its data folder that it made itself.
    pub(crate) fn kept(&self) -> Result<Vec<PathBuf>, UnitError> {
        let mut files = Vec::new();
        let mut folders = vec![self.plan.data.clone()];
        while let Some(folder) = folders.pop() {
            let entries = fs::read_dir(&folder).map_err(|source| self.failed(&folder, source))?;
            for entry in entries {
                let entry = entry.map_err(|source| self.failed(&folder, source))?;
                let kind = entry.file_type().map_err(|source| self.failed(&folder, source))?;
                // What a link points to is somebody else's; the link itself is a file.
                match kind.is_dir() {
                    true => folders.push(entry.path()),
                    false => files.push(entry.path()),
                }
            }
        }
        files.retain(|file| self.plan.files.iter().all(|(given, _)| given != file));
        Ok(files)
    }

    /// Deletes them, and answers how many there were. The folders stay, and what it is given.
    pub(crate) fn wipe(&self) -> Result<u64, UnitError> {
        let files = self.kept()?;
        for file in &files {
            fs::remove_file(file).map_err(|source| self.failed(file, source))?;
        }
        match self.kept()?.as_slice() {
            [] => Ok(files.len() as u64),
            [left, ..] => Err(self.failed(left, std::io::Error::other("it came back"))),
        }
    }

    fn failed(&self, path: &Path, source: std::io::Error) -> UnitError {
        UnitError::Data { name: self.plan.name.clone(), path: path.to_owned(), source }
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
