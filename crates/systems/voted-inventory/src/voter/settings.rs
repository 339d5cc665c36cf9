//! What the voter is told from outside.

use std::time::Duration;

use standfast_tactics::vote::{Mode, Panel};

use super::super::TACTICS;
use super::super::replicas::replicas;
use crate::serve::ServeError;
use crate::service::environment::Environment;
use crate::service::peer::PeerAddress;

/// Nobody misses a replica that stands still for as long as a vote may take, even when another one
/// lies: at 1,000 queries a second that is 300 calls. With 64, four pauses of 150 ms refused 2.7 %
/// of the queries.
const CALLS_MAX: usize = 512;

/// Which tactics work.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tactics {
    pub(super) vote: bool,
    pub(super) circuit_breaker: bool,
    pub(super) detect: bool,
}

/// The checked configuration.
#[derive(Debug)]
pub(super) struct Settings {
    /// Names and addresses of the replicas.
    pub(super) replicas: Vec<(String, PeerAddress)>,
    pub(super) panel: Panel,
    /// Without it, every replica counts.
    pub(super) monitor: Option<PeerAddress>,
    /// From asking the replicas to the end of the vote.
    pub(super) vote_timeout: Duration,
    /// So many deviations from the others' latency are too many.
    pub(super) outlier_sigmas: f64,
    /// A difference in latency below this means nothing.
    pub(super) outlier_floor: Duration,
    /// So many agreements in a row about a product clear a replica of having been wrong about it.
    pub(super) agreements_to_clear: usize,
    /// How often a vote is held about a product that somebody was wrong about.
    pub(super) probation_period: Duration,
    /// How often the monitor is asked and told; a dissent is told at once.
    pub(super) report_period: Duration,
    /// What the monitor said holds for so long without being repeated.
    pub(super) marks_valid: Duration,
    /// Calls to one replica at once.
    pub(super) calls_max: usize,
    pub(super) tactics: Tactics,
}

impl Settings {
    pub(super) fn read(environment: &Environment<'_>) -> Result<Self, ServeError> {
        let without = environment.without(TACTICS)?;
        let is_on = |name: &str| !without.contains(name);
        let replicas = replicas(environment)?;
        let faults = replicas.len().saturating_sub(1) / 2;
        let panel = Panel::try_new(replicas.len(), Mode::Masking { faults })
            .ok()
            .filter(|_| faults > 0)
            .ok_or_else(|| {
                ServeError::variable("INVENTORY_URLS", "names less than three replicas")
            })?;
        let ms = Duration::from_millis;
        let sigmas = environment.get("OUTLIER_SIGMAS").unwrap_or_else(|| "2".to_owned());
        let sigmas: Option<f64> = sigmas.parse().ok();
        let sigmas = sigmas.filter(|sigmas| *sigmas > 0.0 && sigmas.is_finite());
        let vote_timeout = environment.duration("VOTE_TIMEOUT", ms(300))?;
        if vote_timeout.is_zero() {
            return Err(ServeError::variable(
                "VOTE_TIMEOUT",
                "is zero, in which nobody can answer",
            ));
        }
        Ok(Self {
            replicas,
            panel,
            monitor: environment.optional("MONITOR_URL")?,
            vote_timeout,
            outlier_sigmas: sigmas
                .ok_or_else(|| ServeError::variable("OUTLIER_SIGMAS", "is no number above 0"))?,
            outlier_floor: environment.duration("OUTLIER_FLOOR", ms(50))?,
            agreements_to_clear: environment.number("AGREEMENTS_TO_CLEAR", 5)?,
            probation_period: environment.duration("PROBATION_PERIOD", ms(100))?,
            report_period: environment.duration("REPORT_PERIOD", ms(100))?,
            marks_valid: environment.duration("MARKS_VALID", ms(2000))?,
            calls_max: environment.number("REPLICA_CALLS_MAX", CALLS_MAX)?,
            tactics: Tactics {
                vote: is_on("vote"),
                circuit_breaker: is_on("circuit-breaker"),
                detect: is_on("detect"),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const URLS: (&str, &str) = ("INVENTORY_URLS", "http://a:1,http://b:2,http://c:3");

    fn read(pairs: &[(&str, &str)]) -> Result<Settings, ServeError> {
        Settings::read(&Environment::of(pairs))
    }

    #[test]
    fn the_defaults_are_those_of_the_design() {
        let settings = read(&[URLS]).unwrap();
        assert_eq!((settings.panel.replicas(), settings.panel.required()), (3, 2));
        assert_eq!(settings.replicas[1].0, "inventory-2");
        assert_eq!(settings.vote_timeout, Duration::from_millis(300));
        assert!(settings.monitor.is_none() && settings.tactics.vote);
        assert!(settings.outlier_sigmas > 1.99 && settings.outlier_sigmas < 2.01);
    }

    #[test]
    fn what_cannot_work_is_refused_before_the_start() {
        let refused = |pairs: &[(&str, &str)]| read(pairs).unwrap_err().to_string();
        assert!(refused(&[]).contains("`INVENTORY_URLS`"));
        assert!(refused(&[("INVENTORY_URLS", "http://a:1,http://b:2")]).contains("three"));
        for (name, value) in [
            ("INVENTORY_NAMES", "a,b"),
            ("INVENTORY_NAMES", "a,b,b"),
            ("MONITOR_URL", "nowhere"),
            ("OUTLIER_SIGMAS", "-1"),
            ("VOTE_TIMEOUT", "0s"),
            ("STANDFAST_WITHOUT", "votes"),
        ] {
            assert!(refused(&[URLS, (name, value)]).contains(&format!("`{name}`")), "{name}");
        }
    }

    #[test]
    fn each_tactic_can_be_switched_off_alone() {
        let tactics = |name| read(&[URLS, ("STANDFAST_WITHOUT", name)]).unwrap().tactics;
        assert!(!tactics("vote").vote && tactics("vote").circuit_breaker);
        assert!(!tactics("circuit-breaker").circuit_breaker);
        assert!(!tactics("detect").detect && tactics("inbox").detect);
    }
}
