//! What the orders service is told from outside.

use std::time::Duration;

use super::super::TACTICS;
use super::super::log::LogSettings;
use crate::serve::{ServeError, ServeOptions};
use crate::service::database;
use crate::service::environment::Environment;

/// The checked configuration.
#[derive(Debug)]
pub(super) struct Settings {
    /// Who writes to the error queue.
    pub(super) name: String,
    pub(super) log: LogSettings,
    pub(super) postgres: tokio_postgres::Config,
    /// How many replicas there are; more than half of them decide.
    pub(super) replicas: usize,
    /// No request takes longer, whatever its client asks for.
    pub(super) request_budget: Duration,
    /// Requests that wait to be written.
    pub(super) waiting_max: usize,
    /// How often the outbox is looked at when nothing wakes the publisher.
    pub(super) poll_every: Duration,
    /// Every so manieth event is published twice. At-least-once delivery does that whenever an
    /// acknowledgement is lost; an experiment cannot wait for it.
    pub(super) repeat_every: Option<u64>,
    /// Whether events go through the outbox; off only in a control arm.
    pub(super) has_outbox: bool,
}

impl Settings {
    pub(super) fn read(
        environment: &Environment<'_>,
        options: &ServeOptions,
    ) -> Result<Self, ServeError> {
        let without = environment.without(TACTICS)?;
        let name = environment.service_name(format!("orders-{}", options.instance));
        Ok(Self {
            log: LogSettings::read(environment, &name)?,
            postgres: database::address(environment, &name)?,
            name,
            replicas: environment.number("REPLICAS", 3)?,
            request_budget: environment.duration("REQUEST_BUDGET", Duration::from_secs(1))?,
            waiting_max: environment.number("WAITING_MAX", 1024)?,
            poll_every: environment.duration("OUTBOX_POLL", Duration::from_millis(100))?,
            repeat_every: match environment.get("REPEAT_EVERY") {
                Some(_) => Some(environment.number("REPEAT_EVERY", 1)? as u64),
                None => None,
            },
            has_outbox: !without.contains("outbox"),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn read(more: &[(&str, &str)]) -> Result<Settings, ServeError> {
        let urls = [
            ("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9092"),
            ("POSTGRES_URL", "postgresql://inventory:secret@127.0.0.1:5432/inventory"),
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
    fn the_defaults_are_those_of_the_design() {
        let settings = read(&[]).unwrap();
        assert_eq!((settings.name.as_str(), settings.replicas), ("orders-1", 3));
        assert!(settings.has_outbox && settings.repeat_every.is_none());
        assert!(!read(&[("STANDFAST_WITHOUT", "outbox")]).unwrap().has_outbox);
        assert!(read(&[("STANDFAST_WITHOUT", "vote")]).unwrap().has_outbox);
    }

    #[test]
    fn what_cannot_work_is_refused_before_the_start() {
        let refused = |name, value| read(&[(name, value)]).unwrap_err().to_string();
        assert!(refused("POSTGRES_URL", "postgresql://:::").contains("`POSTGRES_URL`"));
        assert!(refused("REPLICAS", "0").contains("`REPLICAS`"));
        assert!(refused("REPEAT_EVERY", "x").contains("`REPEAT_EVERY`"));
        assert!(refused("STANDFAST_WITHOUT", "outboxes").contains("`outboxes`"));
    }
}
