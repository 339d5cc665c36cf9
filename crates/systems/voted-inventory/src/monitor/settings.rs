//! What the monitor is told from outside.

use std::time::Duration;

use standfast_tactics::detect::{Echo, EchoPolicy, Heartbeat, HeartbeatPolicy, Standing};
use tokio::time::Instant;

use super::super::TACTICS;
use super::super::log::LogSettings;
use super::super::replicas::replicas;
use super::case::CasePolicy;
use super::share::SharePolicy;
use crate::serve::{ServeError, ServeOptions};
use crate::service::environment::Environment;
use crate::service::peer::PeerAddress;

/// The checked configuration.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) replicas: Vec<(String, PeerAddress)>,
    pub(super) echo: EchoPolicy,
    pub(super) case: CasePolicy,
    /// So long the others have time to refuse what one has refused.
    pub(super) refusal_grace: Duration,
    /// How often the evidence is weighed.
    pub(super) weigh_every: Duration,
    pub(super) sample_every: Duration,
    /// Without it, no error queue is inspected.
    pub(super) log: Option<LogSettings>,
    /// Without it, nothing outlives the process.
    pub(super) postgres: Option<tokio_postgres::Config>,
    pub(super) journal_max: usize,
}

impl Settings {
    pub(super) fn read(
        environment: &Environment<'_>,
        options: &ServeOptions,
    ) -> Result<Self, ServeError> {
        let without = environment.without(TACTICS)?;
        let ms = Duration::from_millis;
        let period = environment.duration("HEALTH_PERIOD", ms(200))?;
        let timeout = environment.duration("HEALTH_TIMEOUT", ms(1000))?;
        let slow_after = environment.duration("SLOW_AFTER", ms(300))?;
        let count = |name: &str, default: usize| {
            let number = environment.number(name, default)?;
            Ok(u32::try_from(number).unwrap_or(u32::MAX))
        };
        let echo = EchoPolicy {
            period,
            // Slow or hung is the same to whoever waits.
            timeout: timeout.min(slow_after),
            failures: count("FAILURES_TO_OFF", 3)?,
            successes: count("SUCCESSES_TO_ON", 5)?,
            own_pause_max: 2 * period,
        };
        let weigh_every = (period / 4).max(ms(1));
        let stalled_after = environment.duration("STALLED_AFTER", ms(1000))?;
        let heartbeat = HeartbeatPolicy {
            suspect_after: stalled_after / 2,
            down_after: stalled_after,
            beats_to_return: count("BEATS_TO_ON", 2)?,
            check_every: weigh_every,
            own_pause_max: 2 * period,
        };
        let now = Instant::now();
        Echo::try_new(echo, Standing::Up, now)
            .map_err(|error| ServeError::variable("HEALTH_PERIOD", error.to_string()))?;
        Heartbeat::try_new(heartbeat, now)
            .map_err(|error| ServeError::variable("STALLED_AFTER", error.to_string()))?;
        let share = SharePolicy {
            window: environment.duration("SHARE_WINDOW", ms(2000))?,
            calls_min: environment.number("SHARE_CALLS_MIN", 20)? as u64,
            failures_max: share(environment)?,
            calls_to_clear: environment.number("SHARE_CALLS_TO_ON", 5)? as u64,
        };
        let client = environment.service_name("monitor");
        let log = environment
            .get("KAFKA_BOOTSTRAP_SERVERS")
            .map(|_| LogSettings::read(environment, &format!("{client}-{}", options.instance)));
        Ok(Self {
            replicas: replicas(environment)?,
            echo,
            case: CasePolicy {
                share,
                heartbeat,
                dissents_to_off: environment.number("DISSENTS_TO_OFF", 3)? as u64,
                errors_to_off: environment.number("ERRORS_TO_OFF", 3)? as u64,
                errors_forgotten_after: environment
                    .duration("ERRORS_FORGOTTEN_AFTER", ms(10_000))?,
                is_enforced: !without.contains("detect"),
            },
            refusal_grace: environment.duration("REFUSAL_GRACE", ms(1000))?,
            weigh_every,
            sample_every: environment.duration("SAMPLE_EVERY", ms(10_000))?,
            log: log.transpose()?,
            postgres: environment.optional("POSTGRES_URL")?,
            journal_max: environment.number("JOURNAL_MAX", 10_000)?,
        })
    }
}

fn share(environment: &Environment<'_>) -> Result<f64, ServeError> {
    const NAME: &str = "SHARE_MAX";
    let Some(text) = environment.get(NAME) else { return Ok(0.3) };
    let share: Option<f64> = text.parse().ok();
    let share = share.filter(|share| (0.01..=1.0).contains(share));
    share.ok_or_else(|| ServeError::variable(NAME, "is no share from 0.01 to 1"))
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn read(more: &[(&str, &str)]) -> Result<Settings, ServeError> {
        let urls = [("INVENTORY_URLS", "http://a:1,http://b:2,http://c:3")];
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
    fn the_defaults_are_those_of_the_design() {
        let settings = read(&[]).unwrap();
        let ms = Duration::from_millis;
        assert_eq!((settings.echo.period, settings.echo.timeout), (ms(200), ms(300)));
        assert_eq!((settings.echo.failures, settings.echo.successes), (3, 5));
        assert!(settings.case.is_enforced && settings.log.is_none());
        let patient = read(&[("SLOW_AFTER", "5s")]).unwrap();
        assert_eq!(patient.echo.timeout, ms(1000), "the timeout holds where slowness is suffered");
    }

    #[test]
    fn what_cannot_work_is_refused_before_the_start() {
        for (name, value) in [
            ("HEALTH_PERIOD", "0s"),
            ("STALLED_AFTER", "0s"),
            ("SHARE_MAX", "2"),
            ("FAILURES_TO_OFF", "0"),
            ("KAFKA_BOOTSTRAP_SERVERS", "nowhere"),
            ("POSTGRES_URL", "postgresql://:::"),
            ("STANDFAST_WITHOUT", "detection"),
        ] {
            let error = read(&[(name, value)]).unwrap_err().to_string();
            assert!(error.contains(&format!("`{name}`")), "{error}");
        }
        assert!(!read(&[("STANDFAST_WITHOUT", "detect")]).unwrap().case.is_enforced);
    }
}
