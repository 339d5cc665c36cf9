//! What the middleware is told from outside.

use std::path::PathBuf;
use std::time::Duration;

use super::super::TACTICS;
use super::backlog::Limits;
use super::ledger::Bounds;
use crate::serve::{ServeError, ServeOptions};
use crate::service::environment::Environment;
use crate::service::peer::PeerAddress;

/// The checked configuration.
#[derive(Debug)]
pub(super) struct Settings {
    /// Who drives, in the journal.
    pub(super) name: String,
    /// The folder of the journal; none in the arm without one.
    pub(super) journal: Option<PathBuf>,
    /// Of stock, orders and reports.
    pub(super) addresses: [PeerAddress; 3],
    /// No client waits longer. The saga goes on.
    pub(super) request_budget: Duration,
    /// More sagas at once are refused.
    pub(super) sagas_max: usize,
    /// So many undecided orders are taken, however slowly they are decided.
    pub(super) sagas_min: usize,
}

impl Settings {
    pub(super) fn read(
        environment: &Environment<'_>,
        options: &ServeOptions,
    ) -> Result<Self, ServeError> {
        let without = environment.without(TACTICS)?;
        let folder: String = environment.required("JOURNAL_DIR")?;
        Ok(Self {
            name: environment.service_name(format!("middleware-{}", options.instance)),
            journal: (!without.contains("saga")).then(|| PathBuf::from(folder)),
            addresses: [
                environment.required("STOCK_URL")?,
                environment.required("ORDERS_URL")?,
                environment.required("REPORTS_URL")?,
            ],
            request_budget: environment.duration("REQUEST_BUDGET", Duration::from_secs(5))?,
            sagas_max: environment.number("SAGAS_MAX", 2048)?,
            sagas_min: environment.number("SAGAS_MIN", 64)?,
        })
    }

    /// How many orders are worked on at once.
    pub(super) fn bounds(&self) -> Bounds {
        let undecided = Limits { floor: self.sagas_min, deadline: self.request_budget };
        Bounds { open_max: self.sagas_max, undecided }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn read(more: &[(&str, &str)]) -> Result<Settings, ServeError> {
        let given = [
            ("JOURNAL_DIR", "journal"),
            ("STOCK_URL", "http://127.0.0.1:8001"),
            ("ORDERS_URL", "http://127.0.0.1:8002"),
            ("REPORTS_URL", "http://127.0.0.1:8003"),
        ];
        let all: Vec<_> = more.iter().chain(&given).copied().collect();
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
        assert_eq!(settings.request_budget, Duration::from_secs(5));
        assert_eq!((settings.sagas_min, settings.sagas_max), (64, 2048));
        assert!(settings.journal.is_some());
        assert!(read(&[("STANDFAST_WITHOUT", "saga")]).unwrap().journal.is_none());
        let error = read(&[("STOCK_URL", "8001")]).unwrap_err().to_string();
        assert!(error.contains("`STOCK_URL`"), "{error}");
    }
}
