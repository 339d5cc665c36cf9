//! Drives sagas: makes the entries durable that a saga gives, then the calls, then brings back the
//! answers.

use std::sync::Arc;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;
use standfast_tactics::saga::{Definition, Entry, Next, Saga, Standing};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use uuid::Uuid;

use super::Middleware;
use super::journal::{SagaLine, Written};
use super::ledger::{Case, Progress};
use super::plan::Due;

/// A saga that somebody has to drive.
#[derive(Debug)]
pub(super) struct Driven {
    pub(super) case: Arc<Case>,
    pub(super) saga: Saga<Value>,
    /// Whether nothing of it is in the journal yet.
    pub(super) is_new: bool,
}

/// Takes up a saga from its lines.
pub(super) fn restore(definition: &Arc<Definition>, lines: &[SagaLine]) -> Option<Driven> {
    let first = lines.first()?;
    let order = first.order.clone()?;
    let mut saga = Saga::new(Arc::clone(definition));
    let mut epoch = 0;
    for line in lines {
        // A driver that another one has taken over from has no say.
        if line.epoch < epoch {
            continue;
        }
        epoch = line.epoch;
        for entry in line.entries() {
            if let Err(error) = saga.apply(&entry) {
                tracing::error!(%error, saga = %first.saga, "the journal contradicts itself");
            }
        }
    }
    let case = Case::new(first.saga, order, &saga);
    Some(Driven { case, saga, is_new: false })
}

/// Drives all that comes through `queue`, for as long as the service lives.
pub(super) async fn run(middleware: Arc<Middleware>, mut queue: mpsc::Receiver<Driven>) {
    let mut sagas = JoinSet::new();
    loop {
        // Both branches are cancel-safe.
        tokio::select! {
            driven = queue.recv() => match driven {
                Some(driven) => {
                    sagas.spawn(drive(Arc::clone(&middleware), driven));
                }
                None => return,
            },
            Some(_) = sagas.join_next(), if !sagas.is_empty() => {}
        }
    }
}

/// Drives one saga to its end, or until the journal fails.
async fn drive(middleware: Arc<Middleware>, driven: Driven) {
    let Driven { case, mut saga, mut is_new } = driven;
    let mut rng = StdRng::seed_from_u64(seed(case.id));
    let epoch = middleware.journal.epoch();
    loop {
        match saga.next(Instant::now()) {
            Next::Journal(entries) => {
                let order = is_new.then(|| case.order.clone());
                let mut line = SagaLine::new(case.id, epoch, order, &entries);
                line.is_end = ends(&saga, &entries);
                if middleware.journal.append(line).await == Written::Unknown {
                    // The process ends by this, and the next one knows.
                    return;
                }
                is_new = false;
                for entry in &entries {
                    saga.apply(entry).expect("the saga itself has asked for it");
                }
                middleware.metrics.journaled(&entries);
                middleware.ledger.went_on(&case, Progress::of(&saga));
            }
            Next::Call(call) => {
                let due = Due { id: case.id, order: &case.order, saga: &saga, epoch };
                let request = due.request(call);
                let answer = middleware.participants[call.step].call(&request).await;
                middleware.metrics.called(call, &answer);
                saga.answered(answer, Instant::now(), rng.random());
            }
            Next::Wait(until) => {
                tokio::select! {
                    () = sleep_until(until) => {}
                    () = case.resume.notified() => { saga.resume(); }
                }
            }
            Next::Answer => unreachable!("every call is answered before the next question"),
            Next::End(outcome) => {
                middleware.metrics.ended(outcome);
                middleware.ledger.ended(case.id);
                return;
            }
        }
    }
}

/// Whether the saga is at its end with these entries.
fn ends(saga: &Saga<Value>, entries: &[Entry<Value>]) -> bool {
    let mut then = saga.clone();
    entries.iter().all(|entry| then.apply(entry).is_ok())
        && matches!(then.standing(), Standing::Ended(_))
}

/// Waits differ between sagas, and need not be repeatable.
fn seed(id: Uuid) -> u64 {
    id.as_u64_pair().1
}
