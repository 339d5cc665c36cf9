//! What a replica is told from outside.

use std::path::PathBuf;
use std::time::Duration;

use super::super::TACTICS;
use super::super::log::LogSettings;
use super::state::{Inbox, Initial};
use crate::serve::{ServeError, ServeOptions};
use crate::service::environment::Environment;

/// The checked configuration.
#[derive(Debug)]
pub(super) struct Settings {
    /// Who replies, such as `inventory-2`.
    pub(super) replica: String,
    pub(super) log: LogSettings,
    pub(super) initial: Initial,
    pub(super) inbox: Inbox,
    /// Where snapshots are kept; without it, the log is replayed from its start. Absent as well
    /// when the tactic `snapshot` is off.
    pub(super) snapshot_dir: Option<PathBuf>,
    /// So many records after the last snapshot comes the next.
    pub(super) snapshot_every: usize,
    /// Whether nobody is answered before the replica has caught up. Part of the tactic `snapshot`.
    pub(super) answers_when_caught_up: bool,
    /// No request takes longer.
    pub(super) request_budget: Duration,
}

impl Settings {
    pub(super) fn read(
        environment: &Environment<'_>,
        options: &ServeOptions,
    ) -> Result<Self, ServeError> {
        let without = environment.without(TACTICS)?;
        let replica = environment.service_name(format!("inventory-{}", options.instance));
        let count = |name: &str, default: usize| {
            let number = environment.number(name, default)?;
            u32::try_from(number).map_err(|_| {
                ServeError::variable(name, format!("is {number}, which is more than {}", u32::MAX))
            })
        };
        let initial = Initial {
            products: count("PRODUCTS", 100)?,
            stock_each: count("STOCK_EACH", 1_000_000)?,
        };
        let keeps_snapshots = !without.contains("snapshot");
        let snapshot_dir = environment.get("SNAPSHOT_DIR").map(PathBuf::from);
        Ok(Self {
            log: LogSettings::read(environment, &replica)?,
            replica,
            initial,
            inbox: if without.contains("inbox") { Inbox::Off } else { Inbox::On },
            snapshot_dir: snapshot_dir.filter(|_| keeps_snapshots),
            snapshot_every: environment.number("SNAPSHOT_EVERY", 10_000)?,
            answers_when_caught_up: keeps_snapshots,
            request_budget: environment.duration("REQUEST_BUDGET", Duration::from_millis(200))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn read(more: &[(&str, &str)]) -> Result<Settings, ServeError> {
        let brokers = [("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9092")];
        let all: Vec<_> = more.iter().chain(&brokers).copied().collect();
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
        let settings = read(&[("SERVICE_NAME", "inventory-2"), ("SNAPSHOT_DIR", "here")]).unwrap();
        assert_eq!(settings.replica, "inventory-2");
        assert_eq!(settings.initial, Initial { products: 100, stock_each: 1_000_000 });
        assert_eq!(settings.request_budget, Duration::from_millis(200));
        assert_eq!(settings.snapshot_dir, Some(PathBuf::from("here")));
        assert!(settings.answers_when_caught_up && settings.inbox == Inbox::On);
    }

    #[test]
    fn a_control_arm_switches_off_one_tactic_or_one_of_another_service() {
        let without =
            |name| read(&[("STANDFAST_WITHOUT", name), ("SNAPSHOT_DIR", "here")]).unwrap();
        assert_eq!(without("inbox").inbox, Inbox::Off);
        let settings = without("snapshot");
        assert!(settings.snapshot_dir.is_none() && !settings.answers_when_caught_up);
        assert!(without("vote").answers_when_caught_up);
        assert!(read(&[("STANDFAST_WITHOUT", "snapshots")]).is_err());
        assert!(read(&[("STOCK_EACH", "5000000000")]).is_err());
    }
}
