//! Sends the calls, has them race in the task of whoever asks, and drops the losers.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use tokio::time::{Instant, sleep_until};

use super::latencies::Latencies;
use super::state::{Hedge, Policy, Verdict};
use crate::deadline::Deadline;
use crate::retry::Budget;

/// What calls to one target usually take, and what hedges are paid from. Clones are the same.
#[derive(Clone, Debug)]
pub struct Hedger {
    policy: Policy,
    usual: Arc<Mutex<Latencies>>,
    budget: Arc<Mutex<Budget>>,
}

/// How a race ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Raced<T> {
    /// The result that counts: the first good one, or the last bad one.
    pub result: T,
    /// Which call it is of, 0 being the first.
    pub winner: u32,
    /// How many calls were sent.
    pub calls: u32,
}

impl Hedger {
    /// A hedger of which no call is known. `budget` is that of the retries to the same target,
    /// which their successes fill ([`Budget::earn`]); a race only spends.
    pub fn new(policy: Policy, budget: Arc<Mutex<Budget>>) -> Self {
        Self { policy, usual: Arc::default(), budget }
    }

    /// What calls took lately.
    pub fn usual(&self) -> Latencies {
        lock(&self.usual).clone()
    }

    /// Calls `send` with 0, and with 1 and so on when it takes long; the first `Ok` wins, and the
    /// other calls are dropped. A failure counts once no other call is in flight: then there is
    /// nothing to wait for, and to try again is a retry's business. `None` from a later `send` says
    /// that there is nobody else to ask.
    ///
    /// # Panics
    /// When `send` has no first call.
    pub async fn race<F, T, E>(
        &self,
        deadline: Deadline,
        mut send: impl FnMut(u32) -> Option<F>,
    ) -> Raced<Result<T, E>>
    where
        F: Future<Output = Result<T, E>>,
    {
        let sent = Instant::now();
        let mut hedge = Hedge::new(self.policy, sent, deadline);
        let first = send(0).expect("a race has a first call");
        let mut due = hedge.due(&lock(&self.usual));
        let mut first =
            FirstCall { call: Box::pin(first), sent, due, usual: &self.usual, ended: false };
        let mut calls = 1;
        let mut others: Vec<(u32, Pin<Box<F>>)> = Vec::new();
        loop {
            let landed = {
                let in_flight = next_of(&mut first, &mut others);
                match due {
                    None => Some(in_flight.await),
                    Some(due) => before(due, in_flight).await,
                }
            };
            match landed {
                Some((winner, result)) => {
                    let is_last = first.ended && others.is_empty();
                    if result.is_ok() || is_last {
                        return Raced { result, winner, calls };
                    }
                }
                None => {
                    let in_flight = others.len();
                    due = self.hedge(&mut hedge, &mut send, &mut others);
                    calls += u32::from(others.len() > in_flight);
                }
            }
        }
    }

    /// Sends another call if it is due; answers when the next one is.
    fn hedge<F>(
        &self,
        hedge: &mut Hedge,
        send: &mut impl FnMut(u32) -> Option<F>,
        others: &mut Vec<(u32, Pin<Box<F>>)>,
    ) -> Option<Instant> {
        let number = hedge.calls();
        let verdict = hedge.decide(&lock(&self.usual), &mut lock(&self.budget), Instant::now());
        match verdict {
            Verdict::Wait(due) => Some(due),
            Verdict::Never(_) => None,
            Verdict::Send => {
                others.push((number, Box::pin(send(number)?)));
                hedge.due(&lock(&self.usual))
            }
        }
    }
}

/// The first call, which says what is usual. Dropped before its end, it took at least so long.
struct FirstCall<'a, F> {
    call: Pin<Box<F>>,
    sent: Instant,
    /// When it was to be hedged.
    due: Option<Instant>,
    usual: &'a Mutex<Latencies>,
    ended: bool,
}

impl<F> FirstCall<'_, F> {
    /// A failure that came quickly says nothing of how long answers take; a late one was late.
    fn end(&mut self, is_good: bool) {
        self.ended = true;
        let now = Instant::now();
        if is_good || self.due.is_some_and(|due| now >= due) {
            lock(self.usual).record(now - self.sent);
        }
    }
}

impl<F> Drop for FirstCall<'_, F> {
    fn drop(&mut self) {
        // Dropped by whoever asked, before it was late, it says nothing either.
        if !self.ended {
            self.end(false);
        }
    }
}

/// The next result of any call that is in flight.
async fn next_of<F, T, E>(
    first: &mut FirstCall<'_, F>,
    others: &mut Vec<(u32, Pin<Box<F>>)>,
) -> (u32, Result<T, E>)
where
    F: Future<Output = Result<T, E>>,
{
    poll_fn(|context| {
        if !first.ended
            && let Poll::Ready(result) = first.call.as_mut().poll(context)
        {
            first.end(result.is_ok());
            return Poll::Ready((0, result));
        }
        for index in 0..others.len() {
            let (number, call) = &mut others[index];
            if let Poll::Ready(result) = call.as_mut().poll(context) {
                let number = *number;
                drop(others.swap_remove(index));
                return Poll::Ready((number, result));
            }
        }
        Poll::Pending
    })
    .await
}

/// What `future` answers until `due`; its result counts if both are there.
async fn before<T>(due: Instant, future: impl Future<Output = T>) -> Option<T> {
    let (mut future, mut timer) = (pin!(future), pin!(sleep_until(due)));
    poll_fn(|context| {
        if let Poll::Ready(result) = future.as_mut().poll(context) {
            return Poll::Ready(Some(result));
        }
        timer.as_mut().poll(context).map(|()| None)
    })
    .await
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic elsewhere cannot leave either half-changed: nothing in them panics.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
