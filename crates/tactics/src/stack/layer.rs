//! What can be put around a call.

use std::fmt;

/// One tactic around a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    /// Refuses by priority under overload: [`crate::shed`].
    Shed,
    /// Answers when all within has failed: [`crate::degrade`].
    Fallback,
    /// Bounds the request as a whole: [`crate::deadline`].
    Deadline,
    /// Answers from a copy: [`crate::cache_aside`].
    Cache,
    /// Has equal calls share one: [`crate::coalesce`].
    Coalesce,
    /// Tries again: [`crate::retry`].
    Retry,
    /// Sends a second one when the first takes long: [`crate::hedge`].
    Hedge,
    /// Picks one of several instances, and leaves the odd ones out: [`crate::outlier`].
    Selection,
    /// Bounds how many run and wait at once: [`crate::bulkhead`].
    Bulkhead,
    /// Refuses while the dependency fails: [`crate::circuit_breaker`].
    Breaker,
    /// Bounds one attempt.
    Timeout,
}

impl Layer {
    /// All of them, in a right order from the outside in.
    pub const ALL: [Self; 11] = [
        Self::Shed,
        Self::Fallback,
        Self::Deadline,
        Self::Cache,
        Self::Coalesce,
        Self::Retry,
        Self::Hedge,
        Self::Selection,
        Self::Bulkhead,
        Self::Breaker,
        Self::Timeout,
    ];
}

impl fmt::Display for Layer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Shed => "shed",
            Self::Fallback => "fallback",
            Self::Deadline => "deadline",
            Self::Cache => "cache",
            Self::Coalesce => "coalesce",
            Self::Retry => "retry",
            Self::Hedge => "hedge",
            Self::Selection => "selection",
            Self::Bulkhead => "bulkhead",
            Self::Breaker => "breaker",
            Self::Timeout => "timeout",
        })
    }
}
