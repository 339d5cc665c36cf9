//! Which order is a mistake, and why. Where there is no rule, either order has its use.

use super::layer::Layer;

/// One layer belongs outside of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// The outer one.
    pub outer: Layer,
    /// The inner one.
    pub inner: Layer,
    /// What goes wrong otherwise.
    pub reason: &'static str,
}

/// One layer is of no use, or does harm, without another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needs {
    /// The one that is there.
    pub layer: Layer,
    /// The one that has to be there too.
    pub other: Layer,
    /// What goes wrong otherwise.
    pub reason: &'static str,
}

const fn order(outer: Layer, inner: Layer, reason: &'static str) -> Order {
    Order { outer, inner, reason }
}

const UNSEEN: &str =
    "a call that is cut off outside of the breaker is one that it never learns about";
const EACH_ATTEMPT: &str = "retries inside of the breaker go on against a dependency that it has \
     given up, and it sees one result of many attempts";
const NO_REFUSED_HIT: &str = "what the cache could answer would be refused together with the call";
const BOUNDS_ALL: &str = "a deadline inside of it bounds one round, and the rounds add up";
const ONE_FALLBACK: &str =
    "a fallback inside of it looks like a success, and the failure is never counted";
const OWN_PLACE: &str = "the wait for a place would count as slowness of the dependency, and \
     would use up the time of the attempt";

/// The order of each pair for which it matters.
pub const RULES: &[Order] = &[
    order(Layer::Breaker, Layer::Timeout, UNSEEN),
    order(Layer::Retry, Layer::Breaker, EACH_ATTEMPT),
    order(Layer::Retry, Layer::Timeout, "all attempts would share the time of one"),
    order(
        Layer::Retry,
        Layer::Hedge,
        "each hedge would be retried: n attempts and k hedges are n to the k calls",
    ),
    order(Layer::Retry, Layer::Bulkhead, "the pause between attempts would hold a place"),
    order(
        Layer::Retry,
        Layer::Selection,
        "each attempt would go to the instance that has just failed",
    ),
    order(
        Layer::Hedge,
        Layer::Selection,
        "the hedge would go to the instance that is slow already",
    ),
    order(Layer::Hedge, Layer::Bulkhead, "both calls would hold one place, and load as two"),
    order(
        Layer::Hedge,
        Layer::Breaker,
        "the breaker would see the quicker of two calls, and never the slow instance",
    ),
    order(Layer::Hedge, Layer::Timeout, "the hedge would have what the first call has left over"),
    order(Layer::Selection, Layer::Timeout, "a timeout would be held against no instance"),
    order(Layer::Bulkhead, Layer::Breaker, OWN_PLACE),
    order(Layer::Bulkhead, Layer::Timeout, OWN_PLACE),
    order(Layer::Cache, Layer::Coalesce, "a hit would wait for somebody else's miss"),
    order(Layer::Cache, Layer::Retry, "a hit needs no attempts"),
    order(Layer::Cache, Layer::Hedge, "a hit needs no second call"),
    order(Layer::Cache, Layer::Bulkhead, "a hit would wait for a place that it does not need"),
    order(Layer::Cache, Layer::Breaker, NO_REFUSED_HIT),
    order(Layer::Cache, Layer::Timeout, NO_REFUSED_HIT),
    order(Layer::Coalesce, Layer::Retry, "each waiter would retry, and the load come back"),
    order(Layer::Coalesce, Layer::Hedge, "the hedge would join the call that it is to overtake"),
    order(Layer::Coalesce, Layer::Bulkhead, "waiters would hold places without doing anything"),
    order(Layer::Coalesce, Layer::Breaker, "one failure would count once for each waiter"),
    order(Layer::Coalesce, Layer::Timeout, "the first waiter's timeout would end all others'"),
    order(Layer::Deadline, Layer::Retry, BOUNDS_ALL),
    order(Layer::Deadline, Layer::Hedge, BOUNDS_ALL),
    order(Layer::Deadline, Layer::Coalesce, "a waiter would wait as long as the leader likes"),
    order(Layer::Deadline, Layer::Bulkhead, "the wait for a place would have no bound"),
    order(Layer::Deadline, Layer::Timeout, "a timeout is cut to what the request has left"),
    order(Layer::Fallback, Layer::Deadline, "a request whose time is up would get no fallback"),
    order(Layer::Fallback, Layer::Retry, ONE_FALLBACK),
    order(Layer::Fallback, Layer::Hedge, ONE_FALLBACK),
    order(Layer::Fallback, Layer::Bulkhead, "what gets no place would get no fallback"),
    order(Layer::Fallback, Layer::Breaker, ONE_FALLBACK),
    order(Layer::Fallback, Layer::Timeout, ONE_FALLBACK),
    order(Layer::Shed, Layer::Retry, "what is refused would be sent again, under overload"),
    order(Layer::Shed, Layer::Hedge, "hedges would be counted as requests, under overload"),
    order(Layer::Shed, Layer::Bulkhead, "what is to be refused would wait in a queue before"),
    order(
        Layer::Shed,
        Layer::Breaker,
        "refusals of our own would count as failures of the dependency",
    ),
];

/// What must not be missing.
pub(super) const NEEDS: &[Needs] = &[
    Needs {
        layer: Layer::Retry,
        other: Layer::Deadline,
        reason: "attempts and waits add up without a bound",
    },
    Needs {
        layer: Layer::Breaker,
        other: Layer::Timeout,
        reason: "a dependency that hangs never fails, and the breaker never opens",
    },
    Needs {
        layer: Layer::Bulkhead,
        other: Layer::Deadline,
        reason: "the wait for a place has no bound",
    },
];
