//! Heartbeats of a service: a row every so often in the monitor's database, written by a task of
//! its own. No request waits for it, and none is told when it fails: a service without its monitor
//! works as well as any.

use std::time::Duration;

use standfast_tactics::deadline::Deadline;
use time::OffsetDateTime;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_postgres::{Config, NoTls};

use super::database::{CONNECT_TIME_MAX, CallError, take_role, within};
use super::environment::Environment;
use crate::serve::ServeError;

/// By how much [`clock_scale`] divides.
pub(crate) const CLOCK_SCALE: &str = "CLOCK_SCALE";

/// How often a service says that it lives, on a clock that is not scaled.
pub(crate) const BEAT_EVERY: Duration = Duration::from_secs(30);

/// A beat that takes longer is lost: the next one says more.
const BEAT_TIME_MAX: Duration = Duration::from_secs(1);

const BEAT: &str = "INSERT INTO beats (service, incarnation, sequence) VALUES ($1, $2, $3)";

/// Whose heartbeats are written where.
#[derive(Clone, Debug)]
pub(crate) struct Heartbeats {
    service: String,
    every: Duration,
    /// Without it there are none.
    database: Option<Config>,
}

impl Heartbeats {
    /// Those of `service`: `MONITOR_DB_URL`, written as `HEARTBEAT_ROLE`, `HEARTBEAT_EVERY` and
    /// `CLOCK_SCALE`, by which the interval is divided.
    pub(crate) fn read(environment: &Environment<'_>, service: &str) -> Result<Self, ServeError> {
        let every = environment.duration("HEARTBEAT_EVERY", BEAT_EVERY)?;
        let every = every.div_f64(clock_scale(environment)?);
        if every < Duration::from_millis(1) {
            let problem = "is below a millisecond, once it is divided by CLOCK_SCALE";
            return Err(ServeError::variable("HEARTBEAT_EVERY", problem));
        }
        let mut database = environment.optional("MONITOR_DB_URL")?;
        if let Some(database) = &mut database {
            take_role(database, environment, "HEARTBEAT_ROLE")?;
        }
        Ok(Self { service: service.to_owned(), every, database })
    }

    /// None are written: what is left when the tactic is switched off.
    pub(crate) fn off(mut self) -> Self {
        self.database = None;
        self
    }

    /// Writes them for as long as the set lives.
    pub(crate) fn start(self) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        if let Some(database) = self.database {
            tasks.spawn(beat(self.service, self.every, database));
        }
        tasks
    }
}

/// By how much the intervals of the monitor and of what it watches are divided: 1, or more in an
/// experiment, which has no hours to spend.
pub(crate) fn clock_scale(environment: &Environment<'_>) -> Result<f64, ServeError> {
    let Some(text) = environment.get(CLOCK_SCALE) else { return Ok(1.0) };
    let scale: Option<f64> = text.parse().ok();
    let scale = scale.filter(|scale| (1.0..=1000.0).contains(scale));
    scale.ok_or_else(|| ServeError::variable(CLOCK_SCALE, "is no number from 1 to 1000"))
}

async fn beat(service: String, every: Duration, database: Config) {
    // Grows with each start, as long as the clock is not set back by more than the time between.
    let started = OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000;
    let incarnation = i64::try_from(started).unwrap_or(i64::MAX);
    let mut ticks = interval(every);
    // After a pause one beat is news, and the rest would be made up.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut sequence: i64 = 0;
    loop {
        ticks.tick().await;
        let session = match timeout(CONNECT_TIME_MAX, database.connect(NoTls)).await {
            Ok(Ok(session)) => session,
            Ok(Err(error)) => {
                tracing::debug!(%error, "no heartbeat: the monitor's database is away");
                continue;
            }
            Err(_) => continue,
        };
        let (client, connection) = session;
        let mut driver = JoinSet::new();
        driver.spawn(async move { drop(connection.await) });
        loop {
            sequence += 1;
            let row: [&(dyn tokio_postgres::types::ToSql + Sync); 3] =
                [&service, &incarnation, &sequence];
            let deadline = Deadline::after(Instant::now(), BEAT_TIME_MAX);
            let written: Result<u64, CallError> =
                within(deadline, client.execute(BEAT, &row)).await;
            if let Err(error) = written {
                tracing::debug!(%error, "a heartbeat was not written");
                break;
            }
            ticks.tick().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_divided_by_the_scale_of_the_clock() {
        let of = |pairs: &[(&str, &str)]| Heartbeats::read(&Environment::of(pairs), "search");
        assert_eq!(of(&[]).unwrap().every, BEAT_EVERY);
        assert_eq!(of(&[("CLOCK_SCALE", "60")]).unwrap().every, Duration::from_millis(500));
        for (name, value) in
            [("CLOCK_SCALE", "0.5"), ("CLOCK_SCALE", "NaN"), ("HEARTBEAT_EVERY", "0s")]
        {
            let error = of(&[(name, value)]).unwrap_err().to_string();
            assert!(error.contains(&format!("`{name}`")), "{error}");
        }
    }
}
