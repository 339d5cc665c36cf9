//! What the orders service is told from outside.

use std::sync::Arc;
use std::time::Duration;

use tokio_postgres::Config;

use super::super::TACTICS;
use super::super::primary::addresses;
use crate::serve::{ServeError, ServeOptions};
use crate::service::environment::Environment;
use crate::service::peer::PeerAddress;

/// The checked configuration.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) name: String,
    pub(super) primary: Arc<[Config]>,
    /// Any of them answers for all carts; none, where there are only ledgers to keep.
    pub(super) carts: Vec<PeerAddress>,
    /// Any of them takes from all stock.
    pub(super) inventories: Vec<PeerAddress>,
    /// No request takes longer, whatever its client asks for.
    pub(super) request_budget: Duration,
    /// A checkout that is open for longer has no driver any more.
    pub(super) abandoned_after: Duration,
    /// Transactions that may run at once.
    pub(super) sessions_max: usize,
    /// Whether checkouts that a crash left open are finished or given back.
    pub(super) has_recovery: bool,
}

impl Settings {
    pub(super) fn read(
        environment: &Environment<'_>,
        options: &ServeOptions,
    ) -> Result<Self, ServeError> {
        let without = environment.without(TACTICS)?;
        let name = environment.service_name(format!("orders-{}", options.instance));
        let peers = |variable| match environment.get(variable) {
            Some(_) => environment.required_by(variable, PeerAddress::parse_list),
            None => Ok(Vec::new()),
        };
        let request_budget = environment.duration("REQUEST_BUDGET", Duration::from_secs(2))?;
        let abandoned_after = environment.duration("ABANDONED_AFTER", 2 * request_budget)?;
        if abandoned_after <= request_budget {
            let problem = "must be longer than a request may take (REQUEST_BUDGET)";
            return Err(ServeError::variable("ABANDONED_AFTER", problem));
        }
        Ok(Self {
            primary: addresses(environment, &name)?,
            carts: peers("CART_URLS")?,
            inventories: peers("INVENTORY_URLS")?,
            request_budget,
            abandoned_after,
            sessions_max: environment.number("SESSIONS_MAX", 16)?,
            has_recovery: !without.contains("checkout-recovery"),
            name,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn read(more: &[(&str, &str)]) -> Result<Settings, String> {
        let url = ("POSTGRES_URL", "postgresql://shop:pw@127.0.0.1:6432/shop");
        let all: Vec<_> = more.iter().chain([&url]).copied().collect();
        let options = ServeOptions {
            bind: Ipv4Addr::LOCALHOST,
            port: 0,
            instance: "1".to_owned(),
            clock_scale: None,
        };
        Settings::read(&Environment::of(&all), &options).map_err(|error| error.to_string())
    }

    #[test]
    fn partners_may_be_missing_and_a_driver_is_never_taken_for_dead_while_it_may_live() {
        let settings = read(&[("CART_URLS", "http://a:1,http://b:2")]).unwrap();
        assert_eq!((settings.carts.len(), settings.inventories.len()), (2, 0));
        assert!(settings.has_recovery);
        assert!(!read(&[("STANDFAST_WITHOUT", "checkout-recovery")]).unwrap().has_recovery);
        let error = read(&[("ABANDONED_AFTER", "2s")]).unwrap_err();
        assert!(error.contains("`ABANDONED_AFTER`"), "{error}");
        assert!(read(&[("INVENTORY_URLS", "a:1")]).unwrap_err().contains("`INVENTORY_URLS`"));
    }
}
