//! Writes, as many as wait in one transaction: one flush of the log's disk for all of them.

use std::sync::Arc;
use std::time::Duration;

use standfast_tactics::deadline::Deadline;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};
use tokio_postgres::{Client, Statement};

use super::desk::Desk;
use super::writing::{Outcome, Waiting};
use crate::service::database::{CallError, Session, away, unknown_outcome, within};

const APPLY: &str = "SELECT apply_writes($1::text::jsonb)::text";

/// More are not written at once: a batch must not take as long as its clients wait.
const BATCH_MAX: usize = 128;

/// How often an idle session is tried, so that a server that hangs is found without a client.
const TRY_EVERY: Duration = Duration::from_millis(250);

/// What a trial, or preparing, may take.
const TRIAL_TIME_MAX: Duration = Duration::from_secs(1);

/// Writes for as long as the service lives. There is one writer: while it commits, the next batch
/// gathers, and two of them would only wait for each other's rooms.
pub(super) async fn run(desk: Arc<Desk>, mut queue: mpsc::Receiver<Waiting>) {
    loop {
        let mut session = desk.database.session().await;
        let soon = Deadline::after(Instant::now(), TRIAL_TIME_MAX);
        let statement = match within(soon, session.client().prepare(APPLY)).await {
            Ok(statement) => statement,
            Err(error) => {
                tracing::warn!(%error, "nothing can be written");
                sleep(TRY_EVERY).await;
                continue;
            }
        };
        desk.database.writer_came();
        let error = write(&desk, &mut queue, &mut session, &statement).await;
        desk.database.writer_went(&error);
    }
}

/// Writes until the session is of no more use.
async fn write(
    desk: &Arc<Desk>,
    queue: &mut mpsc::Receiver<Waiting>,
    session: &mut Session,
    statement: &Statement,
) -> CallError {
    let mut batch = Vec::with_capacity(BATCH_MAX);
    loop {
        // Cancel-safe: nothing is taken from the queue but into the batch.
        tokio::select! {
            _ = queue.recv_many(&mut batch, BATCH_MAX) => {}
            () = session.ended() => return CallError::Closed,
            () = sleep(TRY_EVERY) => {
                let soon = Deadline::after(Instant::now(), TRIAL_TIME_MAX);
                if let Err(error) = within(soon, session.client().simple_query("")).await {
                    return error;
                }
            }
        }
        batch.retain(Waiting::claim);
        if batch.is_empty() {
            continue;
        }
        if let Err(error) = apply(desk, session.client(), statement, &mut batch).await {
            return error;
        }
        desk.wake_readers();
    }
}

/// Writes `batch` and answers all of it. An error means that the session is lost.
async fn apply(
    desk: &Desk,
    client: &Client,
    statement: &Statement,
    batch: &mut Vec<Waiting>,
) -> Result<(), CallError> {
    match call(client, statement, batch).await {
        Ok(outcomes) => {
            desk.metrics.wrote(batch.len());
            for (waiting, outcome) in batch.drain(..).zip(outcomes) {
                waiting.answer(Ok(outcome));
            }
            Ok(())
        }
        Err(error) if !error.is_refusal() || client.is_closed() => {
            batch.drain(..).for_each(|waiting| waiting.answer(Err(unknown_outcome())));
            Err(error)
        }
        // One of them is at fault, and the others are not to suffer for it: each by itself.
        Err(error) if batch.len() > 1 => {
            tracing::warn!(%error, "a batch was refused");
            for waiting in std::mem::take(batch) {
                Box::pin(apply(desk, client, statement, &mut vec![waiting])).await?;
            }
            Ok(())
        }
        Err(error) => {
            tracing::error!(%error, "a write was refused");
            let refused = || away("nothing was written: the database refused");
            batch.drain(..).for_each(|waiting| waiting.answer(Err(refused())));
            Ok(())
        }
    }
}

async fn call(
    client: &Client,
    statement: &Statement,
    batch: &[Waiting],
) -> Result<Vec<Outcome>, CallError> {
    let deadlines = batch.iter().map(|waiting| waiting.deadline);
    let deadline = deadlines.max().expect("an empty batch is not written");
    let texts: Vec<&str> = batch.iter().map(|waiting| waiting.text.as_str()).collect();
    let writes = format!("[{}]", texts.join(","));
    let call = async {
        let row = client.query_one(statement, &[&writes]).await?;
        row.try_get::<_, String>(0)
    };
    let answers: String = within(deadline, call).await?;
    match serde_json::from_str::<Vec<Outcome>>(&answers) {
        Ok(outcomes) if outcomes.len() == batch.len() => Ok(outcomes),
        wrong => {
            // The functions are of another version than this program.
            tracing::error!(?wrong, "the answers to writes cannot be read");
            Err(CallError::Closed)
        }
    }
}
