//! What the cashier is told from outside.

use std::time::Duration;

use standfast_tactics::vote::{Mode, Panel};

use super::super::TACTICS;
use crate::serve::{ServeError, ServeOptions};
use crate::service::database;
use crate::service::environment::Environment;
use crate::service::peer::PeerAddress;

/// How many replicas may be wrong. Five of them mask two.
pub(super) const FAULTS_MAX: usize = 2;

/// The checked configuration.
#[derive(Debug)]
pub(super) struct Settings {
    /// Under this, and `/a` or `/b`, replicas are asked.
    pub(super) name: String,
    pub(super) postgres: tokio_postgres::Config,
    pub(super) replicas: Vec<(String, PeerAddress)>,
    pub(super) panel: Panel,
    /// No request takes longer, whatever its client asks for.
    pub(super) request_budget: Duration,
    /// What replicas have to answer in.
    pub(super) vote_timeout: Duration,
    /// How long one that is voted out is left alone at first.
    pub(super) rest: Duration,
    /// How often replicas are asked to prove themselves while one of them is accused.
    pub(super) probation_period: Duration,
    /// Charges and refunds under way at once: of more, each would only make the others late.
    pub(super) requests_max: usize,
    /// Calls out to one replica by one asker.
    pub(super) calls_max: usize,
    /// Off only in a control arm: one replica is asked, by turns.
    pub(super) has_voting: bool,
    /// Whether every replica is asked a second time under another name.
    pub(super) is_cross_checked: bool,
}

impl Settings {
    pub(super) fn read(
        environment: &Environment<'_>,
        options: &ServeOptions,
    ) -> Result<Self, ServeError> {
        let without = environment.without(TACTICS)?;
        let name = environment.service_name(format!("cashier-{}", options.instance));
        let addresses = environment.required_by("PAYMENTS_URLS", PeerAddress::parse_list)?;
        let panel = Panel::try_new(addresses.len(), Mode::Masking { faults: FAULTS_MAX });
        let panel = panel.map_err(|error| ServeError::unusable("PAYMENTS_URLS", error))?;
        let number = 1..=addresses.len();
        let names = number.map(|number| format!("payments-{number}"));
        let cross_check = environment.get("CROSS_CHECK");
        Ok(Self {
            postgres: database::address(environment, &name)?,
            name,
            replicas: names.zip(addresses).collect(),
            panel,
            request_budget: environment.duration("REQUEST_BUDGET", Duration::from_secs(2))?,
            vote_timeout: environment.duration("VOTE_TIMEOUT", Duration::from_millis(300))?,
            rest: environment.duration("REST", Duration::from_secs(1))?,
            probation_period: environment
                .duration("PROBATION_PERIOD", Duration::from_millis(250))?,
            requests_max: environment.number("REQUESTS_MAX", 64)?,
            calls_max: environment.number("REPLICA_CALLS_MAX", 256)?,
            has_voting: !without.contains("voting"),
            is_cross_checked: match cross_check.as_deref() {
                None | Some("true") => true,
                Some("false") => false,
                Some(_) => {
                    return Err(ServeError::variable("CROSS_CHECK", "is neither true nor false"));
                }
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const FIVE: &str = "http://127.0.0.1:1,http://127.0.0.1:2,http://127.0.0.1:3,\
                        http://127.0.0.1:4,http://127.0.0.1:5";

    fn read(more: &[(&str, &str)]) -> Result<Settings, ServeError> {
        let urls = [
            ("PAYMENTS_URLS", FIVE),
            ("POSTGRES_URL", "postgresql://travelhub:secret@127.0.0.1:5432/travelhub"),
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
    fn three_of_five_must_agree() {
        let settings = read(&[]).unwrap();
        assert_eq!((settings.panel.replicas(), settings.panel.required()), (5, 3));
        assert_eq!(settings.replicas[4].0, "payments-5");
        assert!(settings.has_voting && settings.is_cross_checked);
        assert!(!read(&[("STANDFAST_WITHOUT", "voting")]).unwrap().has_voting);
        assert!(!read(&[("CROSS_CHECK", "false")]).unwrap().is_cross_checked);
    }

    #[test]
    fn too_few_replicas_to_mask_two_liars_are_refused_before_the_start() {
        let refused = |name, value| read(&[(name, value)]).unwrap_err().to_string();
        let error = refused("PAYMENTS_URLS", "http://127.0.0.1:1,http://127.0.0.1:2");
        assert!(error.contains("`PAYMENTS_URLS`") && error.contains("at least 5"), "{error}");
        assert!(refused("CROSS_CHECK", "perhaps").contains("`CROSS_CHECK`"));
        assert!(refused("STANDFAST_WITHOUT", "vote").contains("`vote`"));
    }
}
