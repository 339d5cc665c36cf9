//! Whom a watchdog watches, from the environment.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use standfast_failover::actuator::wire::SOCKET_VARIABLE;
use standfast_failover::core::{Copies, Options};
use standfast_failover::database::mysql::{Flavour, MysqlServer};
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
    /// The defaults of its kind of database.
    pub(super) options: Options,
    /// Where HAProxy takes commands, and what it calls the cluster.
    pub(super) router_socket: PathBuf,
    pub(super) backend: String,
    /// Where processes are started and killed.
    pub(super) actuator: PathBuf,
    /// Of the journal, and of the socket for commands.
    pub(super) folder: PathBuf,
}

impl Settings {
    /// `NODES` is `name=url,name=url`: the administrator's URLs of the servers themselves. `KIND`
    /// is what they are: `postgres`, `mariadb` or `mysql`.
    pub(super) fn read(environment: &Environment<'_>) -> Result<Self, ServeError> {
        let cluster: String = environment.required("CLUSTER")?;
        let nodes: String = environment.required("NODES")?;
        let kind = environment.get("KIND").unwrap_or_else(|| "postgres".to_owned());
        let mut pairs = Vec::new();
        for node in nodes.split(',') {
            let pair = node.trim().split_once('=');
            pairs.push(pair.ok_or_else(|| wrong("a node is name=url"))?);
        }
        if pairs.len() < 2 {
            return Err(wrong("a cluster has two servers or more"));
        }
        let (members, databases, mut options) = match kind.as_str() {
            "postgres" => postgres(&pairs)?,
            "mariadb" => mysql(Flavour::Mariadb, &pairs)?,
            "mysql" => mysql(Flavour::Mysql, &pairs)?,
            _ => {
                let problem = format!("is `{kind}`, and none of postgres, mariadb, mysql");
                return Err(ServeError::Configuration { variable: "KIND".to_owned(), problem });
            }
        };
        options.failovers_max = environment.number("FAILOVERS_MAX", options.failovers_max)?;
        options.copies = match environment.get("COPIES").as_deref() {
            None => options.copies,
            Some("all") => Copies::All,
            Some("one") => Copies::One,
            Some(other) => {
                let problem =
                    format!("is `{other}`: commits wait for `all` replicas, or for `one`");
                return Err(ServeError::Configuration { variable: "COPIES".to_owned(), problem });
            }
        };
        let path = |name: &str| environment.required::<String>(name).map(PathBuf::from);
        Ok(Self {
            backend: environment.get("ROUTER_BACKEND").unwrap_or_else(|| cluster.clone()),
            router_socket: path("ROUTER_SOCKET")?,
            actuator: path(SOCKET_VARIABLE)?,
            folder: path("WATCHDOG_DIR")?,
            cluster,
            members,
            databases,
            options,
        })
    }
}

/// What differs between kinds of databases.
type Cluster = (Members, Vec<Arc<dyn Database>>, Options);

/// The name of a server, and its URL.
type Pair<'a> = (&'a str, &'a str);

fn postgres(pairs: &[Pair<'_>]) -> Result<Cluster, ServeError> {
    let members = members(pairs, |url| Postgres::address_of(url).map_err(wrong))?;
    let database = |(_, url): &Pair<'_>| {
        let server = Postgres::new(url, members.clone()).map_err(wrong)?;
        Ok(Arc::new(server) as Arc<dyn Database>)
    };
    let databases = pairs.iter().map(database).collect::<Result<_, ServeError>>()?;
    Ok((members, databases, Options::of(pairs.len())))
}

fn mysql(flavour: Flavour, pairs: &[Pair<'_>]) -> Result<Cluster, ServeError> {
    let members = members(pairs, |url| MysqlServer::address_of(url).map_err(wrong))?;
    let urls: Vec<&str> = pairs.iter().map(|(_, url)| *url).collect();
    let servers = MysqlServer::cluster(flavour, &urls, &members).map_err(wrong)?;
    let databases = servers.into_iter().map(|server| Arc::new(server) as Arc<dyn Database>);
    Ok((members, databases.collect(), flavour.options()))
}

/// Who is where: replicas say by address whom they follow.
fn members(
    pairs: &[Pair<'_>],
    address_of: impl Fn(&str) -> Result<Option<SocketAddr>, ServeError>,
) -> Result<Members, ServeError> {
    let member = |(name, url): &Pair<'_>| {
        let address = address_of(url)?;
        let address = address.ok_or_else(|| wrong(format!("`{name}` has no address")))?;
        Ok(((*name).to_owned(), address))
    };
    Ok(Members::new(pairs.iter().map(member).collect::<Result<Vec<_>, ServeError>>()?))
}

/// The URLs have passwords, so the value is not repeated.
fn wrong(problem: impl ToString) -> ServeError {
    ServeError::Configuration { variable: "NODES".to_owned(), problem: problem.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: &str, nodes: &str) -> Result<Settings, String> {
        read_with(kind, nodes, "all")
    }

    fn read_with(kind: &str, nodes: &str, copies: &str) -> Result<Settings, String> {
        let pairs = [
            ("COPIES", copies),
            ("CLUSTER", "orders"),
            ("KIND", kind),
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
        let settings = read("postgres", &both).unwrap();
        assert_eq!(settings.members.names(), ["orders-a", "orders-b"]);
        assert_eq!((settings.databases.len(), settings.backend.as_str()), (2, "orders"));
        assert_eq!(read_with("postgres", &both, "one").unwrap().options.copies, Copies::One);
        assert!(read_with("postgres", &both, "two").unwrap_err().contains("`COPIES`"));
        for wrong in [url(5432), format!("orders-a={}", url(5432)), "a=x,b=y".to_owned()] {
            let error = read("postgres", &wrong).unwrap_err();
            assert!(error.contains("`NODES`") && !error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn each_kind_of_database_has_urls_of_its_own() {
        let nodes = "a=mysql://root:secret@127.0.0.1:3306/s,b=mysql://root:secret@127.0.0.1:3307/s";
        for kind in ["mariadb", "mysql"] {
            let settings = read(kind, nodes).unwrap();
            assert_eq!((settings.databases.len(), settings.options.nodes), (2, 2));
            let third = format!("{nodes},c=mysql://root:secret@127.0.0.1:3308/s");
            let error = read(kind, &third).unwrap_err();
            assert!(error.contains("two servers") && !error.contains("secret"), "{error}");
        }
        assert!(read("oracle", nodes).unwrap_err().contains("`KIND`"));
        assert!(read("postgres", nodes).is_err());
    }
}
