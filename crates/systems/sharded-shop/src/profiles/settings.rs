//! What the profiles service is told from outside, and which of its tactics are on.

use std::sync::Arc;
use std::time::Duration;

use standfast_tactics::cache_aside;
use tokio_postgres::Config;

use super::super::TACTICS;
use super::super::primary::{address, addresses};
use crate::serve::{ServeError, ServeOptions};
use crate::service::environment::Environment;

/// Copies expire up to a tenth of their time early, so that those made together do not expire
/// together.
const TTL_JITTER: f64 = 0.1;

/// Which tactics work.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tactics {
    /// Off: reads go to the replicas in turn, however far behind they are.
    pub(super) replica_router: bool,
    /// Off: a copy is used until it expires.
    pub(super) invalidation: bool,
}

/// The checked configuration.
#[derive(Debug)]
pub(super) struct Settings {
    /// Tells this process from others of the same service, also in the table of heartbeats.
    pub(super) name: String,
    pub(super) primary: Arc<[Config]>,
    /// All servers of the core: any of them may be a replica tomorrow.
    pub(super) servers: Vec<(String, Config)>,
    pub(super) valkey: redis::ConnectionInfo,
    pub(super) freshness: cache_aside::Policy,
    /// How old an answer may be if its reader says nothing.
    pub(super) lag_max: Duration,
    /// No request takes longer, whatever its client asks for.
    pub(super) request_budget: Duration,
    /// Transactions with the primary that may run at once.
    pub(super) sessions_max: usize,
    pub(super) tactics: Tactics,
}

impl Settings {
    pub(super) fn read(
        environment: &Environment<'_>,
        options: &ServeOptions,
    ) -> Result<Self, ServeError> {
        let without = environment.without(TACTICS)?;
        let name = environment.service_name(format!("profiles-{}", options.instance));
        let ttl = environment.duration("CACHE_TTL", Duration::from_secs(30))?;
        let freshness = cache_aside::Policy::try_new(ttl, Duration::ZERO, TTL_JITTER)
            .map_err(|error| ServeError::variable("CACHE_TTL", error.to_string()))?;
        Ok(Self {
            primary: addresses(environment, &name)?,
            servers: environment.required_by("REPLICA_URLS", |list| servers(list, &name))?,
            valkey: environment.required_by("VALKEY_URL", valkey)?,
            freshness,
            lag_max: environment.duration("LAG_MAX", Duration::from_secs(1))?,
            request_budget: environment.duration("REQUEST_BUDGET", Duration::from_secs(1))?,
            sessions_max: environment.number("SESSIONS_MAX", 16)?,
            tactics: Tactics {
                replica_router: !without.contains("replica-router"),
                invalidation: !without.contains("invalidation"),
            },
            name,
        })
    }
}

/// Why a list of servers cannot be used.
#[derive(Debug, thiserror::Error)]
enum ServersError {
    #[error("a server is name=url")]
    Form,
    #[error("the URL of `{name}` cannot be read")]
    Url {
        name: String,
        #[source]
        source: tokio_postgres::Error,
    },
}

/// `name=url,name=url`.
fn servers(list: &str, application: &str) -> Result<Vec<(String, Config)>, ServersError> {
    let server = |pair: &str| {
        let (name, url) = pair.trim().split_once('=').ok_or(ServersError::Form)?;
        let config = address(url, application);
        let config =
            config.map_err(|source| ServersError::Url { name: name.to_owned(), source })?;
        Ok((name.to_owned(), config))
    };
    list.split(',').map(server).collect()
}

fn valkey(url: &str) -> redis::RedisResult<redis::ConnectionInfo> {
    let info = redis::IntoConnectionInfo::into_connection_info(url)?;
    // Small requests must not wait for the acknowledgement of the one before.
    Ok(info.set_tcp_settings(redis::io::tcp::TcpSettings::default().set_nodelay(true)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_have_names_and_a_wrong_url_is_told_without_its_password() {
        let url = |port| format!("postgresql://shop:secret@127.0.0.1:{port}/shop");
        let list = format!("core-a={},core-b={}", url(5432), url(5433));
        let found = servers(&list, "profiles-1").unwrap();
        assert_eq!(found[1].0, "core-b");
        assert_eq!(found[1].1.get_ports(), [5433]);
        for wrong in [url(5432), "core-a=secret@:".to_owned()] {
            let error = servers(&wrong, "profiles-1").unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
