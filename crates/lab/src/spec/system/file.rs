//! The public format of `system.toml`, as it is written.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use standfast_loadgen::ScenarioSpec;

use super::super::units::Length;
use super::ready::Ready;

/// A system: engines, the services that use them, and what can be tried on it.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SystemFile {
    /// The name of the system; `standfast up NAME` and instances are called after it.
    pub name: String,
    /// One line for lists and reports.
    pub title: String,
    /// Tools that `standfast setup` can bring and that are no engines of this system.
    #[serde(default)]
    pub requires: Vec<RequiredTool>,
    #[serde(default)]
    pub engine: BTreeMap<String, EngineDeclaration>,
    #[serde(default)]
    pub service: BTreeMap<String, ServiceDeclaration>,
    /// What can be switched off with `--without NAME`.
    #[serde(default)]
    pub tactic: BTreeMap<String, TacticDeclaration>,
    /// Load that experiments can put on the system.
    #[serde(default)]
    pub scenario: BTreeMap<String, ScenarioSpec>,
}

/// A tool that services may start by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RequiredTool {
    Nginx,
    Chromium,
    Pgbadger,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EngineKind {
    Postgres,
    Mariadb,
    Mysql,
    Valkey,
    Kafka,
    Haproxy,
    Nginx,
    Etcd,
}

impl EngineKind {
    /// Whether it has databases, roles, init scripts and replicas.
    pub fn is_sql(self) -> bool {
        matches!(self, Self::Postgres | Self::Mariadb | Self::Mysql)
    }
}

impl EngineKind {
    /// Whether it forwards to others, and keeps nothing itself.
    pub fn is_proxy(self) -> bool {
        matches!(self, Self::Haproxy | Self::Nginx)
    }
}

impl fmt::Display for EngineKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Postgres => "postgres",
            Self::Mariadb => "mariadb",
            Self::Mysql => "mysql",
            Self::Valkey => "valkey",
            Self::Kafka => "kafka",
            Self::Haproxy => "haproxy",
            Self::Nginx => "nginx",
            Self::Etcd => "etcd",
        })
    }
}

/// A real engine that the lab starts and breaks.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EngineDeclaration {
    pub kind: EngineKind,
    /// The default port; `--port-base` and automatic ports move it.
    #[schemars(range(min = 1))]
    pub port: u16,
    /// SQL engines only (postgres, mariadb, mysql): a database that is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// SQL engines only: the role of the application, with a generated password. It owns nothing;
    /// the init scripts grant what it needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// SQL engines only: SQL scripts, run once as superuser in `database`; the result is kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub init: Vec<String>,
    /// SQL engines only: what init scripts see as `current_setting('standfast.NAME')` on PostgreSQL
    /// and as `@standfast_NAME` on MariaDB and MySQL.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, String>,
    /// More settings of the server, in its own words.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, String>,
    /// SQL engines only: the engine of the same kind that this one replicates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replica_of: Option<String>,
    /// Kafka only: the broker whose cluster this one belongs to. `url` of any of them names all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster_of: Option<String>,
    /// The service that decides on the roles of this engine and its replica. `replica_of` is then
    /// what it begins as, its data folder says what it is, and the lab never restarts it by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub managed_by: Option<String>,
    /// HAProxy only: the engines that it forwards to, all of one kind. None of them gets anything
    /// until somebody sets it ready at `{NAME.socket}`; `{NAME.url}` is theirs at its address.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub backends: Vec<String>,
    /// Nginx only: its configuration, a file of the system's folder with placeholders, `{port}`,
    /// `{host}` and `{dir}` among them. It leaves out `daemon`, `pid` and the global `error_log`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<String>,
}

/// A process that the lab starts, watches, restarts and breaks.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServiceDeclaration {
    /// A service of the standfast binary itself, `SYSTEM/SERVICE`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serve: Option<String>,
    /// A program with its arguments; placeholders are filled in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<Vec<String>>,
    /// The default port; a service without one takes no requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub port: Option<u16>,
    /// Engines and services that must be ready before this one starts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// Files of the system's folder that are copied into `{dir}` with placeholders filled in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<FileCopy>,
    /// When it counts as ready; by default when its port takes connections.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready: Option<Ready>,
    /// Whether it obeys the lab at `FAULT_PORT`, and breaks itself when told to.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub faults: bool,
    /// The path at which such a fault shows; `/health` by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<String>,
    /// Managed engines that it may fence, start and bring back, at the socket `STANDFAST_ACTUATOR`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actuates: Vec<String>,
    #[serde(default)]
    pub restart: Restart,
    #[serde(default)]
    pub stop_signal: StopSignal,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileCopy {
    /// Relative to the folder of `system.toml`.
    pub from: String,
    /// Relative to `{dir}`.
    pub to: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Restart {
    /// Started again, with a growing pause, whenever it ends.
    #[default]
    Always,
    /// Left as it is when it ends.
    Never,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum StopSignal {
    #[default]
    Term,
    Int,
    Quit,
    Hup,
}

/// A tactic that can be switched off, so that an experiment can show what it is worth.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TacticDeclaration {
    pub title: String,
    /// How services differ in the control arm, besides `STANDFAST_WITHOUT`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub without: BTreeMap<String, ServiceOverride>,
}

/// What replaces parts of a service's declaration.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServiceOverride {
    /// Added to the environment, or replacing a variable of it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<Vec<FileCopy>>,
}

impl ServiceDeclaration {
    /// The declaration as it is with `change` made to it.
    pub fn with(&self, change: &ServiceOverride) -> Self {
        let mut changed = self.clone();
        changed.env.extend(change.env.clone());
        if let Some(run) = &change.run {
            (changed.run, changed.serve) = (Some(run.clone()), None);
        }
        if let Some(files) = &change.files {
            changed.files.clone_from(files);
        }
        changed
    }

    /// How the lab knows that the service is ready.
    pub fn readiness(&self) -> Ready {
        self.ready.clone().unwrap_or(match self.port {
            Some(_) => Ready::tcp(Length(super::ready::WITHIN_DEFAULT)),
            None => Ready::running(),
        })
    }
}
