//! Starts one service of one system by its name, `system/service`.

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddrV4};

use crate::service::environment::Environment;
use crate::service::heartbeat::CLOCK_SCALE;
use crate::service::runtime;
use crate::{cache_fallback, order_saga, sharded_shop, travelhub, voted_inventory};

/// Where a service listens, and who it is.
#[derive(Clone, Debug)]
pub struct ServeOptions {
    /// The address to listen on: loopback, or that of the host that it runs on.
    pub bind: Ipv4Addr,
    /// 0 takes a free one.
    pub port: u16,
    /// Names this process among several of the same service.
    pub instance: String,
    /// By how much the intervals of a monitor, and of what it watches, are divided; `None` leaves
    /// it to the variable `CLOCK_SCALE`.
    pub clock_scale: Option<f64>,
}

impl ServeOptions {
    /// The process's environment, in which what is said here goes first.
    pub(crate) fn environment(&self) -> Environment<'static> {
        let environment = Environment::of_process();
        match self.clock_scale {
            Some(scale) => environment.with(CLOCK_SCALE, scale.to_string()),
            None => environment,
        }
    }
}

/// Why a service did not start, or ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    #[error("there is no service `{name}`; known are {known}")]
    Unknown { name: String, known: String },
    #[error("environment variable `{variable}` {problem}")]
    Configuration { variable: String, problem: String },
    #[error("cannot listen on {address}")]
    Listen {
        address: SocketAddrV4,
        #[source]
        source: std::io::Error,
    },
}

impl ServeError {
    /// A variable whose value cannot be worked with.
    pub(crate) fn variable(name: &str, problem: impl Into<String>) -> Self {
        Self::Configuration { variable: name.to_owned(), problem: problem.into() }
    }

    /// A variable whose value means something that does not work.
    pub(crate) fn unusable(name: &str, error: impl std::fmt::Display) -> Self {
        Self::variable(name, format!("cannot be used: {error}"))
    }
}

/// All services that [`serve`] knows.
const SERVICES: &[&str] = &[
    "cache-fallback/offers",
    "order-saga/app1",
    "order-saga/app2",
    "order-saga/app3",
    "order-saga/middleware",
    "order-saga/watchdog",
    "sharded-shop/cart",
    "sharded-shop/inventory",
    "sharded-shop/lag",
    "sharded-shop/orders",
    "sharded-shop/profiles",
    "sharded-shop/reports",
    "sharded-shop/resharder",
    "sharded-shop/shop",
    "sharded-shop/watchdog",
    "travelhub/analytics",
    "travelhub/cashier",
    "travelhub/gateway",
    "travelhub/inventory",
    "travelhub/monitor",
    "travelhub/payments",
    "travelhub/reservations",
    "travelhub/search",
    "travelhub/web",
    "voted-inventory/inventory",
    "voted-inventory/monitor",
    "voted-inventory/orders",
    "voted-inventory/voter",
];

/// Runs the service `name` until `shutdown` completes, then answers what it has begun and returns.
///
/// Its configuration comes from the environment. It runs in a runtime of one thread of its own:
/// the work of a request is mostly waiting, and a hop between threads costs as much as a cache hit.
///
/// # Errors
/// When the service is unknown, its environment is wrong, or its port is taken. A dependency that
/// is away is no error: the service starts, and says so at `/ready`.
pub async fn serve(
    name: &str,
    options: ServeOptions,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let name = name.to_owned();
    let service = move |stopped| async move {
        match name.as_str() {
            "cache-fallback/offers" => cache_fallback::serve(options, stopped).await,
            "order-saga/app1" => order_saga::serve_stock(options, stopped).await,
            "order-saga/app2" => order_saga::serve_orders(options, stopped).await,
            "order-saga/app3" => order_saga::serve_reports(options, stopped).await,
            "order-saga/middleware" => order_saga::serve_middleware(options, stopped).await,
            "order-saga/watchdog" => order_saga::serve_watchdog(options, stopped).await,
            "sharded-shop/cart" => sharded_shop::serve_cart(options, stopped).await,
            "sharded-shop/resharder" => sharded_shop::serve_resharder(options, stopped).await,
            "sharded-shop/inventory" => sharded_shop::serve_inventory(options, stopped).await,
            "sharded-shop/lag" => sharded_shop::serve_lag(options, stopped).await,
            "sharded-shop/orders" => sharded_shop::serve_orders(options, stopped).await,
            "sharded-shop/profiles" => sharded_shop::serve_profiles(options, stopped).await,
            "sharded-shop/reports" => sharded_shop::serve_reports(options, stopped).await,
            "sharded-shop/shop" => sharded_shop::serve_shop(options, stopped).await,
            "sharded-shop/watchdog" => sharded_shop::serve_watchdog(options, stopped).await,
            "travelhub/analytics" => travelhub::serve_analytics(options, stopped).await,
            "travelhub/cashier" => travelhub::serve_cashier(options, stopped).await,
            "travelhub/gateway" => travelhub::serve_gateway(options, stopped).await,
            "travelhub/inventory" => travelhub::serve_inventory(options, stopped).await,
            "travelhub/monitor" => travelhub::serve_monitor(options, stopped).await,
            "travelhub/payments" => travelhub::serve_payments(options, stopped).await,
            "travelhub/reservations" => travelhub::serve_reservations(options, stopped).await,
            "travelhub/search" => travelhub::serve_search(options, stopped).await,
            "travelhub/web" => travelhub::serve_web(options, stopped).await,
            "voted-inventory/inventory" => voted_inventory::serve_inventory(options, stopped).await,
            "voted-inventory/monitor" => voted_inventory::serve_monitor(options, stopped).await,
            "voted-inventory/orders" => voted_inventory::serve_orders(options, stopped).await,
            "voted-inventory/voter" => voted_inventory::serve_voter(options, stopped).await,
            _ => Err(ServeError::Unknown { name, known: SERVICES.join(", ") }),
        }
    };
    runtime::on_one_thread(service, shutdown).await
}
