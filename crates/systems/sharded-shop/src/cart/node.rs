//! What the requests and the tasks of a node share: its carts, its log, and what it has to tell.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::StatusCode;
use serde_json::{Value, json};
use standfast_tactics::deadline::Deadline;
use time::OffsetDateTime;
use tokio::time::{Instant, timeout_at};

use super::change::Change;
use super::content::Deltas;
use super::journal::{Entry, Journal, Line, Written};
use super::keys::{Answered, Keys, Use};
use super::metrics::{Metrics, Reading};
use super::names::Refused;
use super::outbox::Outbox;
use super::settings::Settings;
use super::state::Carts;
use crate::service::answer;
use crate::service::idempotency::IdempotencyKey;
use crate::service::problem::Problem;

/// A cart node.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) settings: Settings,
    pub(super) metrics: Metrics,
    pub(super) journal: Journal,
    pub(super) outbox: Arc<Outbox>,
    state: Mutex<State>,
}

/// What is in memory.
#[derive(Debug)]
pub(super) struct State {
    pub(super) carts: Carts,
    pub(super) keys: Keys,
}

/// Why a client's change was not made, or is not known to be.
#[derive(Debug)]
pub(super) enum NotDone {
    Refused(Refused),
    Problem(Problem),
}

impl Node {
    pub(super) fn new(
        settings: Settings,
        state: State,
        journal: Journal,
        outbox: Arc<Outbox>,
    ) -> Self {
        let (metrics, state) = (Metrics::new(), Mutex::new(state));
        Self { settings, metrics, journal, outbox, state }
    }

    /// The state, which nobody holds across a wait.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a client's change, durably, and answers it; the other nodes are told afterwards.
    pub(super) async fn change(
        &self,
        change: &Change,
        key: Option<IdempotencyKey>,
        deadline: Deadline,
    ) -> Result<String, NotDone> {
        // A place in the log first: what is changed in memory is then certain to be logged, and in
        // that order.
        let permit = timeout_at(deadline.instant(), self.journal.reserve()).await;
        let permit = permit.map_err(|_| answer::out_of_time())?.ok_or_else(log_is_broken)?;
        if deadline.has_passed(Instant::now()) {
            // Nobody waits for it any more, who may have given up and asked elsewhere.
            return Err(answer::out_of_time().into());
        }
        let (body, written) = {
            let mut state = self.state();
            match key.as_ref().map_or(Use::New, |key| state.keys.find(key)) {
                Use::Different => return Err(key_was_used().into()),
                // The first answer may not be durable yet.
                Use::Again { body } => (body, permit.append(Entry::default())),
                Use::New => {
                    let deltas = state.carts.apply(change, now_ms()).map_err(NotDone::Refused)?;
                    let body = told(&state.carts, change).to_string();
                    let answered = key.map(|key| Answered::new(&key, body.clone()));
                    if let Some(answered) = answered.clone() {
                        state.keys.keep(answered);
                    }
                    (body, permit.append(entry(deltas, answered)))
                }
            }
        };
        // It is in memory, and may come to the disk yet, or have come there.
        durable(written, deadline).await.map_err(|_| unknown_outcome())?;
        Ok(body)
    }

    /// Takes over what another node has sent, durably.
    pub(super) async fn merge(
        &self,
        deltas: Deltas,
        how: &'static str,
        deadline: Deadline,
    ) -> Result<(), Problem> {
        let permit = timeout_at(deadline.instant(), self.journal.reserve()).await;
        let permit = permit.map_err(|_| answer::out_of_time())?.ok_or_else(log_is_broken)?;
        let written = {
            let merged = self.state().carts.merge(deltas, now_ms());
            self.metrics.merged(how, merged.news.len());
            self.metrics.clock_rejects.inc_by(merged.clock_rejects);
            self.metrics.contradictions.inc_by(merged.contradictions);
            // Who sent it tells the others, or they find it by comparing.
            let line = Line::Changed { carts: merged.news, answered: None };
            permit.append(Entry { line: Some(line).filter(is_news), tell: None })
        };
        durable(written, deadline).await
    }

    pub(super) fn render(&self) -> String {
        let carts = self.state().carts.held.len();
        let (waiting, dropped) = self.outbox.figures();
        let log_bytes = self.journal.log_length();
        self.metrics.render(Reading { carts, log_bytes, waiting, dropped })
    }
}

impl From<Problem> for NotDone {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

/// A change of this node's own. A key is kept even where nothing was changed.
fn entry(deltas: Deltas, answered: Option<Answered>) -> Entry {
    let tell = Some(deltas.clone()).filter(|deltas| !deltas.is_empty());
    let line = Line::Changed { carts: deltas, answered };
    Entry { line: Some(line).filter(is_news), tell }
}

fn is_news(line: &Line) -> bool {
    match line {
        Line::Opened { .. } => true,
        Line::Changed { carts, answered } => !carts.is_empty() || answered.is_some(),
    }
}

/// What a client is told of its change: little, since it is kept for as long as its key.
fn told(carts: &Carts, change: &Change) -> Value {
    let cart = match change {
        Change::Add { cart, sku, .. } | Change::Set { cart, sku, .. } => {
            let view = carts.show(cart);
            let line = view.lines.into_iter().find(|line| line.sku == *sku);
            let quantity = line.map_or(0, |line| line.quantity);
            let context = view.context;
            return json!({ "cart": cart, "sku": sku, "quantity": quantity, "context": context });
        }
        Change::CheckOut { cart, .. } | Change::Annotate { cart, .. } => cart,
        Change::MergeInto { into, .. } => into,
    };
    json!({ "cart": cart, "context": carts.context(cart).to_string() })
}

async fn durable(written: Written, deadline: Deadline) -> Result<(), Problem> {
    let written = timeout_at(deadline.instant(), written).await;
    written.map_err(|_| answer::out_of_time())?.map_err(|_| log_is_broken())
}

fn log_is_broken() -> Problem {
    Problem::unavailable(std::time::Duration::from_secs(1), "the log cannot be written")
}

fn unknown_outcome() -> Problem {
    let title = "It is not known whether the change was kept";
    let detail =
        "the log did not confirm it in time; ask this node again with the same Idempotency-Key";
    Problem::new(StatusCode::GATEWAY_TIMEOUT, "outcome-unknown", title, detail)
}

fn key_was_used() -> Problem {
    Problem::unprocessable("this Idempotency-Key was used with another request")
}

/// What the wall clock shows.
pub(super) fn now_ms() -> u64 {
    let now = OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000;
    u64::try_from(now).unwrap_or(0)
}
