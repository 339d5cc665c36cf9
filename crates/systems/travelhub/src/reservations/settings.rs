//! What the reservations service is told from outside.

use std::time::Duration;

use super::super::TACTICS;
use crate::serve::{ServeError, ServeOptions};
use crate::service::database;
use crate::service::environment::Environment;
use crate::service::peer::PeerAddress;

/// The checked configuration.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) postgres: tokio_postgres::Config,
    pub(super) cashier: PeerAddress,
    /// No request takes longer, whatever its client asks for.
    pub(super) request_budget: Duration,
    /// What a charge may take, in a request or after it.
    pub(super) charge_budget: Duration,
    /// How long a room is kept for somebody who has not paid.
    pub(super) hold_for: Duration,
    /// Requests that wait to be written.
    pub(super) waiting_max: usize,
    /// Entries of the log that are kept although all have read them.
    pub(super) events_kept: u64,
    /// Whether the cashier is left alone while it fails; off only in a control arm.
    pub(super) has_breaker: bool,
    /// Who is told of entries as they come; only in the control arm without `resync`.
    pub(super) push_to: Option<PeerAddress>,
    /// Who is called in each booking; only in the control arm without `isolation`.
    pub(super) report_to: Option<PeerAddress>,
}

impl Settings {
    pub(super) fn read(
        environment: &Environment<'_>,
        options: &ServeOptions,
    ) -> Result<Self, ServeError> {
        let without = environment.without(TACTICS)?;
        let name = environment.service_name(format!("reservations-{}", options.instance));
        let (inventory, analytics) =
            (environment.optional("INVENTORY_URL")?, environment.optional("ANALYTICS_URL")?);
        Ok(Self {
            postgres: database::address(environment, &name)?,
            cashier: environment.required("CASHIER_URL")?,
            request_budget: environment.duration("REQUEST_BUDGET", Duration::from_secs(1))?,
            charge_budget: environment.duration("CHARGE_BUDGET", Duration::from_millis(800))?,
            hold_for: environment.duration("HOLD_FOR", Duration::from_secs(600))?,
            waiting_max: environment.number("WAITING_MAX", 1024)?,
            events_kept: environment.number("EVENTS_KEPT", 50_000)? as u64,
            has_breaker: !without.contains("breaker"),
            push_to: inventory.filter(|_| without.contains("resync")),
            report_to: analytics.filter(|_| without.contains("isolation")),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn read(more: &[(&str, &str)]) -> Result<Settings, ServeError> {
        let urls = [
            ("POSTGRES_URL", "postgresql://travelhub:secret@127.0.0.1:5432/travelhub"),
            ("CASHIER_URL", "http://127.0.0.1:8097"),
            ("INVENTORY_URL", "http://127.0.0.1:8094"),
            ("ANALYTICS_URL", "http://127.0.0.1:8096"),
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
    fn nobody_is_called_in_a_booking_but_in_control_arms() {
        let settings = read(&[]).unwrap();
        assert!(settings.push_to.is_none() && settings.report_to.is_none());
        assert!(settings.has_breaker);
        let without = |tactic| read(&[("STANDFAST_WITHOUT", tactic)]).unwrap();
        assert!(without("resync").push_to.is_some());
        assert!(without("isolation").report_to.is_some());
        assert!(!without("breaker").has_breaker);
    }

    #[test]
    fn what_cannot_work_is_refused_before_the_start() {
        let refused = |name, value| read(&[(name, value)]).unwrap_err().to_string();
        assert!(refused("POSTGRES_URL", "postgresql://:::").contains("`POSTGRES_URL`"));
        assert!(refused("CASHIER_URL", "cashier").contains("`CASHIER_URL`"));
        assert!(refused("HOLD_FOR", "10").contains("`HOLD_FOR`"));
        assert!(refused("STANDFAST_WITHOUT", "votes").contains("`votes`"));
    }
}
