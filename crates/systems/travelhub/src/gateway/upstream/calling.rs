//! One upstream: a call to it takes a place in the bulkhead, asks the breaker, goes to an instance,
//! and ends in time.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Incoming};
use hyper::{Request, Response};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use standfast_tactics::bulkhead::{self, Bulkhead, Seat};
use standfast_tactics::circuit_breaker::{self, Outcome};
use standfast_tactics::deadline::Deadline;
use standfast_tactics::hedge::{self, Hedger};
use standfast_tactics::outlier::{self, Heard};
use standfast_tactics::retry::{Budget, BudgetError, BudgetPolicy, GiveUp, Retries};
use tokio::time::{Instant, timeout, timeout_at};

use super::super::body::{Outbound, collect};
use super::answer::{Answer, Coming, Reply, Streamed, WHOLE_MAX};
use super::circuit::Circuit;
use super::connection::Connection;
use super::failure::Failure;
use super::instance::{Calling, Instance};
use super::request::{Ask, Attempt};
use super::selection::Selection;
use crate::service::peer::PeerAddress;

/// On one machine a connection is there at once, or the path is cut.
const CONNECT_TIME_MAX: Duration = Duration::from_millis(250);

/// No instance was asked yet.
const NOBODY: usize = usize::MAX;

/// What an upstream may cost, and when it is not worth asking.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Limits {
    pub(in super::super) places: bulkhead::Limits,
    /// None without the tactic.
    pub(in super::super) breaker: Option<circuit_breaker::Policy>,
    pub(in super::super) seed: u64,
}

/// Which number of an upstream makes no sense.
#[derive(Debug, thiserror::Error)]
pub(in super::super) enum UpstreamError {
    #[error("{0}")]
    Breaker(#[from] circuit_breaker::PolicyError),
    #[error("{0}")]
    Outlier(#[from] outlier::PolicyError),
    #[error("{0}")]
    Budget(#[from] BudgetError),
}

#[derive(Debug)]
pub(in super::super) struct Upstream {
    pub(in super::super) name: String,
    selection: Selection,
    places: Bulkhead,
    circuit: Option<Circuit>,
    budget: Arc<Mutex<Budget>>,
    hedger: Hedger,
    rng: Mutex<StdRng>,
    pub(in super::super) hedges: AtomicU64,
}

/// An answer or a failure, and of which instance.
pub(in super::super) type Tried = Result<Answer, (Failure, Option<usize>)>;

impl Upstream {
    pub(in super::super) fn try_new(
        name: &str,
        instances: Vec<PeerAddress>,
        limits: Limits,
    ) -> Result<Self, UpstreamError> {
        let circuit = limits.breaker.map(|policy| Circuit::try_new(name, policy, limits.seed));
        let budget = Arc::new(Mutex::new(Budget::try_new(BudgetPolicy::default())?));
        Ok(Self {
            name: name.to_owned(),
            selection: Selection::try_new(name, instances)?,
            places: Bulkhead::new(limits.places),
            circuit: circuit.transpose()?,
            hedger: Hedger::new(hedge::Policy::default(), Arc::clone(&budget)),
            budget,
            rng: Mutex::new(StdRng::seed_from_u64(limits.seed)),
            hedges: AtomicU64::new(0),
        })
    }

    pub(in super::super) fn instances(&self) -> &[Arc<Instance>] {
        self.selection.instances()
    }

    pub(in super::super) fn circuit(&self) -> Option<&Circuit> {
        self.circuit.as_ref()
    }

    /// How many calls run and wait.
    pub(in super::super) fn occupancy(&self) -> (usize, usize) {
        self.places.occupancy()
    }

    /// Whether a second instance could be asked while the first one lets us wait.
    pub(in super::super) fn can_hedge(&self) -> bool {
        self.instances().len() > 1
    }

    /// Whether and when to try again after `failure`.
    pub(in super::super) fn again(
        &self,
        retries: &mut Retries,
        failure: &Failure,
    ) -> Result<Duration, GiveUp> {
        let draw = self.rng.lock().unwrap_or_else(PoisonError::into_inner).random();
        let mut budget = self.budget.lock().unwrap_or_else(PoisonError::into_inner);
        retries.after(failure.again(), &mut budget, Instant::now(), draw)
    }

    /// One attempt, or two that race when the first takes long.
    pub(in super::super) async fn attempt_hedged(&self, ask: &Ask, attempt: Attempt) -> Tried {
        let asked_first = AtomicUsize::new(NOBODY);
        let raced = self.hedger.race(attempt.deadline, |number| {
            let mut attempt = attempt;
            if number > 0 {
                self.hedges.fetch_add(1, Ordering::Relaxed);
                let first = asked_first.load(Ordering::Relaxed);
                attempt.avoided = (first != NOBODY).then_some(first);
            }
            let noted = (number == 0).then_some(&asked_first);
            Some(self.attempt_noted(ask, None, attempt, noted))
        });
        let raced = raced.await;
        let first = asked_first.load(Ordering::Relaxed);
        if raced.winner > 0 && raced.result.is_ok() && first != NOBODY {
            // The first had a start and came in second. Its call is dropped with it, so that nobody
            // sees it there as the busier one: a race that is lost counts against it in its place.
            self.selection.record(first, Heard::Dissented, Instant::now());
        }
        raced.result
    }

    /// One attempt. `stream` is the body where it can be sent only once.
    pub(in super::super) async fn attempt(
        &self,
        ask: &Ask,
        stream: Option<Outbound>,
        attempt: Attempt,
    ) -> Tried {
        self.attempt_noted(ask, stream, attempt, None).await
    }

    /// The same, and notes whom it asks.
    async fn attempt_noted(
        &self,
        ask: &Ask,
        stream: Option<Outbound>,
        Attempt { deadline, has_full_time, avoided }: Attempt,
        noted: Option<&AtomicUsize>,
    ) -> Tried {
        if let Some(circuit) = &self.circuit {
            // Nobody should queue for a place that he may not use.
            circuit.look().map_err(|rejection| (rejection.into(), None))?;
        }
        let seat = self.places.enter(deadline.instant()).await;
        let seat = seat.map_err(|refused| (refused.into(), None))?;
        let permit = self.circuit.as_ref().map(Circuit::try_acquire).transpose();
        let permit = permit.map_err(|rejection| (rejection.into(), None))?;
        let chosen = self.selection.choose(avoided, Instant::now());
        if let Some(noted) = noted {
            noted.store(chosen, Ordering::Relaxed);
        }
        let calling = self.instances()[chosen].begin();
        let called = self.call(ask, stream, deadline, calling, seat);
        let tried = match timeout_at(deadline.instant(), called).await {
            Ok(tried) => tried,
            Err(_) => Err(Failure::Timeout),
        };
        let outcome = match &tried {
            Ok(_) => Outcome::Success,
            Err(Failure::Timeout) if !has_full_time => Outcome::Ignored,
            Err(failure) => failure.outcome(),
        };
        if let (Some(circuit), Some(permit)) = (&self.circuit, permit) {
            circuit.finish(permit, outcome);
        }
        match outcome {
            Outcome::Success => {
                self.budget.lock().unwrap_or_else(PoisonError::into_inner).earn();
                self.selection.record(chosen, Heard::Agreed, Instant::now());
            }
            Outcome::Failure => self.selection.record(chosen, Heard::Dissented, Instant::now()),
            Outcome::Slow | Outcome::Ignored | Outcome::Abandoned => {}
        }
        tried.map_err(|failure| (failure, Some(chosen)))
    }

    async fn call(
        &self,
        ask: &Ask,
        stream: Option<Outbound>,
        deadline: Deadline,
        calling: Calling,
        seat: Seat,
    ) -> Result<Answer, Failure> {
        let instance = calling.instance();
        let whole = || ask.body.clone().map_or_else(Outbound::empty, Outbound::Whole);
        // What can be sent only once is not risked on a connection that may be closing.
        if stream.is_none()
            && let Some(connection) = instance.take_idle()
        {
            let request = ask.request(&instance.address, deadline, whole());
            match exchange(connection, request).await {
                Ok((connection, answer)) => {
                    return receive(connection, answer, calling, seat).await;
                }
                // It was closed at the moment at which it was used, which says nothing.
                Err(error) => tracing::debug!(%error, "a kept connection was of no more use"),
            }
        }
        let connection = timeout(CONNECT_TIME_MAX, instance.open()).await;
        let connection = connection.map_err(|_| Failure::Timeout)??;
        let request = ask.request(&instance.address, deadline, stream.unwrap_or_else(whole));
        let (connection, answer) = exchange(connection, request).await.map_err(Failure::sending)?;
        receive(connection, answer, calling, seat).await
    }
}

async fn exchange(
    mut connection: Connection,
    request: Request<Outbound>,
) -> Result<(Connection, Response<Incoming>), hyper::Error> {
    let answer = connection.send(request).await?;
    Ok((connection, answer))
}

/// Takes what was answered: all of it if it is short.
async fn receive(
    mut connection: Connection,
    answer: Response<Incoming>,
    calling: Calling,
    seat: Seat,
) -> Result<Answer, Failure> {
    let (parts, incoming) = answer.into_parts();
    let is_short = incoming.size_hint().exact().is_some_and(|length| length <= WHOLE_MAX);
    if !is_short && !parts.status.is_server_error() {
        let streamed = Streamed::new(incoming, connection, calling, seat);
        return Ok(Answer { parts, body: Reply::Streamed(Box::new(streamed)) });
    }
    if !is_short {
        return Err(Failure::status(&parts));
    }
    let mut whole = Bytes::new();
    if !incoming.is_end_stream() {
        let coming = Coming { incoming, connection: &mut connection };
        whole = collect(coming, WHOLE_MAX).await.map_err(Failure::Answer)?;
    }
    calling.instance().keep(connection);
    match parts.status.is_server_error() {
        true => Err(Failure::status(&parts)),
        false => Ok(Answer { parts, body: Reply::Whole(whole) }),
    }
}
