//! What the offers service is told from outside, and which of its tactics are on.

use std::time::Duration;

use standfast_tactics::cache_aside;

use crate::serve::{ServeError, ServeOptions};
use crate::service::environment::Environment;

/// The names that `STANDFAST_WITHOUT` may hold, as in `system.toml`.
pub(super) const TACTICS: &[&str] = &[
    "bulkhead",
    "cache-aside",
    "circuit-breaker",
    "coalescing",
    "deadline",
    "lag-guard",
    "read-replica",
    "stale-fallback",
];

/// Copies expire up to a tenth of the TTL early, so that those made together do not expire
/// together.
const TTL_JITTER: f64 = 0.1;

/// Which tactics work.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tactics {
    pub(super) bulkhead: bool,
    pub(super) cache_aside: bool,
    pub(super) circuit_breaker: bool,
    pub(super) coalescing: bool,
    pub(super) deadline: bool,
    pub(super) lag_guard: bool,
    pub(super) read_replica: bool,
    pub(super) stale_fallback: bool,
}

/// The checked configuration.
#[derive(Debug)]
pub(super) struct Settings {
    /// Tells this process from others of the same service, also in the heartbeat table.
    pub(super) instance: String,
    pub(super) primary: tokio_postgres::Config,
    pub(super) replica: tokio_postgres::Config,
    pub(super) valkey: redis::ConnectionInfo,
    pub(super) freshness: cache_aside::Policy,
    pub(super) replica_lag_max: Duration,
    /// No request takes longer, whatever its client asks for.
    pub(super) request_budget: Duration,
    /// What a database read may take of it; the rest is for the cache before and after.
    pub(super) read_budget: Duration,
    /// How many database reads run at once.
    pub(super) reads_max: usize,
    pub(super) tactics: Tactics,
}

impl Settings {
    pub(super) fn read(
        environment: &Environment<'_>,
        options: &ServeOptions,
    ) -> Result<Self, ServeError> {
        let without = environment.without(TACTICS)?;
        let is_on = |name: &str| !without.contains(name);
        let tactics = Tactics {
            bulkhead: is_on("bulkhead"),
            cache_aside: is_on("cache-aside"),
            circuit_breaker: is_on("circuit-breaker"),
            coalescing: is_on("coalescing"),
            deadline: is_on("deadline"),
            lag_guard: is_on("lag-guard"),
            read_replica: is_on("read-replica"),
            stale_fallback: is_on("stale-fallback"),
        };
        let ttl = environment.duration("CACHE_TTL", Duration::from_secs(30))?;
        let stale_for = environment.duration("STALE_FOR", Duration::from_secs(600))?;
        let freshness = cache_aside::Policy::try_new(ttl, stale_for, TTL_JITTER)
            .map_err(|error| ServeError::variable("CACHE_TTL", error.to_string()))?;
        // Twice the cores keeps each of them busy while others wait for the disk; a database gets
        // slower, not faster, with more.
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Ok(Self {
            instance: instance(environment, options),
            primary: environment.required("POSTGRES_URL")?,
            replica: environment.required("REPLICA_URL")?,
            valkey: environment.required_by("VALKEY_URL", valkey)?,
            freshness,
            replica_lag_max: environment.duration("REPLICA_LAG_MAX", Duration::from_secs(2))?,
            request_budget: environment.duration("REQUEST_BUDGET", Duration::from_millis(250))?,
            read_budget: environment.duration("READ_BUDGET", Duration::from_millis(150))?,
            reads_max: environment.number("DATABASE_READS_MAX", 2 * cores)?,
            tactics,
        })
    }
}

/// Two services of one instance are told apart by their names.
fn instance(environment: &Environment<'_>, options: &ServeOptions) -> String {
    format!("{}@{}", environment.service_name("offers"), options.instance)
}

fn valkey(url: &str) -> redis::RedisResult<redis::ConnectionInfo> {
    let info = redis::IntoConnectionInfo::into_connection_info(url)?;
    // Small requests must not wait for the acknowledgement of the one before.
    Ok(info.set_tcp_settings(redis::io::tcp::TcpSettings::default().set_nodelay(true)))
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const SYSTEM: &str = include_str!("../system.toml");

    #[test]
    fn the_tactics_are_those_of_system_toml() {
        let headings = SYSTEM.lines().filter_map(|line| line.strip_prefix("[tactic."));
        let mut declared: Vec<&str> =
            headings.filter_map(|heading| heading.strip_suffix(']')).collect();
        declared.sort_unstable();
        assert_eq!(declared, TACTICS);
    }

    fn read(more: &[(&str, &str)]) -> Result<Settings, ServeError> {
        let urls = [
            ("POSTGRES_URL", "postgresql://offers:pw@127.0.0.1:5432/offers"),
            ("REPLICA_URL", "postgresql://offers:pw@127.0.0.1:5433/offers"),
            ("VALKEY_URL", "redis://:pw@127.0.0.1:6379"),
        ];
        let all: Vec<_> = more.iter().chain(&urls).copied().collect();
        let options = ServeOptions {
            bind: Ipv4Addr::LOCALHOST,
            port: 0,
            instance: "test".to_owned(),
            clock_scale: None,
        };
        Settings::read(&Environment::of(&all), &options)
    }

    #[test]
    fn each_tactic_can_be_switched_off_alone() {
        for tactic in TACTICS {
            let on = read(&[("STANDFAST_WITHOUT", tactic)]).unwrap().tactics;
            let Tactics {
                bulkhead,
                cache_aside,
                circuit_breaker,
                coalescing,
                deadline,
                lag_guard,
                read_replica,
                stale_fallback,
            } = on;
            let all = [
                bulkhead,
                cache_aside,
                circuit_breaker,
                coalescing,
                deadline,
                lag_guard,
                read_replica,
                stale_fallback,
            ];
            let off: Vec<&str> = TACTICS
                .iter()
                .zip(all)
                .filter_map(|(name, is_on)| (!is_on).then_some(*name))
                .collect();
            assert_eq!(off, [*tactic]);
        }
    }

    #[test]
    fn what_cannot_work_is_refused_before_the_start() {
        let refused = |name, value| read(&[(name, value)]).unwrap_err().to_string();
        assert!(refused("CACHE_TTL", "0s").contains("TTL of zero"));
        assert!(refused("DATABASE_READS_MAX", "0").contains("`DATABASE_READS_MAX`"));
        assert!(refused("VALKEY_URL", "http://x").contains("`VALKEY_URL`"));
        assert!(refused("POSTGRES_URL", "postgresql://:::").contains("`POSTGRES_URL`"));
    }
}
