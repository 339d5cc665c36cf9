//! Shedding under overload, in a simulation of a service with a few workers and a queue: what is
//! learned, what is kept, and what is served.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use standfast_tactics::shed::{Outcome, Policy, Priority, Shedder, Ticket};
use tokio::time::Instant;

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

/// What is offered and what can be done.
#[derive(Clone, Copy)]
struct Load {
    per_second: f64,
    workers: usize,
    /// What a call takes a worker, at the median.
    work: Duration,
}

/// What a class got.
#[derive(Clone, Copy, Debug, Default)]
struct Got {
    offered: u32,
    /// Within the deadline.
    in_time: u32,
}

impl Got {
    fn share(self) -> f64 {
        f64::from(self.in_time) / f64::from(self.offered)
    }
}

const DEADLINE: Duration = Duration::from_millis(300);

/// A tenth each of payments, reservations and reads, the rest searches.
fn class(draw: f64) -> Priority {
    match draw {
        ..0.1 => Priority::Critical,
        ..0.2 => Priority::High,
        ..0.3 => Priority::Normal,
        _ => Priority::Low,
    }
}

struct Service {
    shedder: Option<Shedder>,
    rng: StdRng,
    now: Instant,
    next_arrival: Instant,
    busy: BinaryHeap<Reverse<(Instant, u64)>>,
    calls: Vec<(Option<Ticket>, Priority, Instant)>,
    queue: VecDeque<u64>,
    got: [Got; 4],
}

impl Service {
    fn new(shedder: Option<Shedder>) -> Self {
        let now = Instant::now();
        Self {
            shedder,
            rng: StdRng::seed_from_u64(7),
            now,
            next_arrival: now,
            busy: BinaryHeap::new(),
            calls: Vec::new(),
            queue: VecDeque::new(),
            got: [Got::default(); 4],
        }
    }

    /// Runs for `length` and answers what each class got.
    fn run(&mut self, load: Load, length: Duration) -> [Got; 4] {
        self.got = [Got::default(); 4];
        let end = self.now + length;
        while self.now < end {
            let next_end = self.busy.peek().map(|Reverse((at, _))| *at);
            if let Some(at) = next_end.filter(|at| *at <= self.next_arrival) {
                self.now = at;
                self.end(load);
            } else {
                self.now = self.next_arrival;
                self.arrive(load);
            }
        }
        self.got
    }

    fn arrive(&mut self, load: Load) {
        let wait = -(1.0 - self.rng.random::<f64>()).ln() / load.per_second;
        self.next_arrival = self.now + Duration::from_secs_f64(wait);
        let priority = class(self.rng.random());
        self.got[priority as usize].offered += 1;
        let ticket = match &mut self.shedder {
            None => None,
            Some(shedder) => match shedder.admit(priority, self.now) {
                Ok(ticket) => Some(ticket),
                Err(_) => return,
            },
        };
        self.calls.push((ticket, priority, self.now));
        self.queue.push_back(self.calls.len() as u64 - 1);
        self.begin(load);
    }

    fn begin(&mut self, load: Load) {
        while self.busy.len() < load.workers
            && let Some(call) = self.queue.pop_front()
        {
            // From half of it to twice as much.
            let factor = 2.0_f64.powf(self.rng.random_range(-1.0..1.0));
            self.busy.push(Reverse((self.now + load.work.mul_f64(factor), call)));
        }
    }

    fn end(&mut self, load: Load) {
        let Some(Reverse((_, call))) = self.busy.pop() else { return };
        let (ticket, priority, arrived) = self.calls[call as usize];
        let is_in_time = self.now - arrived <= DEADLINE;
        self.got[priority as usize].in_time += u32::from(is_in_time);
        if let (Some(shedder), Some(ticket)) = (&mut self.shedder, ticket) {
            let outcome = if is_in_time { Outcome::Served } else { Outcome::Overloaded };
            shedder.finish(ticket, outcome, self.now);
        }
        self.begin(load);
    }

    fn shedder(&self) -> &Shedder {
        self.shedder.as_ref().expect("this one sheds")
    }
}

fn learning() -> Service {
    Service::new(Shedder::try_new(Policy::default()).ok())
}

/// 8 workers and 10 ms: about 740 per second.
const CALM: Load = Load { per_second: 400.0, workers: 8, work: Duration::from_millis(10) };
const OVERLOAD: Load = Load { per_second: 2_200.0, ..CALM };

#[test]
fn under_three_times_the_capacity_payments_are_served_and_searches_refused() {
    let mut service = learning();
    service.run(CALM, 10 * SECOND);
    let got = service.run(OVERLOAD, 60 * SECOND);
    assert!(got[0].share() >= 0.99, "payments: {:?}", got[0]);
    assert!(got[1].share() >= 0.95, "reservations: {:?}", got[1]);
    assert!(got[3].share() < 0.35, "searches: {:?}", got[3]);
    let served: u32 = got.iter().map(|got| got.in_time).sum();
    assert!(served > 60 * 550, "most of the capacity is used: {served}");
}

#[test]
fn without_it_nobody_is_served() {
    let mut service = Service::new(None);
    service.run(CALM, 10 * SECOND);
    let got = service.run(OVERLOAD, 60 * SECOND);
    assert!(got[0].share() < 0.05, "payments wait behind searches: {:?}", got[0]);
}

#[test]
fn the_limit_does_not_drift_under_lasting_overload() {
    let mut service = learning();
    service.run(CALM, 10 * SECOND);
    service.run(OVERLOAD, 60 * SECOND);
    let mut limits = Vec::new();
    for _ in 0..30 {
        let got = service.run(OVERLOAD, 20 * SECOND);
        assert!(got[0].share() >= 0.98, "payments: {:?}, {limits:?}", got[0]);
        limits.push(service.shedder().limit());
    }
    assert!(limits.iter().all(|limit| (5..=60).contains(limit)), "{limits:?}");
}

#[test]
fn a_quiet_night_does_not_make_the_limit_infinite() {
    let mut service = learning();
    service.run(Load { per_second: 50.0, ..CALM }, 600 * SECOND);
    assert!(service.shedder().limit() <= 32, "{}", service.shedder().limit());
    let got = service.run(OVERLOAD, 5 * SECOND);
    assert!(got[0].share() >= 0.95, "so the overload of the morning meets it: {:?}", got[0]);
}

#[test]
fn a_dependency_that_has_become_slower_is_learned() {
    let mut service = learning();
    service.run(CALM, 30 * SECOND);
    // Three times as slow, with a load that it can still do: 8 workers do 250 per second.
    let slower = Load { per_second: 150.0, work: 30 * MS, ..CALM };
    service.run(slower, 40 * SECOND);
    let got = service.run(slower, 30 * SECOND);
    let all: u32 = got.iter().map(|got| got.in_time).sum();
    let offered: u32 = got.iter().map(|got| got.offered).sum();
    assert!(f64::from(all) / f64::from(offered) > 0.97, "{got:?}");
    let usual = service.shedder().usual(Priority::Low).unwrap();
    assert!(usual > 20 * MS, "{usual:?}");
}

#[test]
fn a_change_of_the_mix_is_no_overload() {
    let mut shedder = Shedder::try_new(Policy::default()).unwrap();
    let mut now = Instant::now();
    let mut call = |priority, takes: Duration| {
        let ticket = shedder.admit(priority, now).unwrap();
        now += takes;
        shedder.finish(ticket, Outcome::Served, now);
    };
    // Searches take 2 ms, payments 60 ms.
    (0..2_000).for_each(|number| {
        let is_payment = number % 20 == 0;
        let (priority, takes) =
            if is_payment { (Priority::Critical, 60 * MS) } else { (Priority::Low, 2 * MS) };
        call(priority, takes);
    });
    (0..500).for_each(|_| call(Priority::Critical, 60 * MS));
    assert_eq!(shedder.limit(), Policy::default().limit_first);
}
