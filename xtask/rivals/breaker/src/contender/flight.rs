//! Calls that are on their way through a breaker which is a service: the service behind it ends
//! each call when it is told to.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use super::{CallId, Ending};

/// What the service behind the breaker is asked with: how to end, once that is known.
pub(crate) type Order = Arc<Mutex<Option<Ending>>>;

/// What comes out of a breaker in place of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The dependency failed.
    Failure,
    /// The caller asked for nonsense.
    Mistake,
    /// The breaker did not let it through.
    Open,
}

/// A call through a breaker.
pub(super) type Flight = Pin<Box<dyn Future<Output = Result<(), Refused>>>>;

/// Calls by their numbers.
#[derive(Default)]
pub(super) struct Flights(Vec<Option<(Flight, Order)>>);

/// The service behind the breaker.
pub(super) async fn obey(order: Order) -> Result<(), Refused> {
    let ending = poll_fn(|_| match order.lock().unwrap_or_else(PoisonError::into_inner).take() {
        Some(ending) => Poll::Ready(ending),
        None => Poll::Pending,
    });
    match ending.await {
        Ending::Success => Ok(()),
        Ending::Failure => Err(Refused::Failure),
        Ending::Mistake => Err(Refused::Mistake),
    }
}

impl Flights {
    /// Sends a call, whose future `begin` makes; nothing when it is refused.
    pub(super) fn start(&mut self, begin: impl FnOnce(Order) -> Flight) -> Option<CallId> {
        let order = Order::default();
        let mut future = begin(Arc::clone(&order));
        match poll(&mut future) {
            Poll::Pending => {
                self.0.push(Some((future, order)));
                Some(CallId(self.0.len() - 1))
            }
            Poll::Ready(_) => None,
        }
    }

    pub(super) fn end(&mut self, call: CallId, ending: Ending) {
        let (mut future, order) = self.0[call.0].take().expect("a call ends once");
        *order.lock().unwrap_or_else(PoisonError::into_inner) = Some(ending);
        assert!(poll(&mut future).is_ready(), "the service obeys at once");
    }

    pub(super) fn abandon(&mut self, call: CallId) {
        drop(self.0[call.0].take());
    }
}

fn poll(future: &mut Flight) -> Poll<Result<(), Refused>> {
    future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}
