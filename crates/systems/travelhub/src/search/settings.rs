//! What the search service is told from outside.

use std::time::Duration;

use standfast_tactics::cache_aside;

use super::super::TACTICS;
use crate::serve::{ServeError, ServeOptions};
use crate::service::database;
use crate::service::environment::Environment;

/// Copies expire up to a tenth of the TTL early, so that those made together do not expire
/// together.
const TTL_JITTER: f64 = 0.1;

/// The checked configuration.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) postgres: tokio_postgres::Config,
    pub(super) valkey: redis::ConnectionInfo,
    pub(super) freshness: cache_aside::Policy,
    /// No request takes longer, whatever its client asks for.
    pub(super) request_budget: Duration,
    /// What a database read may take of it; the rest is for the cache before and after.
    pub(super) read_budget: Duration,
    /// How many database reads run at once.
    pub(super) reads_max: usize,
    /// Whether answers are kept in the cache, and copies served while the database is away.
    pub(super) has_cache: bool,
    /// Whether a dependency that fails is left alone for a while.
    pub(super) has_breaker: bool,
}

impl Settings {
    pub(super) fn read(
        environment: &Environment<'_>,
        options: &ServeOptions,
    ) -> Result<Self, ServeError> {
        let without = environment.without(TACTICS)?;
        let name = environment.service_name(format!("search-{}", options.instance));
        let ttl = environment.duration("CACHE_TTL", Duration::from_secs(10))?;
        let stale_for = environment.duration("STALE_FOR", Duration::from_secs(600))?;
        let freshness = cache_aside::Policy::try_new(ttl, stale_for, TTL_JITTER);
        // Twice the cores keeps each of them busy while others wait for the disk; a database gets
        // slower, not faster, with more.
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Ok(Self {
            postgres: database::address(environment, &name)?,
            valkey: environment.required_by("VALKEY_URL", valkey)?,
            freshness: freshness.map_err(|error| ServeError::unusable("CACHE_TTL", error))?,
            request_budget: environment.duration("REQUEST_BUDGET", Duration::from_millis(400))?,
            read_budget: environment.duration("READ_BUDGET", Duration::from_millis(300))?,
            reads_max: environment.number("DATABASE_READS_MAX", 2 * cores)?,
            has_cache: !without.contains("cache"),
            has_breaker: !without.contains("breaker"),
        })
    }
}

fn valkey(url: &str) -> Result<redis::ConnectionInfo, redis::RedisError> {
    let info = redis::IntoConnectionInfo::into_connection_info(url)?;
    // Small requests must not wait for the acknowledgement of the one before.
    Ok(info.set_tcp_settings(redis::io::tcp::TcpSettings::default().set_nodelay(true)))
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn read(more: &[(&str, &str)]) -> Result<Settings, ServeError> {
        let urls = [
            ("POSTGRES_URL", "postgresql://travelhub:pw@127.0.0.1:5432/travelhub"),
            ("VALKEY_URL", "redis://:pw@127.0.0.1:6379"),
        ];
        let all: Vec<_> = more.iter().chain(&urls).copied().collect();
        let options = ServeOptions {
            bind: Ipv4Addr::LOCALHOST,
            port: 0,
            instance: "1".to_owned(),
            clock_scale: None,
        };
        Settings::read(&Environment::of(&all), &options)
    }

    #[test]
    fn what_cannot_work_is_refused_before_the_start() {
        let refused = |name, value| read(&[(name, value)]).unwrap_err().to_string();
        assert!(refused("CACHE_TTL", "0s").contains("TTL of zero"));
        assert!(refused("VALKEY_URL", "http://x").contains("`VALKEY_URL`"));
        assert!(refused("STANDFAST_WITHOUT", "caches").contains("`caches`"));
        assert!(!read(&[("STANDFAST_WITHOUT", "cache")]).unwrap().has_cache);
    }
}
