//! tower-resilience (MIT or Apache-2.0; one author, active): a tower layer that reads the clock.

use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tower::{Service, ServiceBuilder, service_fn};
use tower_resilience_circuitbreaker::{
    CircuitBreakerConfigBuilder, CircuitBreakerLayer, DefaultClassifier, SlidingWindowType,
};

use super::flight::{Flight, Flights, Order, Refused, obey};
use super::{Breaker, CallId, Ending, Setup, Window};

/// Waited for, since it reads the clock of the machine.
const UNIT: Duration = Duration::from_millis(50);

type Start = Box<dyn FnMut(Order) -> Flight>;

pub(crate) struct TowerResilience {
    start: Start,
    flights: Flights,
    /// Its clock is paused: what a test would do to pass time.
    runtime: Runtime,
}

/// The settings of `setup`, with a window of time of `span`.
pub(crate) fn settings(
    setup: Setup,
    span: Duration,
) -> CircuitBreakerConfigBuilder<DefaultClassifier> {
    let settings = CircuitBreakerLayer::builder()
        .failure_rate_threshold(0.5)
        .minimum_number_of_calls(setup.calls_min as usize)
        .permitted_calls_in_half_open(setup.probes as usize)
        .wait_duration_in_open(UNIT);
    match setup.window {
        Window::Calls(window) => settings
            .sliding_window_type(SlidingWindowType::CountBased)
            .sliding_window_size(window as usize),
        Window::Time => {
            settings.sliding_window_type(SlidingWindowType::TimeBased).sliding_window_duration(span)
        }
    }
}

impl TowerResilience {
    pub(crate) fn new(setup: Setup) -> Self {
        let mut settings = settings(setup, UNIT);
        if setup.judges_slowness {
            settings =
                settings.slow_call_duration_threshold(UNIT / 2).slow_call_rate_threshold(0.5);
        }
        // A mistake is no failure; there is no third class.
        let settings = settings.failure_classifier(|result: &Result<(), Refused>| {
            matches!(result, Err(Refused::Failure))
        });
        let layer = settings.build().expect("the numbers make sense");
        let mut service = ServiceBuilder::new().layer(layer).service(service_fn(obey));
        let start: Start = Box::new(move |order| -> Flight {
            let ready = Service::<Order>::poll_ready(
                &mut service,
                &mut std::task::Context::from_waker(std::task::Waker::noop()),
            );
            assert!(ready.is_ready(), "the service behind it is always ready");
            let call = service.call(order);
            Box::pin(async move { call.await.map_err(|_| Refused::Open) })
        });
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
        let runtime = runtime.expect("a runtime can be made");
        Self { start, flights: Flights::default(), runtime }
    }
}

impl Breaker for TowerResilience {
    fn start(&mut self) -> Option<CallId> {
        let Self { start, flights, runtime } = self;
        let _entered = runtime.enter();
        flights.start(start)
    }

    fn end(&mut self, call: CallId, ending: Ending) {
        self.flights.end(call, ending);
    }

    fn abandon(&mut self, call: CallId) {
        self.flights.abandon(call);
    }

    #[expect(clippy::disallowed_methods, reason = "it reads the clock of the machine itself")]
    fn pass(&mut self, units: f64) {
        std::thread::sleep(UNIT.mul_f64(units));
    }

    fn pass_in_test(&mut self, units: f64) {
        self.runtime.block_on(tokio::time::advance(UNIT.mul_f64(units)));
    }
}
