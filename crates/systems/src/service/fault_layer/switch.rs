//! What the layer and its control share: the state, behind a look that costs next to nothing while
//! the service has no fault.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::kind::FaultKind;
use super::state::{Faults, Lie, Report, Sender, Verdict};

/// The faults of one service.
#[derive(Clone, Debug)]
pub(crate) struct Switch(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    token: String,
    is_on: AtomicBool,
    faults: Mutex<Faults>,
}

impl Switch {
    pub(super) fn new(token: String) -> Self {
        let (is_on, faults) = (AtomicBool::new(false), Mutex::default());
        Self(Arc::new(Shared { token, is_on, faults }))
    }

    /// Whether somebody who says `token` is the lab.
    pub(super) fn knows(&self, token: &[u8]) -> bool {
        let own = self.0.token.as_bytes();
        // All bytes are looked at, so that the time that it takes tells nothing.
        let differing = own.iter().zip(token).fold(0, |seen, (own, other)| seen | (own ^ other));
        own.len() == token.len() && differing == 0
    }

    pub(super) fn put(&self, kind: FaultKind, seed: u64) -> Report {
        let mut faults = self.faults();
        faults.put(kind, seed);
        self.0.is_on.store(true, Ordering::Release);
        faults.report()
    }

    pub(super) fn clear(&self) -> Report {
        let mut faults = self.faults();
        self.0.is_on.store(false, Ordering::Release);
        faults.clear()
    }

    pub(super) fn report(&self) -> Report {
        self.faults().report()
    }

    pub(super) fn decide(&self, path: &str, sender: impl FnOnce() -> Sender) -> Verdict {
        match self.0.is_on.load(Ordering::Acquire) {
            true => self.faults().decide(path, sender()),
            false => Verdict::Pass,
        }
    }

    pub(super) fn lied(&self, lie: &Lie, sender: Sender) {
        self.faults().lied(lie, sender);
    }

    fn faults(&self) -> MutexGuard<'_, Faults> {
        self.0.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
