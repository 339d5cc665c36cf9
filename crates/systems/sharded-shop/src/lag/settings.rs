//! What the probe is told from outside.

use std::time::Duration;

use tokio_postgres::Config;

use super::super::TACTICS;
use super::super::primary::address;
use crate::serve::ServeError;
use crate::service::environment::Environment;

const NAME: &str = "lag";

/// One server of the core, which may be a replica.
#[derive(Clone)]
pub(super) struct Node {
    pub(super) name: String,
    /// As services reach it.
    pub(super) reads: Config,
    /// As its administrator does: statistics are not for everybody.
    pub(super) admin: Config,
}

/// The checked configuration.
#[derive(Clone)]
pub(super) struct Settings {
    /// The primary, whoever that is.
    pub(super) primary: Config,
    pub(super) nodes: Vec<Node>,
    pub(super) marker_every: Duration,
    pub(super) poll_every: Duration,
    /// What the servers say themselves is asked this often.
    pub(super) sample_every: Duration,
    /// A statement that runs for longer is a long one.
    pub(super) long_query: Duration,
}

impl Settings {
    pub(super) fn read(environment: &Environment<'_>) -> Result<Self, ServeError> {
        // It has no tactic of its own, and starts in every arm.
        environment.without(TACTICS)?;
        let reads = environment.required_by("NODES", servers)?;
        let admins = environment.required_by("ADMINS", servers)?;
        let same = reads.iter().map(|(name, _)| name).eq(admins.iter().map(|(name, _)| name));
        if !same {
            let problem = "names other nodes than NODES, or in another order";
            return Err(ServeError::variable("ADMINS", problem));
        }
        let nodes = reads.into_iter().zip(admins);
        let nodes = nodes.map(|((name, reads), (_, admin))| Node { name, reads, admin });
        Ok(Self {
            primary: environment.required_by("PRIMARY_URL", |url| address(url, NAME))?,
            nodes: nodes.collect(),
            marker_every: environment.duration("MARKER_EVERY", Duration::from_millis(20))?,
            poll_every: environment.duration("POLL_EVERY", Duration::from_millis(1))?,
            sample_every: environment.duration("SAMPLE_EVERY", Duration::from_millis(250))?,
            long_query: environment.duration("LONG_QUERY", Duration::from_millis(500))?,
        })
    }
}

/// Why a list of servers cannot be used.
#[derive(Debug, thiserror::Error)]
enum ServersError {
    #[error("a server is name=url")]
    Form,
    #[error("the URL of `{0}` cannot be read")]
    Url(String),
}

/// `name=url,name=url`. Its mistakes name no URL, which holds a password.
fn servers(list: &str) -> Result<Vec<(String, Config)>, ServersError> {
    let server = |pair: &str| {
        let (name, url) = pair.trim().split_once('=').ok_or(ServersError::Form)?;
        let config = address(url, NAME).map_err(|_| ServersError::Url(name.to_owned()))?;
        Ok((name.to_owned(), config))
    };
    list.split(',').map(server).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "postgresql://shop:secret@127.0.0.1:5432/shop";

    fn read(nodes: &str, admins: &str) -> Result<Settings, String> {
        let pairs = [("PRIMARY_URL", URL), ("NODES", nodes), ("ADMINS", admins)];
        Settings::read(&Environment::of(&pairs)).map_err(|error| error.to_string())
    }

    #[test]
    fn nodes_have_two_addresses_and_mistakes_tell_no_password() {
        let both = format!("a={URL},b={URL}");
        assert_eq!(read(&both, &both).unwrap().nodes.len(), 2);
        let other = read(&both, &format!("b={URL},a={URL}")).err().unwrap();
        assert!(other.contains("other nodes"), "{other}");
        let wrong = URL.replace("5432", "none");
        let wrong = read(&format!("a={wrong}"), &both).err().unwrap();
        assert!(wrong.contains("`a`") && !wrong.contains("secret"), "{wrong}");
    }
}
