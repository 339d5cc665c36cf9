//! The other end of the control socket, and what can be known without a supervisor.

use std::collections::BTreeMap;

use serde::Serialize;
use standfast_engines::Home;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

use super::error::ControlError;
use super::failure_kind::FailureKind;
use super::message::{InstanceStatus, Request, Response};
use crate::instance::{Data, InstanceFolder, InstanceRecord, ProcessSnapshot, ProcessState, Role};
use crate::spec::nearest;

/// An instance as its folder tells it.
#[derive(Clone, Debug, Serialize)]
pub struct InstanceSummary {
    pub name: String,
    /// What it was brought up with; `None` when only its data is left.
    pub record: Option<InstanceRecord>,
    /// Whether a supervisor looks after it.
    pub is_running: bool,
}

/// Every instance of a home; ephemeral ones, which belong to a run, are left out.
pub fn list_instances(home: &Home) -> Vec<InstanceSummary> {
    let summary = |folder: InstanceFolder| {
        let record = match folder.record() {
            Ok(record) => record,
            Err(error) => {
                tracing::warn!(%error, "an instance is left out");
                return None;
            }
        };
        let is_ephemeral = record.as_ref().is_some_and(|record| record.ephemeral);
        let (name, is_running) = (folder.name().to_owned(), folder.is_supervised());
        (!is_ephemeral).then_some(InstanceSummary { name, record, is_running })
    };
    InstanceFolder::all(home).into_iter().filter_map(summary).collect()
}

/// A connection to a supervisor.
#[derive(Debug)]
pub struct Connection {
    name: String,
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
}

/// Connects to the supervisor of the instance `name`.
///
/// # Errors
/// When there is no such instance, or it is stopped.
pub async fn connect(home: &Home, name: &str) -> Result<Connection, ControlError> {
    let folder = find(home, name)?;
    if !folder.is_supervised() {
        return Err(ControlError::NotRunning { name: name.to_owned() });
    }
    let path = folder.control_socket();
    let stream = UnixStream::connect(&path).await.map_err(|source| ControlError::Socket {
        action: "connect to",
        path,
        source,
    })?;
    let (reader, writer) = stream.into_split();
    Ok(Connection { name: name.to_owned(), reader: BufReader::new(reader), writer })
}

impl Connection {
    /// Sends a request and waits for its answer.
    ///
    /// # Errors
    /// When the supervisor refuses, in its words, or is gone.
    pub async fn request(&mut self, request: &Request) -> Result<Response, ControlError> {
        let gone = |_| ControlError::NoAnswer { name: self.name.clone() };
        let mut line = serde_json::to_vec(request).expect("our own types have string keys");
        line.push(b'\n');
        self.writer.write_all(&line).await.map_err(gone)?;
        let mut line = String::new();
        if self.reader.read_line(&mut line).await.map_err(gone)? == 0 {
            return Err(ControlError::NoAnswer { name: self.name.clone() });
        }
        match serde_json::from_str(&line) {
            Ok(Response::Failed { kind, error }) => Err(ControlError::Refused { kind, error }),
            Ok(response) => Ok(response),
            Err(source) => Err(ControlError::Answer { name: self.name.clone(), source }),
        }
    }
}

/// The processes of an instance, also of one that is stopped.
///
/// # Errors
/// When there is no such instance, or its supervisor does not answer.
pub async fn ps(home: &Home, name: &str) -> Result<InstanceStatus, ControlError> {
    let folder = find(home, name)?;
    if folder.is_supervised() {
        let response = connect(home, name).await?.request(&Request::Status).await?;
        let Response::Status(status) = response else {
            let error = format!("`{name}` answered no status");
            return Err(ControlError::Refused { kind: FailureKind::Unavailable, error });
        };
        return Ok(status);
    }
    let missing = || ControlError::NoInstance { name: name.to_owned(), suggestion: None };
    let record = folder.record()?.ok_or_else(missing)?;
    let stopped = |(process, port): (&String, &u16)| ProcessSnapshot {
        name: process.clone(),
        kind: String::new(),
        role: Role::Service,
        state: ProcessState::Stopped,
        fault: None,
        pid: None,
        host: None,
        port: Some(*port),
        uptime: None,
        restarts: 0,
        rss_bytes: None,
        ready_in: None,
    };
    Ok(InstanceStatus {
        name: record.name.clone(),
        system: record.system.clone(),
        supervisor: None,
        without: record.without.clone(),
        processes: record.ports.iter().map(stopped).collect(),
        urls: BTreeMap::new(),
        stages: Vec::new(),
        links: Vec::new(),
    })
}

/// Stops an instance; its data and the instance are kept. Does nothing when it is stopped already.
///
/// # Errors
/// When there is no such instance, or something of it survives.
pub async fn stop_all(home: &Home, name: &str) -> Result<(), ControlError> {
    end(home, name, Data::KeepStopped).await
}

/// Takes an instance down, and keeps or deletes its data.
///
/// # Errors
/// When there is no such instance, something of it survives, or its folder is not inside of `home`.
pub async fn down(home: &Home, name: &str, data: Data) -> Result<(), ControlError> {
    end(home, name, data).await
}

async fn end(home: &Home, name: &str, data: Data) -> Result<(), ControlError> {
    let folder = find(home, name)?;
    if folder.is_supervised() {
        return connect(home, name).await?.request(&Request::Shutdown { data }).await.map(drop);
    }
    Ok(folder.end(data)?)
}

/// The folder of the instance `name`, of which only its data may be left.
///
/// # Errors
/// When there is none of that name.
pub fn find(home: &Home, name: &str) -> Result<InstanceFolder, ControlError> {
    let all = InstanceFolder::all(home);
    if let Some(folder) = all.iter().find(|folder| folder.name() == name) {
        return Ok(folder.clone());
    }
    let suggestion = nearest(name, all.iter().map(InstanceFolder::name));
    Err(ControlError::NoInstance { name: name.to_owned(), suggestion })
}
