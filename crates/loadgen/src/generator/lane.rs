//! One plan while it runs: attempts become due, wait for a connection, are sent, and end.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use mio::Registry;
use mio::event::Event;
use standfast_history::ErrorKind;

use super::connection::{Connection, Received, State};
use super::pace::{Demand, Pace};
use super::pool::{Key, Pool};
use super::sleep::Sleep;
use super::tally::{Counters, Ended, Ending, Keep, Tallied, Tally};
use super::{Attempt, Clock};
use crate::http::Expectation;
use crate::scenario::Requests;

/// What a lane is made of.
#[derive(Debug)]
pub(crate) struct LanePlan {
    pub(crate) requests: Requests,
    pub(crate) pace: Pace,
    pub(crate) target: SocketAddr,
    pub(crate) timeout: Duration,
    pub(crate) connections_max: usize,
    pub(crate) keep: Keep,
    /// About how many attempts there will be.
    pub(crate) expected: usize,
}

/// What the event loop lends to a lane.
#[derive(Debug)]
pub(super) struct Surroundings {
    pub(super) registry: Registry,
    pub(super) clock: Clock,
    /// How the loop slept before this turn.
    pub(super) sleep: Sleep,
    /// Where answers are read first.
    pub(super) scratch: Vec<u8>,
}

/// When the attempt under way on a connection is given up.
#[derive(Clone, Copy, Debug)]
struct Deadline {
    at: Duration,
    key: Key,
    index: u64,
}

/// One running plan.
///
/// All attempts of a plan have the same timeout and are sent in the order in which they were
/// intended. So both queues are sorted by deadline as they are, and no timer wheel is needed.
#[derive(Debug)]
pub(super) struct Lane {
    requests: Requests,
    expectation: Expectation,
    pace: Pace,
    target: SocketAddr,
    timeout: Duration,
    pool: Pool,
    next_index: u64,
    waiting: VecDeque<Attempt>,
    deadlines: VecDeque<Deadline>,
    busy: usize,
    tally: Tally,
}

impl Lane {
    pub(super) fn new(number: usize, plan: LanePlan, counters: Arc<Counters>) -> Self {
        Self {
            expectation: plan.requests.expectation(),
            tally: Tally::new(plan.keep, plan.expected, counters),
            requests: plan.requests,
            pace: plan.pace,
            target: plan.target,
            timeout: plan.timeout,
            pool: Pool::new(number, plan.connections_max),
            next_index: 0,
            waiting: VecDeque::new(),
            deadlines: VecDeque::new(),
            busy: 0,
        }
    }

    /// Does what is due: takes up attempts, gives up late ones, opens connections.
    pub(super) fn advance(&mut self, around: &Surroundings) {
        // What becomes due meanwhile has its turn after the answers that came in.
        let now = around.clock.now();
        while let Some(mut attempt) = self.next_due(now) {
            attempt.woken = around.sleep.overslept(attempt.intended);
            let key = self.pool.take_idle();
            let taken_up = around.clock.now();
            self.tally.taken_up(taken_up.saturating_sub(attempt.intended));
            match key {
                Some(key) => self.send(key, attempt, taken_up),
                None => self.waiting.push_back(attempt),
            }
        }
        self.give_up_late(now);
        self.open_connections(now, &around.registry);
    }

    /// Reacts to `event` on the connection that `key` names.
    pub(super) fn ready(&mut self, key: Key, event: &Event, around: &mut Surroundings) {
        let Some(connection) = self.pool.get(key) else { return };
        match connection.state {
            State::Connecting { .. } => match connection.is_connected() {
                Ok(true) => {
                    self.pool.connected();
                    self.reuse(key, around.clock.now());
                }
                Ok(false) => {}
                Err(_) => self.refused(key, around.clock.now()),
            },
            // Nothing was asked: the server closes, or speaks out of turn.
            State::Idle if event.is_readable() || event.is_read_closed() || event.is_error() => {
                self.pool.close(key);
            }
            State::Idle => {}
            State::Busy { .. } => {
                if connection.has_unsent() && connection.send(around.clock.now()).is_err() {
                    self.lost(key, ErrorKind::Reset, around.clock.now());
                    return;
                }
                let closed = event.is_read_closed() || event.is_error();
                if closed || event.is_readable() {
                    self.receive(key, closed, around);
                }
            }
        }
    }

    /// When [`Self::advance`] has to be called again, if nothing happens before.
    pub(super) fn next_wake(&mut self, now: Duration) -> Option<Duration> {
        while self.deadlines.front().is_some_and(|deadline| !self.pool.carries(*deadline)) {
            self.deadlines.pop_front();
        }
        let under_way = self.deadlines.front().map(|deadline| deadline.at);
        let waiting = self.waiting.front().map(|attempt| attempt.intended + self.timeout);
        [self.pace.next_due(now), under_way, waiting].into_iter().flatten().min()
    }

    /// Takes up no further attempts; those under way still end.
    pub(super) fn stop(&mut self) {
        self.pace.end();
    }

    pub(super) fn is_finished(&mut self, now: Duration) -> bool {
        self.busy == 0 && self.waiting.is_empty() && self.pace.next_due(now).is_none()
    }

    pub(super) fn close(self) -> Tallied {
        self.tally.close()
    }

    fn next_due(&mut self, now: Duration) -> Option<Attempt> {
        let demand = Demand { now, unanswered: self.busy + self.waiting.len() };
        let attempt = self.pace.take_due(self.next_index, demand)?;
        self.next_index += 1;
        Some(attempt)
    }

    fn send(&mut self, key: Key, attempt: Attempt, now: Duration) {
        let deadline = attempt.intended + self.timeout;
        let left = deadline.saturating_sub(now);
        if left.is_zero() {
            self.pool.put_idle(key);
            self.end(attempt, None, now, Ending::Error(ErrorKind::NotSent));
            return;
        }
        let Some(connection) = self.pool.get(key) else {
            unreachable!("only a live connection is given something to send");
        };
        self.requests.render(attempt.index, left, &mut connection.request);
        connection.take_up(attempt);
        self.busy += 1;
        self.deadlines.push_back(Deadline { at: deadline, key, index: attempt.index });
        if connection.send(now).is_err() {
            self.lost(key, ErrorKind::Reset, now);
        }
    }

    fn receive(&mut self, key: Key, closed: bool, around: &mut Surroundings) {
        let Some(connection) = self.pool.get(key) else { return };
        let received = connection.receive(&mut around.scratch, &self.expectation, closed);
        match received {
            Received::Partial => {}
            Received::Lost(kind) => self.lost(key, kind, around.clock.now()),
            Received::Answer(answer) => {
                let now = around.clock.now();
                let under_way = self.pool.under_way(key);
                let (attempt, sent) = under_way.expect("a busy connection carries an attempt");
                self.busy -= 1;
                let reusable = answer.reusable;
                self.end(attempt, sent, now, Ending::Answer(answer));
                if reusable {
                    self.reuse(key, now);
                } else {
                    // It carries nothing any more, and must not count as busy when it is closed.
                    self.pool.close(key);
                }
            }
        }
    }

    /// Gives a free connection the next attempt, or nothing to do.
    fn reuse(&mut self, key: Key, now: Duration) {
        let attempt = self.waiting.pop_front().or_else(|| match self.pace {
            Pace::Closed { .. } => {
                let attempt = self.next_due(now)?;
                self.tally.taken_up(Duration::ZERO);
                Some(attempt)
            }
            Pace::Open(_) => None,
        });
        match attempt {
            Some(attempt) => self.send(key, attempt, now),
            None => self.pool.put_idle(key),
        }
    }

    /// A connection ended under its attempt.
    fn lost(&mut self, key: Key, kind: ErrorKind, now: Duration) {
        if let Some((attempt, sent)) = self.pool.under_way(key) {
            self.busy -= 1;
            self.end(attempt, sent, now, Ending::Error(kind));
        }
        self.pool.close(key);
    }

    /// A connection could not be made: the attempt that has waited longest was its reason.
    fn refused(&mut self, key: Key, now: Duration) {
        self.pool.close(key);
        self.fail_to_connect(now);
    }

    fn fail_to_connect(&mut self, now: Duration) {
        self.pace.refused(now);
        if let Some(attempt) = self.waiting.pop_front() {
            self.end(attempt, None, now, Ending::Error(ErrorKind::Connect));
        }
    }

    fn give_up_late(&mut self, now: Duration) {
        while let Some(deadline) = self.deadlines.front().copied()
            && (deadline.at <= now || !self.pool.carries(deadline))
        {
            self.deadlines.pop_front();
            if self.pool.carries(deadline) {
                self.lost(deadline.key, ErrorKind::Timeout, now);
            }
        }
        while let Some(attempt) = self.waiting.front().copied()
            && attempt.intended + self.timeout <= now
        {
            // A handshake that took the whole time is begun anew by the next attempt: the kernel
            // would try again only after seconds.
            if let Some(key) = self.pool.oldest_connecting() {
                self.refused(key, now);
            } else {
                self.waiting.pop_front();
                self.end(attempt, None, now, Ending::Error(ErrorKind::NotSent));
            }
        }
    }

    /// Opens a connection for each attempt that waits without one, as far as there is room.
    fn open_connections(&mut self, now: Duration, registry: &Registry) {
        while self.pool.connecting() < self.waiting.len() && self.pool.has_room() {
            let target = self.target;
            let opened =
                self.pool.insert(|key| Connection::open(target, now, registry, key.token()));
            if opened.is_err() {
                self.fail_to_connect(now);
            }
        }
    }

    fn end(&mut self, attempt: Attempt, sent: Option<Duration>, done: Duration, ending: Ending) {
        self.tally.ended(&self.requests, Ended { attempt, sent, done, ending });
    }
}

impl Pool {
    /// Whether the attempt of `deadline` is still under way.
    fn carries(&self, deadline: Deadline) -> bool {
        self.peek(deadline.key).is_some_and(|connection| match connection.state {
            State::Busy { attempt, .. } => attempt.index == deadline.index,
            State::Connecting { .. } | State::Idle => false,
        })
    }
}
