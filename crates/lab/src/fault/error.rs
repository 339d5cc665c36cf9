//! Why a fault was not injected or not healed.

use standfast_engines::hosts::HostsError;
use standfast_faultproxy::ProxyError;

use super::kind::FaultKind;
use super::parameters::Objection;
use crate::instance::{HttpError, UnitError};
use crate::spec::{Edge, Length};

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FaultError {
    #[error("`{target}` is no process of this instance{}", suggest(suggestion.as_deref()))]
    UnknownTarget { target: String, suggestion: Option<String> },
    #[error("cannot {kind} `{target}`: {why}")]
    Impossible { kind: FaultKind, target: String, why: String },
    #[error("{kind} of `{target}` had no effect: {why}")]
    NoEffect { kind: FaultKind, target: String, why: String },
    #[error("`{target}` is held by the fault `{held}` already")]
    AlreadyHeld { target: String, held: FaultKind },
    #[error("cannot {kind} `{target}`: {source}")]
    Failed { kind: FaultKind, target: String, source: Box<UnitError> },
    #[error("`{target}` was not restored after {kind}: {why}")]
    NotRestored { kind: FaultKind, target: String, why: String },
    #[error(transparent)]
    Objection(#[from] Objection),
    #[error("`{edge}` does not lead through the fault proxy: {why}")]
    NotRouted { edge: Edge, why: String },
    #[error("{kind} of `{edge}`: {source}")]
    Link { kind: FaultKind, edge: Edge, source: ProxyError },
    #[error("`{target}` has no host of its own: bring the system up with `--hosts`")]
    NoHost { target: String },
    #[error("cannot isolate `{target}`: {source}")]
    Host { target: String, source: Box<HostsError> },
    #[error("cannot tell `{target}` to be {kind}: {source}")]
    Untold { kind: FaultKind, target: String, source: HttpError },
    #[error("no event `{event}` came from {from} to {until} of the run{seen}")]
    NeverCame { event: String, from: Length, until: Length, seen: String },
    #[error("the instance ended before the fault on `{target}` was in effect")]
    InstanceGone { target: String },
}

impl FaultError {
    pub(crate) fn no_effect(kind: FaultKind, target: &str, why: impl Into<String>) -> Self {
        Self::NoEffect { kind, target: target.to_owned(), why: why.into() }
    }

    pub(super) fn failed(kind: FaultKind, target: &str) -> impl FnOnce(UnitError) -> Self {
        let target = target.to_owned();
        move |source| Self::Failed { kind, target, source: Box::new(source) }
    }
}

fn suggest(suggestion: Option<&str>) -> String {
    suggestion.map_or_else(String::new, |word| format!("; did you mean `{word}`?"))
}
