//! Writes orders, as many as wait in one transaction: one flush of the log's disk for all of them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use standfast_tactics::deadline::Deadline;
use tokio::sync::{Mutex, mpsc};
use tokio::time::{Instant, sleep};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Error, Statement};
use uuid::Uuid;

use super::database::{CallError, Session, away, unknown_outcome, within};
use super::desk::Desk;
use super::keys::{self, Kept};
use super::placing::{Placement, Written};
use crate::service::problem::Problem;

const PLACE: &str = include_str!("../../sql/place.sql");

/// While one commits, the other gathers.
pub(super) const WRITERS: usize = 2;

/// More orders are not written at once: a batch must not take as long as its clients wait.
const BATCH_MAX: usize = 256;

/// How often an idle session is tried, so that a server that hangs is found without a client.
const TRY_EVERY: Duration = Duration::from_millis(250);

/// What a trial, or preparing, may take.
const TRIAL_TIME_MAX: Duration = Duration::from_secs(1);

/// The far end of the queue, at which the writers take turns.
pub(super) type Queue = Arc<Mutex<mpsc::Receiver<Placement>>>;

/// Writes for as long as the service lives.
pub(super) async fn run(desk: Arc<Desk>, queue: Queue) {
    loop {
        let mut session = desk.database.session().await;
        let soon = Deadline::after(Instant::now(), TRIAL_TIME_MAX);
        let statement = match within(soon, prepare(session.client())).await {
            Ok(statement) => statement,
            Err(error) => {
                tracing::warn!(%error, "orders cannot be written");
                sleep(TRY_EVERY).await;
                continue;
            }
        };
        desk.database.writer_came();
        let error = write(&desk, &queue, &mut session, &statement).await;
        desk.database.writer_went(&error);
    }
}

/// Writes until the session is of no more use.
async fn write(
    desk: &Arc<Desk>,
    queue: &Queue,
    session: &mut Session,
    statement: &Statement,
) -> CallError {
    let mut batch = Vec::with_capacity(BATCH_MAX);
    loop {
        let gather = async { queue.lock().await.recv_many(&mut batch, BATCH_MAX).await };
        // Cancel-safe: who has not come to the lock, or has it and waits, holds nothing.
        tokio::select! {
            _ = gather => {}
            () = session.ended() => return CallError::Closed,
            () = sleep(TRY_EVERY) => {
                let soon = Deadline::after(Instant::now(), TRIAL_TIME_MAX);
                if let Err(error) = within(soon, session.client().simple_query("")).await {
                    return error;
                }
            }
        }
        while !batch.is_empty() {
            let (now, later) = split(std::mem::take(&mut batch));
            batch = later;
            if let Err(error) = write_batch(desk, session.client(), statement, now).await {
                // What was put off goes back to its clients: nothing of it is written.
                return error;
            }
        }
    }
}

/// Those that can be written together, and those that must wait for a batch of their own since they
/// have the key of another one.
fn split(batch: Vec<Placement>) -> (Vec<Placement>, Vec<Placement>) {
    let mut keys = HashSet::new();
    batch.into_iter().partition(|placement| {
        placement.key.as_ref().is_none_or(|key| keys.insert(key.key.clone()))
    })
}

/// Writes `batch` and answers all of it. An error means that the session is lost.
async fn write_batch(
    desk: &Arc<Desk>,
    client: &Client,
    statement: &Statement,
    batch: Vec<Placement>,
) -> Result<(), CallError> {
    let batch: Vec<Placement> = batch.into_iter().filter(Placement::claim).collect();
    let Some(deadline) = batch.iter().map(|placement| placement.deadline).max() else {
        return Ok(());
    };
    let placed = match within(deadline, place(client, statement, &batch, desk)).await {
        Ok(placed) => placed,
        Err(error) => {
            let problem = problem_of(&error);
            batch.into_iter().for_each(|placement| placement.answer(Err(problem.clone())));
            return if error.is_refusal() && !client.is_closed() { Ok(()) } else { Err(error) };
        }
    };
    let (new, known): (Vec<_>, Vec<_>) =
        batch.into_iter().partition(|placement| placed.contains(&placement.order.id));
    if !new.is_empty() {
        desk.metrics.placed(new.len());
    }
    for placement in new {
        if !desk.settings.has_outbox {
            desk.publish_directly(&placement.order);
        }
        let response = placement.order.response.clone();
        placement.answer(Ok(Written { status: StatusCode::CREATED, response }));
    }
    desk.wake_publisher();
    if known.is_empty() { Ok(()) } else { answer_known(client, deadline, known).await }
}

/// Answers those whose keys were there before.
async fn answer_known(
    client: &Client,
    deadline: Deadline,
    known: Vec<Placement>,
) -> Result<(), CallError> {
    let keys: Vec<&str> =
        known.iter().filter_map(|one| one.key.as_ref()).map(|key| key.key.as_str()).collect();
    match within(deadline, keys::find(client, &keys)).await {
        Ok(mut kept) => {
            for placement in known {
                let result = earlier(&mut kept, &placement);
                placement.answer(result);
            }
            Ok(())
        }
        Err(error) => {
            // It is certain that these have written nothing.
            known.into_iter().for_each(|one| one.answer(Err(away("the database is away"))));
            Err(error)
        }
    }
}

fn earlier(kept: &mut HashMap<String, Kept>, placement: &Placement) -> Result<Written, Problem> {
    let key = placement.key.as_ref().expect("without a key, every order is new");
    match kept.remove(&key.key) {
        Some(kept) => kept.answer(key),
        None => Err(away("the answer kept under this Idempotency-Key has just been dropped")),
    }
}

fn problem_of(error: &CallError) -> Problem {
    if error.is_refusal() {
        tracing::error!(%error, "orders were refused");
        away("nothing was written: the database refused")
    } else {
        unknown_outcome()
    }
}

async fn prepare(client: &Client) -> Result<Statement, Error> {
    let types = [
        Type::UUID_ARRAY,
        Type::TEXT_ARRAY,
        Type::INT4_ARRAY,
        Type::UUID_ARRAY,
        Type::TEXT_ARRAY,
        Type::TEXT_ARRAY,
        Type::BYTEA_ARRAY,
        Type::TEXT_ARRAY,
        Type::TIMESTAMPTZ_ARRAY,
        Type::BOOL,
    ];
    client.prepare_typed(PLACE, &types).await
}

/// Writes `batch` in one transaction; answers the orders that are new.
async fn place(
    client: &Client,
    statement: &Statement,
    batch: &[Placement],
    desk: &Desk,
) -> Result<HashSet<Uuid>, Error> {
    let order = |place: usize| &batch[place].order;
    let all = || (0..batch.len()).map(order);
    let ids: Vec<Uuid> = all().map(|order| order.id).collect();
    let products: Vec<&str> = all().map(|order| order.product_id.as_str()).collect();
    let quantities: Vec<i32> = all().map(|order| order.quantity).collect();
    let event_ids: Vec<Uuid> = all().map(|order| order.event_id).collect();
    let payloads: Vec<&str> = all().map(|order| order.payload.as_str()).collect();
    let responses: Vec<&str> = all().map(|order| order.response.as_str()).collect();
    let times: Vec<_> = all().map(|order| order.created_at).collect();
    let keys = || batch.iter().map(|placement| placement.key.as_ref());
    let names: Vec<Option<&str>> = keys().map(|key| key.map(|key| key.key.as_str())).collect();
    let hashes: Vec<Option<&[u8]>> =
        keys().map(|key| key.map(|key| key.request_hash.as_slice())).collect();
    let parameters: [&(dyn ToSql + Sync); 10] = [
        &ids,
        &products,
        &quantities,
        &event_ids,
        &payloads,
        &names,
        &hashes,
        &responses,
        &times,
        &desk.settings.has_outbox,
    ];
    let rows = client.query(statement, &parameters).await?;
    rows.iter().map(|row| row.try_get(0)).collect()
}
