//! What the gateway is told from outside.

use std::path::PathBuf;
use std::time::Duration;

use standfast_tactics::bulkhead::Limits as Places;
use standfast_tactics::circuit_breaker;
use standfast_tactics::shed;

use super::super::TACTICS;
use super::routes::Target;
use crate::serve::ServeError;
use crate::service::environment::Environment;
use crate::service::peer::PeerAddress;

/// Whoever wanted something and has heard nothing for so long has found another way.
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Which tactics work.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tactics {
    /// The last good answers.
    pub(super) cache: bool,
    /// Without it, users see the failures of the services.
    pub(super) fallback: bool,
    pub(super) hedging: bool,
}

/// The checked configuration.
#[derive(Debug)]
pub(super) struct Settings {
    /// The instances of each service, in the order of [`Target::ALL`]; the storefront may be
    /// missing.
    pub(super) services: [Vec<PeerAddress>; 5],
    /// Where requests are written down; none without the tactic.
    pub(super) journal: Option<PathBuf>,
    /// So many requests may wait for their service.
    pub(super) waiting_max: usize,
    /// For so long at most.
    pub(super) waiting_time_max: Duration,
    pub(super) cache_bytes: usize,
    /// What is older is of no more use.
    pub(super) stale_max: Duration,
    pub(super) connections_max: usize,
    /// Calls to one service at once.
    pub(super) places: Places,
    /// None without the tactic.
    pub(super) breaker: Option<circuit_breaker::Policy>,
    /// None without the tactic.
    pub(super) shedding: Option<shed::Policy>,
    /// Who says this may work the breakers; nobody may without it.
    pub(super) token: Option<String>,
    pub(super) tactics: Tactics,
}

impl Settings {
    pub(super) fn read(environment: &Environment<'_>) -> Result<Self, ServeError> {
        let without = environment.without(TACTICS)?;
        let is_on = |name: &str| !without.contains(name);
        let list = |name| environment.required_by(name, PeerAddress::parse_list);
        let web = match environment.get("WEB_URLS") {
            Some(_) => list("WEB_URLS")?,
            None => Vec::new(),
        };
        let tactics = Tactics {
            cache: is_on("cache") && is_on("fallback"),
            fallback: is_on("fallback"),
            hedging: is_on("hedging"),
        };
        let stores = is_on("store-and-forward") && tactics.fallback;
        Ok(Self {
            services: [
                list("SEARCH_URLS")?,
                list("RESERVATIONS_URLS")?,
                list("INVENTORY_URLS")?,
                list("MONITOR_URLS")?,
                web,
            ],
            journal: stores.then(|| environment.required("JOURNAL_DIR")).transpose()?,
            waiting_max: environment.number("WAITING_MAX", 20_000)?,
            waiting_time_max: environment.duration("WAITING_TIME_MAX", DAY)?,
            cache_bytes: environment.number("CACHE_BYTES", 64 << 20)?,
            stale_max: environment.duration("STALE_MAX", Duration::from_secs(3600))?,
            connections_max: environment.number("CONNECTIONS_MAX", 10_000)?,
            places: Places {
                running_max: environment.number("CALLS_MAX", 128)?,
                waiting_max: environment.number("CALLS_WAITING_MAX", 256)?,
            },
            breaker: is_on("breaker").then(|| breaker(environment)).transpose()?,
            shedding: is_on("shedding").then(|| shedding(environment)).transpose()?,
            token: environment.get("STANDFAST_RUN_TOKEN"),
            tactics,
        })
    }

    pub(super) fn instances(&self, target: Target) -> &[PeerAddress] {
        &self.services[target as usize]
    }
}

/// Five failures in a row, or half of at least twenty calls, or four of five of them slow.
fn breaker(environment: &Environment<'_>) -> Result<circuit_breaker::Policy, ServeError> {
    let ms = Duration::from_millis;
    Ok(circuit_breaker::Policy {
        failures_in_a_row: environment.number("BREAKER_FAILURES", 5)?,
        slow_rate: 0.8,
        break_base: environment.duration("BREAK_BASE", ms(500))?,
        // A service that is back should not wait for its users: the probes cost it little.
        break_max: environment.duration("BREAK_MAX", ms(2000))?,
        half_open_max: environment.duration("HALF_OPEN_MAX", ms(5000))?,
        ..circuit_breaker::Policy::default()
    })
}

fn shedding(environment: &Environment<'_>) -> Result<shed::Policy, ServeError> {
    let number = |name, default: u32| -> Result<u32, ServeError> {
        let number = environment.number(name, default as usize)?;
        u32::try_from(number).map_err(|_| ServeError::variable(name, "is beyond a million"))
    };
    // What the services bear at once without harm: fewer would be refused for what is no overload,
    // but a machine that stood still for a moment.
    let limit_min = number("CONCURRENCY_MIN", 64)?;
    Ok(shed::Policy {
        limit_min,
        limit_first: number("CONCURRENCY_FIRST", 128.max(limit_min))?,
        limit_max: number("CONCURRENCY_MAX", 2000)?,
        ..shed::Policy::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVICES: [(&str, &str); 5] = [
        ("SEARCH_URLS", "http://a:1,http://a:2"),
        ("RESERVATIONS_URLS", "http://b:1"),
        ("INVENTORY_URLS", "http://c:1"),
        ("MONITOR_URLS", "http://d:1"),
        ("JOURNAL_DIR", "/tmp/journal"),
    ];

    fn read(further: &[(&str, &str)]) -> Result<Settings, ServeError> {
        let pairs: Vec<_> = further.iter().chain(&SERVICES).copied().collect();
        Settings::read(&Environment::of(&pairs))
    }

    #[test]
    fn a_breaker_opens_after_five_failures_unless_told_otherwise() {
        let settings = read(&[]).unwrap();
        assert_eq!(settings.breaker.unwrap().failures_in_a_row, 5);
        assert_eq!(settings.instances(Target::Search).len(), 2);
        assert!(settings.instances(Target::Web).is_empty());
        assert!(settings.token.is_none() && settings.tactics.fallback);
    }

    #[test]
    fn each_tactic_can_be_switched_off_alone() {
        let without = |name| read(&[("STANDFAST_WITHOUT", name)]).unwrap();
        assert!(without("breaker").breaker.is_none() && without("breaker").journal.is_some());
        assert!(without("shedding").shedding.is_none());
        assert!(without("store-and-forward").journal.is_none());
        assert!(!without("cache").tactics.cache && without("cache").tactics.fallback);
        let bare = without("fallback");
        assert!(bare.journal.is_none() && !bare.tactics.cache && !bare.tactics.fallback);
    }

    #[test]
    fn what_cannot_work_is_refused_before_the_start() {
        for (name, value) in [
            ("SEARCH_URLS", "nowhere"),
            ("BREAK_BASE", "5"),
            ("STANDFAST_WITHOUT", "breakers"),
            ("WAITING_MAX", "0"),
        ] {
            let error = read(&[(name, value)]).unwrap_err().to_string();
            assert!(error.contains(&format!("`{name}`")), "{error}");
        }
    }
}
