//! The router for tasks: it reads the clock, waits for a replica that is nearly there, and takes
//! back what is dropped.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::demand::{Shown, Wish};
use super::policy::{Policy, PolicyError};
use super::replica::{Change, Look};
use super::state::{End, FellShort, Refusal, ReplicaRouter, Route, Target, Ticket};

/// A router that many tasks share. Clones are the same one.
#[derive(Clone, Debug)]
pub struct SharedRouter {
    router: Arc<Mutex<ReplicaRouter>>,
    /// Changed by each look, for reads that wait.
    looks: watch::Sender<()>,
}

impl SharedRouter {
    /// A router of `replicas` of which nothing is known.
    ///
    /// # Errors
    /// When a number of `policy` makes no sense.
    pub fn try_new(replicas: usize, policy: Policy) -> Result<Self, PolicyError> {
        let router = ReplicaRouter::try_new(replicas, policy)?;
        Ok(Self { router: Arc::new(Mutex::new(router)), looks: watch::Sender::new(()) })
    }

    /// Lets a read go to whoever will answer it; waits [`Policy::wait_max`] at most.
    ///
    /// # Errors
    /// When nobody can answer it.
    pub async fn enter(&self, wish: Wish) -> Result<Pass, Refusal> {
        let asked = Instant::now();
        // Before the decision: a look between the two must not be missed.
        let mut looks = self.looks.subscribe();
        loop {
            let route = self.lock().route(wish, asked, Instant::now());
            let until = match route {
                Route::Go(ticket) => {
                    let target = ticket.target();
                    return Ok(Pass { router: self.clone(), target, ticket: Some(ticket) });
                }
                Route::Refuse(refusal) => return Err(refusal),
                Route::Wait { until } => until,
            };
            // A look, or the end of the wait: the router is asked again in either case.
            let _ = timeout_at(until, looks.changed()).await;
        }
    }

    /// See [`ReplicaRouter::looked`].
    pub fn looked(&self, replica: usize, look: Look) -> Option<Change> {
        let change = self.lock().looked(replica, look, Instant::now());
        self.looks.send_replace(());
        change
    }

    /// Tells or asks the router something, such as [`ReplicaRouter::acknowledged`].
    pub fn with<T>(&self, tell: impl FnOnce(&mut ReplicaRouter) -> T) -> T {
        tell(&mut self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, ReplicaRouter> {
        // A panic elsewhere cannot leave it half-changed: nothing in it panics between two changes.
        self.router.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A read that goes to its target. Dropped, it tells nothing of it.
#[derive(Debug)]
#[must_use = "a pass that is dropped at once asks nobody"]
pub struct Pass {
    router: SharedRouter,
    target: Target,
    ticket: Option<Ticket>,
}

impl Pass {
    /// Whom to ask.
    pub fn target(&self) -> Target {
        self.target
    }

    /// There is an answer.
    ///
    /// # Errors
    /// When it shows less than the read asked for: it must not be used.
    pub fn answered(mut self, shown: Shown) -> Result<(), FellShort> {
        self.end(End::Answered(shown)).map(|_| ())
    }

    /// There is none, and it is the target's fault.
    pub fn failed(mut self) -> Option<Change> {
        self.end(End::Failed).ok().flatten()
    }

    fn end(&mut self, end: End) -> Result<Option<Change>, FellShort> {
        match self.ticket.take() {
            Some(ticket) => self.router.lock().finish(ticket, end),
            None => Ok(None),
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let _ = self.end(End::Abandoned);
    }
}
