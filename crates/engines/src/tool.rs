//! The programs that standfast works with, and where one was found.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A kind of engine that a system can consist of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
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
    pub const ALL: [Self; 8] = [
        Self::Postgres,
        Self::Mariadb,
        Self::Mysql,
        Self::Valkey,
        Self::Kafka,
        Self::Haproxy,
        Self::Nginx,
        Self::Etcd,
    ];

    /// The tool that it runs on.
    pub fn tool(self) -> Tool {
        match self {
            Self::Postgres => Tool::Postgres,
            Self::Mariadb => Tool::Mariadb,
            Self::Mysql => Tool::Mysql,
            Self::Valkey => Tool::Valkey,
            Self::Kafka => Tool::Kafka,
            Self::Haproxy => Tool::Haproxy,
            Self::Nginx => Tool::Nginx,
            Self::Etcd => Tool::Etcd,
        }
    }
}

/// Something that `setup` can bring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tool {
    Postgres,
    Mariadb,
    Mysql,
    Valkey,
    Kafka,
    /// What Kafka runs on.
    Java,
    Haproxy,
    Nginx,
    Etcd,
    /// Decides on PostgreSQL's roles, with etcd.
    Patroni,
    Chromium,
    /// What makes a page of PostgreSQL's log.
    Pgbadger,
    /// Stock clients of Toxiproxy, for the project's own tests.
    #[serde(rename = "toxiproxy-clients")]
    ToxiproxyClients,
    /// What finds in a page what not everybody can use, for the project's own tests.
    #[serde(rename = "axe-core")]
    AxeCore,
}

impl Tool {
    pub const ALL: [Self; 14] = [
        Self::Postgres,
        Self::Mariadb,
        Self::Mysql,
        Self::Valkey,
        Self::Kafka,
        Self::Java,
        Self::Haproxy,
        Self::Nginx,
        Self::Etcd,
        Self::Patroni,
        Self::Chromium,
        Self::Pgbadger,
        Self::ToxiproxyClients,
        Self::AxeCore,
    ];

    /// Its name on the command line and in `system.toml`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Mariadb => "mariadb",
            Self::Mysql => "mysql",
            Self::Valkey => "valkey",
            Self::Kafka => "kafka",
            Self::Java => "java",
            Self::Haproxy => "haproxy",
            Self::Nginx => "nginx",
            Self::Etcd => "etcd",
            Self::Patroni => "patroni",
            Self::Chromium => "chromium",
            Self::Pgbadger => "pgbadger",
            Self::ToxiproxyClients => "toxiproxy-clients",
            Self::AxeCore => "axe-core",
        }
    }
}

impl From<EngineKind> for Tool {
    fn from(kind: EngineKind) -> Self {
        kind.tool()
    }
}

/// A name that is none of the known ones.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is none of {known}")]
pub struct UnknownName {
    pub name: String,
    pub known: String,
}

impl fmt::Display for Tool {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

impl fmt::Display for EngineKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.tool().fmt(formatter)
    }
}

impl FromStr for Tool {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        by_name(&Self::ALL, name)
    }
}

impl FromStr for EngineKind {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        by_name(&Self::ALL, name)
    }
}

fn by_name<T: Copy + fmt::Display>(all: &[T], name: &str) -> Result<T, UnknownName> {
    all.iter().copied().find(|known| known.to_string() == name).ok_or_else(|| UnknownName {
        name: name.to_owned(),
        known: all.iter().map(|known| format!("`{known}`")).collect::<Vec<_>>().join(", "),
    })
}

/// A tool that is here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Installation {
    pub tool: Tool,
    pub version: String,
    /// PostgreSQL: the folder with its programs. Kafka: the folder with its jars. Everything else:
    /// the program itself.
    pub path: PathBuf,
    /// Kafka: the Java that runs it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runtime: Option<Runtime>,
    pub found_in: FoundIn,
    /// What it really is: `redis` may stand in for `valkey`, otherwise the tool's own name.
    pub flavour: String,
}

/// The program that runs another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Runtime {
    pub path: PathBuf,
    pub version: String,
}

/// Which of the places an installation was found in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FoundIn {
    /// `STANDFAST_<TOOL>_BIN` names it.
    Variable,
    /// `setup` brought it into our own folder.
    Home,
    /// The distribution's package is installed.
    Distribution,
    /// It is on `PATH`.
    Path,
}

impl fmt::Display for FoundIn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Variable => "environment variable",
            Self::Home => "standfast's own folder",
            Self::Distribution => "distribution",
            Self::Path => "PATH",
        })
    }
}
