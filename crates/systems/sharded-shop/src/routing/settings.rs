//! Where the map and the shards are.

use std::sync::Arc;
use std::time::Duration;

use tokio_postgres::Config;

use super::super::primary::address;
use crate::serve::{ServeError, ServeOptions};
use crate::service::environment::Environment;

/// The checked configuration of who routes.
#[derive(Debug)]
pub(in super::super) struct RoutingSettings {
    /// Tells this process from others of the same service.
    pub(in super::super) name: String,
    /// The database of the map.
    pub(in super::super) catalog: Arc<[Config]>,
    pub(in super::super) shards: Vec<ShardAddress>,
    /// No request takes longer, whatever its client asks for.
    pub(in super::super) request_budget: Duration,
    /// Sessions with each shard.
    pub(in super::super) sessions_max: usize,
}

/// A shard and its servers, any of which may be its primary.
#[derive(Clone, Debug)]
pub(in super::super) struct ShardAddress {
    pub(in super::super) name: String,
    pub(in super::super) servers: Arc<[Config]>,
}

impl RoutingSettings {
    /// Reads `CATALOG_URL` and `SHARD_URLS`: `shard-1=url,shard-2=url|url`.
    pub(in super::super) fn read(
        environment: &Environment<'_>,
        options: &ServeOptions,
        service: &str,
    ) -> Result<Self, ServeError> {
        let name = environment.service_name(format!("{service}-{}", options.instance));
        Ok(Self {
            catalog: environment.required_by("CATALOG_URL", |urls| servers(urls, &name))?,
            shards: environment.required_by("SHARD_URLS", |list| shards(list, &name))?,
            request_budget: environment.duration("REQUEST_BUDGET", Duration::from_secs(2))?,
            sessions_max: environment.number("SESSIONS_MAX", 8)?,
            name,
        })
    }
}

/// Why a list of shards cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum AddressError {
    #[error("a shard is name=url, or name=url|url")]
    Form,
    #[error("`{0}` is listed twice")]
    Twice(String),
    #[error("a URL of `{name}` cannot be read")]
    Url {
        name: String,
        #[source]
        source: tokio_postgres::Error,
    },
}

fn servers(urls: &str, application: &str) -> Result<Arc<[Config]>, tokio_postgres::Error> {
    urls.split('|').map(|url| address(url.trim(), application)).collect()
}

fn shards(list: &str, application: &str) -> Result<Vec<ShardAddress>, AddressError> {
    let mut shards: Vec<ShardAddress> = Vec::new();
    for pair in list.split(',') {
        let (name, urls) = pair.trim().split_once('=').ok_or(AddressError::Form)?;
        if shards.iter().any(|shard| shard.name == name) {
            return Err(AddressError::Twice(name.to_owned()));
        }
        let wrong = |source| AddressError::Url { name: name.to_owned(), source };
        let servers = servers(urls, application).map_err(wrong)?;
        shards.push(ShardAddress { name: name.to_owned(), servers });
    }
    Ok(shards)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_have_names_and_one_server_or_several() {
        let url = |port| format!("postgresql://shop:secret@127.0.0.1:{port}/shop");
        let list = format!("shard-1={}|{},shard-2={}", url(5441), url(5451), url(6442));
        let found = shards(&list, "shop-1").unwrap();
        assert_eq!(found[0].servers[1].get_ports(), [5451]);
        assert_eq!((found[1].name.as_str(), found[1].servers.len()), ("shard-2", 1));
        let twice = format!("shard-1={},shard-1={}", url(1), url(2));
        for wrong in [url(5441), "shard-1=secret@:".to_owned(), twice] {
            let error = shards(&wrong, "shop-1").unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
