//! The file of a cluster that standfast did not start: who its servers are, who sends clients to
//! them, and which program starts and kills them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use standfast_failover::core::{Copies, Options, Reintegration};
use standfast_failover::database::postgres::Postgres;
use standfast_lab::spec::{line_at, nearest, suggestion_in};
use toml::Spanned;

use crate::exit::Failure;

/// The file as it was read and checked. Paths are relative to it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ClusterFile {
    pub(super) cluster: String,
    pub(super) engine: EngineName,
    /// Of the journal, and of the socket for commands.
    pub(super) folder: PathBuf,
    /// Who begins as primary, when there is no journal yet (default: the first node).
    primary: Option<Spanned<String>>,
    pub(super) router: RouterTable,
    pub(super) actuator: ActuatorTable,
    #[serde(default)]
    limits: LimitsTable,
    node: Vec<NodeTable>,
}

/// What the servers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum EngineName {
    Postgres,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RouterTable {
    /// HAProxy's `stats socket`, level admin.
    pub(super) socket: PathBuf,
    /// Whose servers are called as the nodes.
    pub(super) backend: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ActuatorTable {
    /// A program and its arguments, to which the verb and the nodes are added.
    pub(super) command: Spanned<Vec<String>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NodeTable {
    name: Spanned<String>,
    url: Spanned<String>,
    /// Instead of a password in the URL.
    password_file: Option<Spanned<PathBuf>>,
    /// Where it keeps its data: for people only.
    data: Option<PathBuf>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct LimitsTable {
    #[serde(default)]
    copies: CopiesName,
    #[serde(default)]
    reintegration: ReintegrationName,
    failovers_max: Option<usize>,
    /// In which more failovers than that are refused.
    failover_window_s: Option<u64>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum CopiesName {
    #[default]
    All,
    One,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ReintegrationName {
    #[default]
    Automatic,
    Manual,
}

impl EngineName {
    /// The engine of a process that `ps` calls so.
    pub(super) fn of_kind(kind: &str) -> Option<Self> {
        (kind == "postgres").then_some(Self::Postgres)
    }
}

/// A mistake, and where it is.
type Mistake = (std::ops::Range<usize>, String);

impl ClusterFile {
    /// Reads and checks the file at `path`.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let shown = path.display();
        let text = std::fs::read_to_string(path).map_err(|error| {
            Failure::usage(format!("cannot read the cluster's file {shown}: {error}"))
        })?;
        Self::parse(&text, path).map_err(|mistakes| {
            let lines = mistakes.into_iter().map(|(span, mistake)| {
                format!("{shown}:{}: {mistake}", line_at(&text, Some(span)))
            });
            Failure::usage(lines.collect::<Vec<_>>().join("\n"))
        })
    }

    fn parse(text: &str, path: &Path) -> Result<Self, Vec<Mistake>> {
        let mut file: Self = toml::from_str(text).map_err(|error| {
            let message = error.message();
            let hint = suggestion_in(message)
                .map_or_else(String::new, |word| format!(" (did you mean `{word}`?)"));
            vec![(error.span().unwrap_or_default(), format!("{message}{hint}"))]
        })?;
        let here = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let here = here.parent().unwrap_or(Path::new("/")).to_owned();
        file.resolve(&here);
        let mistakes = file.mistakes();
        if mistakes.is_empty() { Ok(file) } else { Err(mistakes) }
    }

    fn resolve(&mut self, here: &Path) {
        self.folder = here.join(&self.folder);
        self.router.socket = here.join(&self.router.socket);
        for node in &mut self.node {
            node.data = node.data.take().map(|data| here.join(data));
            if let Some(file) = &mut node.password_file {
                *file.get_mut() = here.join(file.get_ref());
            }
        }
        // A bare name is looked up in PATH.
        if let Some(program) = self.actuator.command.get_mut().first_mut()
            && program.contains('/')
        {
            *program = here.join(program.trim_start_matches("./")).display().to_string();
        }
    }

    fn mistakes(&self) -> Vec<Mistake> {
        let mut mistakes = Vec::new();
        let names = self.names();
        if names.len() < 2 {
            mistakes.push((0..0, "a cluster has two nodes or more: `[[node]]`".to_owned()));
        }
        if let Some(primary) = &self.primary
            && !names.contains(primary.get_ref())
        {
            let near = nearest(primary.get_ref(), names.iter().map(String::as_str));
            let hint = near.map_or_else(String::new, |word| format!(" (did you mean `{word}`?)"));
            let text = format!("primary: `{}` is no node{hint}", primary.get_ref());
            mistakes.push((primary.span(), text));
        }
        match self.actuator.command.get_ref().first() {
            None => {
                let text = "actuator: `command` names no program".to_owned();
                mistakes.push((self.actuator.command.span(), text));
            }
            Some(program) if program.contains('/') && !Path::new(program).is_file() => {
                let text = format!("actuator: there is no program {program}");
                mistakes.push((self.actuator.command.span(), text));
            }
            Some(_found_by_path) => {}
        }
        for (index, node) in self.node.iter().enumerate() {
            let name = node.name.get_ref();
            if names[..index].contains(name) {
                let text = format!("node {}: another one is called `{name}`", index + 1);
                mistakes.push((node.name.span(), text));
            }
            if let Err(problem) = self.address(node) {
                mistakes.push((node.url.span(), format!("node `{name}`: {problem}")));
            }
            if let Some(file) = &node.password_file
                && let Err(error) = std::fs::metadata(file.get_ref())
            {
                let shown = file.get_ref().display();
                let text = format!("node `{name}`: password_file {shown}: {error}");
                mistakes.push((file.span(), text));
            }
        }
        mistakes
    }

    /// The URL has a password, perhaps, and is not repeated.
    fn address(&self, node: &NodeTable) -> Result<std::net::SocketAddr, String> {
        let url = node.url.get_ref();
        let is_of_engine = match self.engine {
            EngineName::Postgres => url.starts_with("postgres"),
        };
        if !is_of_engine {
            return Err(
                "its url is none of PostgreSQL: postgresql://USER@HOST:PORT/DATABASE".into()
            );
        }
        let address = Postgres::address_of(url).map_err(|error| format!("its url: {error}"))?;
        address.ok_or_else(|| "its url names no IP address and port".to_owned())
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.node.iter().map(|node| node.name.get_ref().clone()).collect()
    }

    /// The names and addresses of the nodes.
    pub(super) fn members(&self) -> Vec<(String, std::net::SocketAddr)> {
        let address = |node| self.address(node).expect("it was checked when the file was read");
        self.node.iter().map(|node| (node.name.get_ref().clone(), address(node))).collect()
    }

    /// The URLs of the nodes, with their passwords.
    pub(super) fn urls(&self) -> Result<Vec<String>, Failure> {
        let url = |node: &NodeTable| {
            let url = node.url.get_ref().clone();
            let Some(file) = &node.password_file else { return Ok(url) };
            let file = file.get_ref();
            let password = std::fs::read_to_string(file).map_err(|error| {
                Failure::usage(format!("cannot read password_file {}: {error}", file.display()))
            })?;
            let separator = if url.contains('?') { '&' } else { '?' };
            Ok(format!("{url}{separator}password={}", percent_encoded(password.trim_end())))
        };
        self.node.iter().map(url).collect()
    }

    /// The place of the node that begins as primary.
    pub(super) fn first_primary(&self) -> usize {
        let wanted = self.primary.as_ref().map(|name| name.get_ref().as_str());
        self.names().iter().position(|name| Some(name.as_str()) == wanted).unwrap_or(0)
    }

    pub(super) fn data(&self, node: &str) -> Option<PathBuf> {
        self.node.iter().find(|one| one.name.get_ref() == node)?.data.clone()
    }

    pub(super) fn options(&self) -> Options {
        let defaults = Options::of(self.node.len());
        let LimitsTable { copies, reintegration, failovers_max, failover_window_s } = self.limits;
        Options {
            copies: match copies {
                CopiesName::All => Copies::All,
                CopiesName::One => Copies::One,
            },
            reintegration: match reintegration {
                ReintegrationName::Automatic => Reintegration::Automatic,
                ReintegrationName::Manual => Reintegration::Manual,
            },
            failovers_max: failovers_max.unwrap_or(defaults.failovers_max),
            failover_window: failover_window_s
                .map_or(defaults.failover_window, Duration::from_secs),
            ..defaults
        }
    }
}

fn percent_encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
