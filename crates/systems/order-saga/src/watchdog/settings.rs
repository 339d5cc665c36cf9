//! Whom a watchdog watches, from the environment.

use std::path::PathBuf;
use std::sync::Arc;

use standfast_failover::actuator::wire::SOCKET_VARIABLE;
use standfast_failover::database::postgres::Postgres;
use standfast_failover::database::{Database, Members};

use crate::serve::ServeError;
use crate::service::environment::Environment;

/// The checked configuration.
#[derive(Debug)]
pub(super) struct Settings {
    /// For people and events.
    pub(super) cluster: String,
    /// In the order of `NODES`, of which the first begins as primary.
    pub(super) members: Members,
    pub(super) databases: Vec<Arc<dyn Database>>,
    /// Where HAProxy takes commands, and what it calls the cluster.
    pub(super) router_socket: PathBuf,
    pub(super) backend: String,
    /// Where processes are started and killed.
    pub(super) actuator: PathBuf,
    /// Of the journal, and of the socket for commands.
    pub(super) folder: PathBuf,
}

impl Settings {
    /// `NODES` is `name=url,name=url`: the administrator's URLs of the servers themselves.
    pub(super) fn read(environment: &Environment<'_>) -> Result<Self, ServeError> {
        let cluster: String = environment.required("CLUSTER")?;
        let nodes: String = environment.required("NODES")?;
        let mut pairs = Vec::new();
        for node in nodes.split(',') {
            let pair = node.trim().split_once('=');
            pairs.push(pair.ok_or_else(|| wrong("a node is name=url".to_owned()))?);
        }
        if pairs.len() < 2 {
            return Err(wrong("a cluster has two servers or more".to_owned()));
        }
        let mut members = Vec::new();
        for (name, url) in &pairs {
            let address = Postgres::address_of(url).map_err(|error| wrong(error.to_string()))?;
            let address = address.ok_or_else(|| wrong(format!("`{name}` has no address")))?;
            members.push(((*name).to_owned(), address));
        }
        let members = Members::new(members);
        let database = |(_, url): &(&str, &str)| {
            let server = Postgres::new(url, members.clone());
            let server = server.map_err(|error| wrong(error.to_string()))?;
            Ok(Arc::new(server) as Arc<dyn Database>)
        };
        let databases = pairs.iter().map(database).collect::<Result<Vec<_>, ServeError>>()?;
        let path = |name: &str| environment.required::<String>(name).map(PathBuf::from);
        Ok(Self {
            backend: environment.get("ROUTER_BACKEND").unwrap_or_else(|| cluster.clone()),
            router_socket: path("ROUTER_SOCKET")?,
            actuator: path(SOCKET_VARIABLE)?,
            folder: path("WATCHDOG_DIR")?,
            cluster,
            members,
            databases,
        })
    }
}

/// The URLs have passwords, so the value is not repeated.
fn wrong(problem: String) -> ServeError {
    ServeError::Configuration { variable: "NODES".to_owned(), problem }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(nodes: &str) -> Result<Settings, String> {
        let pairs = [
            ("CLUSTER", "orders"),
            ("NODES", nodes),
            ("ROUTER_SOCKET", "/run/proxy.sock"),
            ("STANDFAST_ACTUATOR", "/run/actuator.sock"),
            ("WATCHDOG_DIR", "watchdog"),
        ];
        Settings::read(&Environment::of(&pairs)).map_err(|error| error.to_string())
    }

    #[test]
    fn a_cluster_is_servers_with_names_and_urls() {
        let url = |port| format!("postgresql://postgres:secret@127.0.0.1:{port}/orders");
        let both = format!("orders-a={},orders-b={}", url(5432), url(5433));
        let settings = read(&both).unwrap();
        assert_eq!(settings.members.names(), ["orders-a", "orders-b"]);
        assert_eq!((settings.databases.len(), settings.backend.as_str()), (2, "orders"));
        for wrong in [url(5432), format!("orders-a={}", url(5432)), "a=x,b=y".to_owned()] {
            let error = read(&wrong).unwrap_err();
            assert!(error.contains("`NODES`") && !error.contains("secret"), "{error}");
        }
    }
}
