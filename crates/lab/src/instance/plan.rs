//! From the declaration of a service to a command, with all placeholders filled in.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::net::SocketAddrV4;
use std::path::PathBuf;

use standfast_engines::{Installation, Tool};
use standfast_failover::actuator::wire::SOCKET_VARIABLE;

use super::address::Address;
use super::fault_ports::Levers;
use super::folder::InstanceFolder;
use super::hosts::Hosts;
use super::options::{ProvisionError, ProvisionOptions};
use super::readiness::Readiness;
use super::routes::Routes;
use super::service::ServicePlan;
use crate::spec::{ReadyCheck, ServiceDeclaration, System, fill};

/// What is known when services are planned.
#[derive(Debug)]
pub(crate) struct Planner<'a> {
    pub(crate) system: &'a System,
    pub(crate) options: &'a ProvisionOptions,
    pub(crate) folder: &'a InstanceFolder,
    pub(crate) addresses: &'a BTreeMap<String, Address>,
    pub(crate) hosts: &'a Hosts,
    pub(crate) routes: &'a Routes,
    /// Programs that the system requires, by the name that it uses for them.
    pub(crate) tools: &'a BTreeMap<Tool, Installation>,
    pub(crate) levers: &'a Levers,
    /// Proves to a service that a request for a fault comes from this run.
    pub(crate) run_token: &'a str,
}

impl Planner<'_> {
    /// # Errors
    /// When a placeholder has no value, or a file of the system cannot be read.
    pub(crate) fn service(
        &self,
        name: &str,
        declared: &ServiceDeclaration,
    ) -> Result<ServicePlan, ProvisionError> {
        let directory = self.folder.data(name);
        let port = self.addresses.get(name).map(|address| address.port);
        let values = self.values(name, port, &directory.display().to_string());
        let filled = |text: &str| {
            fill(text, &values)
                .map_err(|source| ProvisionError::Placeholder { process: name.to_owned(), source })
        };
        let all =
            |words: &[String]| words.iter().map(|word| filled(word)).collect::<Result<Vec<_>, _>>();
        let (program, arguments) = match (&declared.serve, &declared.run) {
            (Some(serve), _) => self.own_service(serve, port),
            (None, run) => {
                let words = all(run.as_deref().unwrap_or_default())?;
                let (program, arguments) =
                    words.split_first().expect("checked: `run` names a program");
                (self.program(program), arguments.to_vec())
            }
        };
        let mut environment = self.lab_environment(name, port);
        let mut variables = declared.env.clone();
        // One that is replaced is never filled in: it may name what was left out.
        variables.extend(self.options.environment.get(name).cloned().unwrap_or_default());
        for (variable, value) in variables {
            environment.insert(variable, filled(&value)?);
        }
        let environment: Vec<(String, String)> = environment.into_iter().collect();
        let mut files = Vec::new();
        for copy in &declared.files {
            let text = self
                .system
                .source
                .read(&copy.from)
                .map_err(|source| ProvisionError::Source { process: name.to_owned(), source })?;
            files.push((directory.join(&copy.to), filled(&text)?));
        }
        let ready = declared.readiness();
        let check = match ready.check {
            ReadyCheck::Command(command) => ReadyCheck::Command(all(&command)?),
            check @ (ReadyCheck::Http(_) | ReadyCheck::Tcp | ReadyCheck::Running) => check,
        };
        Ok(ServicePlan {
            name: name.to_owned(),
            program,
            arguments,
            // A command of the user's folder finds the files of that folder.
            directory: self.system.source.folder().map_or(directory.clone(), PathBuf::from),
            data: directory,
            files,
            port,
            host: self.hosts.of(name),
            readiness: Readiness {
                name: name.to_owned(),
                check,
                address: SocketAddrV4::new(self.hosts.address(name), port.unwrap_or_default()),
                environment: environment.clone(),
                spawner: self.options.spawner.clone(),
            },
            environment,
            ready_within: ready.within,
            restart: declared.restart,
            stop_signal: declared.stop_signal,
            log: self.folder.log(name),
        })
    }

    fn values(&self, name: &str, port: Option<u16>, dir: &str) -> BTreeMap<String, String> {
        let mut values = BTreeMap::new();
        for (process, address) in self.addresses {
            self.routes.address(name, process, address).add_to(process, &mut values);
        }
        values.insert("dir".to_owned(), dir.to_owned());
        values.insert("name".to_owned(), name.to_owned());
        values.insert("host".to_owned(), self.hosts.address(name).to_string());
        if let Some(port) = port {
            values.insert("port".to_owned(), port.to_string());
        }
        values
    }

    fn own_service(&self, serve: &str, port: Option<u16>) -> (PathBuf, Vec<String>) {
        let port = port.unwrap_or_default().to_string();
        let arguments = ["serve", serve, "--port", &port, "--instance", &self.options.name];
        (self.options.serve_binary.clone(), arguments.map(str::to_owned).into())
    }

    /// A tool that the system requires is the one that was found, wherever that is.
    fn program(&self, program: &str) -> PathBuf {
        let tool = self.tools.iter().find(|(tool, _)| tool.name() == program);
        tool.map_or_else(|| PathBuf::from(program), |(_, installation)| installation.path.clone())
    }

    fn lab_environment(&self, name: &str, port: Option<u16>) -> BTreeMap<String, String> {
        let mut environment = BTreeMap::from([
            ("SERVICE_NAME".to_owned(), name.to_owned()),
            ("INSTANCE_ID".to_owned(), self.options.name.clone()),
            ("BIND".to_owned(), self.hosts.address(name).to_string()),
            ("STANDFAST_WITHOUT".to_owned(), self.options.without.join(",")),
            ("STANDFAST_RUN_TOKEN".to_owned(), self.run_token.to_owned()),
        ]);
        if let Some(port) = port {
            environment.insert("PORT".to_owned(), port.to_string());
        }
        let actuates = self.system.services.get(name).is_some_and(|it| !it.actuates.is_empty());
        if actuates {
            let socket = self.folder.actuator_socket(name).display().to_string();
            environment.insert(SOCKET_VARIABLE.to_owned(), socket);
        }
        if let Some(lever) = self.levers.of(name) {
            environment.insert("STANDFAST_FAULTS".to_owned(), "true".to_owned());
            environment.insert("FAULT_PORT".to_owned(), lever.control.port().to_string());
        }
        // Output that waits in a buffer of the child is an event that comes too late.
        if std::env::var_os("PYTHONUNBUFFERED").is_none_or(|value| value == OsStr::new("")) {
            environment.insert("PYTHONUNBUFFERED".to_owned(), "1".to_owned());
        }
        environment
    }
}
