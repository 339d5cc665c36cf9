//! What a call costs that is let through and whose success is recorded: by one thread, by two at
//! once, and with ever longer windows that are full.
//!
//! All contenders take turns within each round, and medians of the rounds are compared.

use std::hint::black_box;
use std::pin::pin;
use std::sync::{Arc, Barrier};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use layered::{Execute, Layer, Service as _};
use standfast_tactics::circuit_breaker::{Judged, Options as Choices, Outcome, Policy};
use standfast_tactics::circuit_breaker::{Rejection, SharedBreaker};
use tick::Clock;
use tokio::time::Instant;
use tower::{Service, ServiceBuilder, service_fn};

use crate::contender::{Refused, Setup, Window, seatbelt_settings, tower_resilience_settings};
use crate::figures::Cost;
use crate::options::Options;

/// How many calls are in the window.
pub(crate) const WINDOWS: [u32; 4] = [10, 100, 1_000, 10_000];

/// The window with which two threads are measured.
const SHARED_WINDOW: u32 = 100;

/// Long enough that a window of time holds all calls of a round.
const SPAN: Duration = Duration::from_secs(3600);

/// Some milliseconds.
const CALLS: u32 = 20_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// What no breaker that judges by time can do without: reading the clock twice.
    Clock,
    Ours,
    OursByTime,
    /// In a boxed future, as a tower service returns one: what the others cannot do without.
    OursAsFuture,
    TowerResilience,
    TowerResilienceByTime,
    Seatbelt,
}

impl Kind {
    pub(crate) const ALL: [Self; 7] = [
        Self::Clock,
        Self::Ours,
        Self::OursByTime,
        Self::OursAsFuture,
        Self::TowerResilience,
        Self::TowerResilienceByTime,
        Self::Seatbelt,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Clock => "two readings of the clock",
            Self::Ours => "standfast, calls",
            Self::OursByTime => "standfast, time",
            Self::OursAsFuture => "standfast, calls, boxed future",
            Self::TowerResilience => "tower-resilience, count",
            Self::TowerResilienceByTime => "tower-resilience, time",
            Self::Seatbelt => "seatbelt, time",
        }
    }

    /// Its records are kept one by one: many calls would not leave the window as long as it was.
    fn calls(self, window: u32) -> u32 {
        if self == Self::TowerResilienceByTime { (window / 10).max(200) } else { CALLS }
    }
}

/// Makes so many calls through a breaker, which other lanes may share.
type Lane = Box<dyn FnMut(u32) + Send>;

pub(crate) fn measure(options: &Options) -> Vec<Cost> {
    // Seatbelt's clock wants a runtime; it reads the time without one.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.expect("a runtime can be made");
    let _entered = runtime.enter();
    let mut costs: Vec<Cost> = Kind::ALL.into_iter().map(Cost::of).collect();
    for _ in 0..options.rounds {
        for (place, window) in WINDOWS.into_iter().enumerate() {
            for cost in &mut costs {
                cost.alone[place].push(alone(cost.kind, window));
            }
        }
        for cost in &mut costs {
            cost.shared.push(shared(cost.kind));
        }
    }
    costs
}

fn alone(kind: Kind, window: u32) -> f64 {
    let mut lane = lanes(kind, window, 1).pop().expect("one was asked for");
    let calls = kind.calls(window);
    let begun = Instant::now();
    lane(calls);
    begun.elapsed().as_nanos() as f64 / f64::from(calls)
}

/// By each of two threads that share a breaker and do nothing else.
fn shared(kind: Kind) -> f64 {
    let lanes = lanes(kind, SHARED_WINDOW, 2);
    let (calls, start) = (kind.calls(SHARED_WINDOW), Barrier::new(2));
    let took: Vec<Duration> = std::thread::scope(|scope| {
        let run = |mut lane: Lane| {
            let start = &start;
            scope.spawn(move || {
                start.wait();
                let begun = Instant::now();
                lane(calls);
                begun.elapsed()
            })
        };
        let threads: Vec<_> = lanes.into_iter().map(run).collect();
        threads.into_iter().map(|thread| thread.join().expect("no lane panics")).collect()
    });
    let sum: Duration = took.iter().sum();
    sum.as_nanos() as f64 / f64::from(calls) / took.len() as f64
}

/// Lanes of one breaker whose window is full.
fn lanes(kind: Kind, window: u32, count: usize) -> Vec<Lane> {
    let setup = |kind| Setup { window: kind, calls_min: 10, probes: 1, judges_slowness: false };
    let mut lanes = match kind {
        Kind::Clock => (0..count).map(|_| clock()).collect(),
        Kind::Ours => ours(window, Judged::Calls, count),
        Kind::OursByTime => ours(window, Judged::Time { span: SPAN }, count),
        Kind::OursAsFuture => ours_as_future(window, count),
        Kind::TowerResilience => tower_resilience(setup(Window::Calls(window)), count),
        Kind::TowerResilienceByTime => tower_resilience(setup(Window::Time), count),
        Kind::Seatbelt => seatbelt(setup(Window::Time), count),
    };
    lanes[0](window);
    lanes
}

fn clock() -> Lane {
    Box::new(|calls| {
        for _ in 0..calls {
            black_box((Instant::now(), Instant::now()));
        }
    })
}

fn our_breaker(window: u32, judged: Judged) -> SharedBreaker {
    let policy = Policy { window: window as usize, calls_min: 10, ..Policy::default() };
    let choices = Choices { judged, ..Choices::default() };
    SharedBreaker::try_with(policy, choices, 1).expect("the numbers make sense")
}

fn ours(window: u32, judged: Judged, count: usize) -> Vec<Lane> {
    let breaker = our_breaker(window, judged);
    let lane = |_| -> Lane {
        let breaker = breaker.clone();
        Box::new(move |calls| {
            for _ in 0..calls {
                let permit = breaker.try_acquire().expect("it is closed");
                black_box(permit.finish(Outcome::Success));
            }
        })
    };
    (0..count).map(lane).collect()
}

fn ours_as_future(window: u32, count: usize) -> Vec<Lane> {
    let breaker = our_breaker(window, Judged::Calls);
    let lane = |_| -> Lane {
        let breaker = breaker.clone();
        let call = move |request: u32| -> Boxed<Result<(), Rejection>> {
            let breaker = breaker.clone();
            Box::pin(async move {
                let permit = breaker.try_acquire()?;
                let answer = serve(request).await;
                permit.finish(if answer.is_ok() { Outcome::Success } else { Outcome::Failure });
                Ok(())
            })
        };
        Box::new(move |calls| (0..calls).for_each(|number| finish(call(number))))
    };
    (0..count).map(lane).collect()
}

type Boxed<T> = std::pin::Pin<Box<dyn Future<Output = T> + Send>>;

/// The service behind the rivals' breakers.
async fn serve(request: u32) -> Result<(), Refused> {
    if black_box(request) < u32::MAX { Ok(()) } else { Err(Refused::Failure) }
}

fn tower_resilience(setup: Setup, count: usize) -> Vec<Lane> {
    let layer = tower_resilience_settings(setup, SPAN).build().expect("the numbers make sense");
    let service = ServiceBuilder::new().layer(layer).service(service_fn(serve));
    let lane = |_| -> Lane {
        let mut service = service.clone();
        Box::new(move |calls| {
            for number in 0..calls {
                // Beside another thread it may have to wait for its lock.
                while service.poll_ready(&mut context()).is_pending() {
                    std::hint::spin_loop();
                }
                finish(service.call(number));
            }
        })
    };
    (0..count).map(lane).collect()
}

fn seatbelt(setup: Setup, count: usize) -> Vec<Lane> {
    let layer = seatbelt_settings(&Clock::new_tokio(), setup, SPAN);
    let service = Arc::new(layer.layer(Execute::new(serve)));
    let lane = |_| -> Lane {
        let service = Arc::clone(&service);
        Box::new(move |calls| (0..calls).for_each(|number| finish(service.execute(number))))
    };
    (0..count).map(lane).collect()
}

/// Drives a call to its end; it waits for nothing but, at times, a lock of the other thread.
fn finish<T, E: std::fmt::Debug>(call: impl Future<Output = Result<T, E>>) {
    let mut call = pin!(call);
    loop {
        match call.as_mut().poll(&mut context()) {
            Poll::Ready(answer) => {
                black_box(answer.expect("it is closed, and every call is well"));
                return;
            }
            Poll::Pending => std::hint::spin_loop(),
        }
    }
}

fn context() -> Context<'static> {
    Context::from_waker(Waker::noop())
}
