//! What the monitor is told from outside. All intervals are given as people know them, and divided
//! by the scale of the clock here, once.

use std::time::Duration;

use standfast_tactics::detect::{
    Echo, EchoPolicy, Heartbeat, HeartbeatPolicy, Phi, PhiPolicy, PolicyError, Standing,
};
use tokio::time::Instant;

use super::super::TACTICS;
use crate::serve::{ServeError, ServeOptions};
use crate::service::environment::Environment;
use crate::service::heartbeat::{BEAT_EVERY, Heartbeats, clock_scale};
use crate::service::peer::PeerAddress;

/// The deviation of intervals is not taken to be smaller, however the clock is scaled: the machine
/// that writes and reads the beats is not.
const DEVIATION_MIN: Duration = Duration::from_millis(50);

/// A service that is watched.
#[derive(Clone, Debug)]
pub(super) struct Watched {
    pub(super) name: String,
    pub(super) address: PeerAddress,
}

/// The checked configuration.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) watched: Vec<Watched>,
    /// By how much the intervals below have been divided.
    pub(super) clock_scale: f64,
    /// How often services beat.
    pub(super) beat_every: Duration,
    pub(super) ping: EchoPolicy,
    pub(super) heartbeat: HeartbeatPolicy,
    pub(super) phi: PhiPolicy,
    /// For how long beats are kept in the database.
    pub(super) beats_kept_for: Duration,
    /// Without it there are neither heartbeats nor a memory.
    pub(super) database: Option<tokio_postgres::Config>,
    /// Whether heartbeats are read at all.
    pub(super) reads_beats: bool,
    /// The monitor's own.
    pub(super) own_beats: Heartbeats,
}

impl Settings {
    pub(super) fn read(
        environment: &Environment<'_>,
        options: &ServeOptions,
    ) -> Result<Self, ServeError> {
        let without = environment.without(TACTICS)?;
        let reads_beats = !without.contains("heartbeat");
        let clock_scale = clock_scale(environment)?;
        let scaled = |name: &str, default: Duration| {
            Ok(environment.duration(name, default)?.div_f64(clock_scale))
        };
        let beat_every = scaled("HEARTBEAT_EVERY", BEAT_EVERY)?;
        let ping = ping(environment, clock_scale)?;
        let check_every = scaled("HEARTBEAT_CHECK_EVERY", Duration::from_secs(60))?;
        let heartbeat = HeartbeatPolicy {
            suspect_after: beat_every * 3 / 2,
            down_after: scaled("HEARTBEAT_DOWN_AFTER", Duration::from_secs(60))?,
            beats_to_return: 2,
            check_every,
            own_pause_max: check_every,
        };
        let phi = phi(environment, beat_every, clock_scale)?;
        let now = Instant::now();
        let wrong = |name, result: Result<(), PolicyError>| {
            result.map_err(|error| ServeError::variable(name, error.to_string()))
        };
        wrong("PING_EVERY", Echo::try_new(ping, Standing::Up, now).map(drop))?;
        wrong("HEARTBEAT_DOWN_AFTER", Heartbeat::try_new(heartbeat, now).map(drop))?;
        wrong("PHI_DOWN_AT", Phi::try_new(phi).map(drop))?;
        let name = environment.service_name("monitor");
        let own_beats = Heartbeats::read(environment, &name)?;
        tracing::debug!(instance = options.instance, clock_scale, "settings were read");
        Ok(Self {
            watched: environment.required_by("WATCHED", watched)?,
            clock_scale,
            beat_every,
            ping,
            heartbeat,
            phi,
            beats_kept_for: environment
                .duration("BEATS_KEPT_FOR", Duration::from_secs(7 * 24 * 3600))?,
            database: environment.optional("MONITOR_DB_URL")?,
            reads_beats,
            own_beats: if reads_beats { own_beats } else { own_beats.off() },
        })
    }
}

fn ping(environment: &Environment<'_>, clock_scale: f64) -> Result<EchoPolicy, ServeError> {
    let every = environment.duration("PING_EVERY", Duration::from_secs(300))?;
    let period = every.div_f64(clock_scale);
    let timeout = environment.duration("PING_TIMEOUT", Duration::from_secs(1))?;
    let count = |name: &str, default: usize| {
        let number = environment.number(name, default)?;
        Ok(u32::try_from(number).unwrap_or(u32::MAX))
    };
    Ok(EchoPolicy {
        period,
        // The network is as fast on a scaled clock as on any; but a ping must end before the next.
        timeout: timeout.min(period),
        failures: count("PING_FAILURES_TO_DOWN", 1)?,
        successes: count("PING_SUCCESSES_TO_UP", 1)?,
        own_pause_max: period,
    })
}

fn phi(
    environment: &Environment<'_>,
    beat_every: Duration,
    clock_scale: f64,
) -> Result<PhiPolicy, ServeError> {
    const NAME: &str = "PHI_DOWN_AT";
    let down_at = match environment.get(NAME) {
        None => 8.0,
        Some(text) => text.parse().map_err(|_| ServeError::variable(NAME, "is no number"))?,
    };
    let check_every = environment.duration("PHI_CHECK_EVERY", Duration::from_secs(5))?;
    let check_every = check_every.div_f64(clock_scale);
    Ok(PhiPolicy {
        down_at,
        suspect_at: down_at / 2.0,
        deviation_min: (beat_every / 10).max(DEVIATION_MIN),
        // Services have no pauses that they would be forgiven.
        pause: Duration::ZERO,
        first_estimate: beat_every,
        samples_max: 1000,
        beats_to_return: 2,
        check_every,
        own_pause_max: beat_every,
    })
}

/// `name=http://host:port`, with commas between.
fn watched(text: &str) -> Result<Vec<Watched>, String> {
    let mut watched: Vec<Watched> = Vec::new();
    for one in text.split(',') {
        let (name, address) =
            one.trim().split_once('=').ok_or_else(|| format!("`{one}` is not `name=URL`"))?;
        let address = address.parse().map_err(|error| format!("`{name}`: {error}"))?;
        if name.is_empty() || watched.iter().any(|other| other.name == name) {
            return Err(format!("`{name}` is no name of its own"));
        }
        watched.push(Watched { name: name.to_owned(), address });
    }
    Ok(watched)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn read(more: &[(&str, &str)]) -> Result<Settings, ServeError> {
        let all: Vec<_> = more
            .iter()
            .chain(&[("WATCHED", "search=http://a:1, web=http://b:2")])
            .copied()
            .collect();
        let options = ServeOptions {
            bind: Ipv4Addr::LOCALHOST,
            port: 0,
            instance: "1".to_owned(),
            clock_scale: None,
        };
        Settings::read(&Environment::of(&all), &options)
    }

    #[test]
    fn the_defaults_are_those_of_the_design_and_a_scale_divides_them() {
        let seconds = Duration::from_secs;
        let settings = read(&[]).unwrap();
        assert_eq!((settings.ping.period, settings.beat_every), (seconds(300), seconds(30)));
        assert_eq!(settings.heartbeat.check_every, seconds(60));
        assert_eq!(settings.watched[1].name, "web");
        let settings = read(&[("CLOCK_SCALE", "60")]).unwrap();
        assert_eq!((settings.ping.period, settings.ping.timeout), (seconds(5), seconds(1)));
        assert_eq!(settings.beat_every, Duration::from_millis(500));
        assert_eq!(settings.heartbeat.bound(), seconds(2));
        assert_eq!(settings.phi.deviation_min, DEVIATION_MIN);
        let settings = read(&[("CLOCK_SCALE", "1000")]).unwrap();
        assert_eq!(settings.ping.timeout, Duration::from_millis(300), "before the next ping");
    }

    #[test]
    fn what_cannot_work_is_refused_before_the_start() {
        for (name, value) in [
            ("PING_EVERY", "0s"),
            ("HEARTBEAT_DOWN_AFTER", "1s"),
            ("PHI_DOWN_AT", "-1"),
            ("PHI_DOWN_AT", "high"),
            ("WATCHED", "http://a:1"),
            ("WATCHED", "a=http://a:1,a=http://b:2"),
            ("MONITOR_DB_URL", "postgresql://:::"),
            ("STANDFAST_WITHOUT", "monitoring"),
        ] {
            let error = read(&[(name, value)]).unwrap_err().to_string();
            assert!(error.contains(&format!("`{name}`")), "{error}");
        }
        assert!(!read(&[("STANDFAST_WITHOUT", "heartbeat")]).unwrap().reads_beats);
    }
}
