//! Waits for sockets, the alarm and orders, and gives each its turn.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use mio::{Events, Poll, Token};

use super::lane::{Lane, Surroundings};
use super::pool::{Key, LANES_MAX};
use super::sleep::{Priority, Sleep};
use super::timer::Timer;
use super::{Clock, Tallied};

/// Tokens beyond the last lane.
const TIMER: Token = Token(LANES_MAX << 48);
pub(super) const ORDERS: Token = Token((LANES_MAX + 1) << 48);

/// As many sockets can be ready at once; more wait for the next turn.
const EVENTS_MAX: usize = 1024;

/// Most answers are smaller and take one read; larger ones take several.
const READ_BYTES: usize = 64 * 1024;

/// What the handle tells the loop.
#[derive(Debug, Default)]
pub(super) struct Orders(AtomicU8);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Order {
    Run = 0,
    /// Take up no more attempts, and end when those under way have ended.
    Stop = 1,
    /// End at once.
    Abort = 2,
}

impl Orders {
    pub(super) fn give(&self, order: Order) {
        self.0.fetch_max(order as u8, Ordering::Relaxed);
    }

    fn latest(&self) -> Order {
        match self.0.load(Ordering::Relaxed) {
            0 => Order::Run,
            1 => Order::Stop,
            _ => Order::Abort,
        }
    }
}

/// The loop, ready to run on its thread.
#[derive(Debug)]
pub(super) struct EventLoop {
    poll: Poll,
    timer: Timer,
    clock: Clock,
    orders: Arc<Orders>,
    lanes: Vec<Lane>,
}

impl EventLoop {
    pub(super) fn new(
        poll: Poll,
        clock: Clock,
        orders: Arc<Orders>,
        lanes: Vec<Lane>,
    ) -> io::Result<Self> {
        let timer = Timer::new(poll.registry(), TIMER)?;
        Ok(Self { poll, timer, clock, orders, lanes })
    }

    /// Runs until all lanes have finished.
    pub(super) fn run(mut self, priority: Priority) -> io::Result<Vec<Tallied>> {
        let mut events = Events::with_capacity(EVENTS_MAX);
        self.wait_for_origin(&mut events)?;
        let mut around = Surroundings {
            registry: self.poll.registry().try_clone()?,
            clock: self.clock,
            sleep: Sleep::none(priority),
            scratch: vec![0; READ_BYTES],
        };
        loop {
            match self.orders.latest() {
                Order::Run => {}
                Order::Stop => self.lanes.iter_mut().for_each(Lane::stop),
                Order::Abort => break,
            }
            for lane in &mut self.lanes {
                lane.advance(&around);
            }
            let now = around.clock.now();
            if self.lanes.iter_mut().all(|lane| lane.is_finished(now)) {
                break;
            }
            let wake = self.lanes.iter_mut().filter_map(|lane| lane.next_wake(now)).min();
            let patience = match wake {
                Some(at) if at <= now => Some(Duration::ZERO),
                Some(at) => {
                    self.timer.wake_by(at, now)?;
                    None
                }
                None => None,
            };
            self.wait(&mut events, patience)?;
            around.sleep = around.sleep.next(now, around.clock.now());
            for event in &events {
                let key = Key::of(event.token());
                if let Some(lane) = self.lanes.get_mut(key.lane) {
                    lane.ready(key, event, &mut around);
                }
            }
        }
        Ok(self.lanes.into_iter().map(Lane::close).collect())
    }

    /// Before the origin the clock stands at zero: nothing can be due, and no alarm be computed.
    fn wait_for_origin(&mut self, events: &mut Events) -> io::Result<()> {
        while self.orders.latest() == Order::Run {
            let left = self.clock.until_origin();
            if left.is_zero() {
                break;
            }
            self.timer.wake_by(left, Duration::ZERO)?;
            self.wait(events, None)?;
        }
        Ok(())
    }

    /// Waits for events; a signal ends it early, without any.
    fn wait(&mut self, events: &mut Events, patience: Option<Duration>) -> io::Result<()> {
        match self.poll.poll(events, patience) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => events.clear(),
            Err(error) => return Err(error),
        }
        if events.iter().any(|event| event.token() == TIMER) {
            self.timer.rang();
        }
        Ok(())
    }
}
