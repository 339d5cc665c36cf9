//! seatbelt (MIT; Microsoft, active): a layer on a clock that can be given.

use std::sync::Arc;
use std::time::Duration;

use layered::{Execute, Layer, Service};
use seatbelt::breaker::{Breaker as SeatbeltBreaker, BreakerLayer, HalfOpenMode};
use seatbelt::typestates::Set;
use seatbelt::{RecoveryInfo, ResilienceContext};
use tick::{Clock, ClockControl};

use super::flight::{Flight, Flights, Order, Refused, obey};
use super::{Breaker, CallId, Ending, Setup};

/// The least that it takes for a window.
const UNIT: Duration = Duration::from_secs(1);

/// With this, fifty calls are in a window.
const PACE: f64 = 0.02;

type Answer = Result<(), Refused>;
type Start = Box<dyn FnMut(Order) -> Flight>;

pub(crate) struct Seatbelt {
    start: Start,
    flights: Flights,
    clock: ClockControl,
}

/// The settings of `setup`, with a window of `span`: it has no windows of calls.
pub(crate) fn settings<In: Send + 'static>(
    clock: &Clock,
    setup: Setup,
    span: Duration,
) -> BreakerLayer<In, Answer, Set, Set> {
    let context = ResilienceContext::new(clock);
    SeatbeltBreaker::layer("breaker", &context)
        .recovery_with(|answer: &Answer, _| match answer {
            Err(Refused::Failure) => RecoveryInfo::retry(),
            // A mistake is no failure; there is no third class.
            Ok(()) | Err(Refused::Mistake | Refused::Open) => RecoveryInfo::never(),
        })
        .rejected_input(|_, _| Err(Refused::Open))
        .failure_threshold(0.5)
        .min_throughput(setup.calls_min)
        .sampling_duration(span)
        .break_duration(UNIT)
        // One probe: the other mode is a ramp of seven stages.
        .half_open_mode(HalfOpenMode::quick())
}

impl Seatbelt {
    pub(crate) fn new(setup: Setup) -> Self {
        let clock = ClockControl::new();
        let service = settings(&clock.to_clock(), setup, UNIT).layer(Execute::new(obey));
        let service = Arc::new(service);
        let start: Start = Box::new(move |order| {
            let service = Arc::clone(&service);
            Box::pin(async move { service.execute(order).await })
        });
        Self { start, flights: Flights::default(), clock }
    }
}

impl Breaker for Seatbelt {
    fn start(&mut self) -> Option<CallId> {
        self.flights.start(&mut self.start)
    }

    fn end(&mut self, call: CallId, ending: Ending) {
        self.flights.end(call, ending);
    }

    fn abandon(&mut self, call: CallId) {
        self.flights.abandon(call);
    }

    fn pass(&mut self, units: f64) {
        self.clock.advance(UNIT.mul_f64(units));
    }

    fn pace(&self) -> f64 {
        PACE
    }

    fn knows_slowness(&self) -> bool {
        false
    }
}
