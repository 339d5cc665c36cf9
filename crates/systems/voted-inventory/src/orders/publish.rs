//! Brings committed events to the log: read, write, mark, again and again.
//!
//! A crash between writing and marking writes an event again, which the replicas' inbox knows. Only
//! one publisher works at a time, whichever instance it belongs to: the lock is its session's.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rand::RngExt;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use standfast_tactics::deadline::Deadline;
use standfast_tactics::outbox::{AfterParking, End, Order, Outbox, Page, Policy, Row, Run};
use tokio::time::{Instant, sleep};
use tokio_postgres::Client;
use uuid::Uuid;

use super::super::log::{Appending, Entry, LogError, Refusal, Topic};
use super::database::{CallError, Session, within};
use super::desk::Desk;
use crate::service::events;

/// Of the log in events, as in `system.toml`.
const TARGET: &str = "kafka";

/// Rows that are read, written and marked together.
const PAGE_MAX: i64 = 500;

/// What the database may take for a page or a mark.
const CALL_TIME_MAX: Duration = Duration::from_secs(2);

/// How soon another instance's lock is tried again, or a session that failed.
const TRY_AGAIN: Duration = Duration::from_millis(200);

/// Between two pages that were not full: what is committed meanwhile travels together, which costs
/// the database, the brokers and all replicas a fraction of what records alone do.
const PACE: Duration = Duration::from_millis(5);

/// Any number, as long as it is always the same: the publisher's lock.
const LOCK: i64 = 0x7374_6166_6f62_7831;

/// More of a parked record is not shown in the error queue, which would refuse it as well.
const SHOWN_MAX: usize = 1000;

/// Marks may be lost in a crash of the database: then the events are written again.
const SETTINGS: &str = "SET synchronous_commit = off";
const TAKE_LOCK: &str = "SELECT pg_try_advisory_lock($1)";
const READ: &str = "SELECT id, order_id, attempts, \
                    extract(epoch FROM now() - written_at)::float8, key, payload \
                    FROM outbox WHERE parked_at IS NULL AND order_id <> ALL ($1) \
                    ORDER BY id LIMIT $2";
const BEHIND: &str = "SELECT count(*) FROM outbox WHERE parked_at IS NULL";
const MARK: &str = "DELETE FROM outbox WHERE id = ANY ($1)";
const REJECTED: &str = "UPDATE outbox SET attempts = $2, reason = $3 WHERE id = $1";
const PARK: &str = "UPDATE outbox SET parked_at = now() WHERE id = $1";
/// What never came to the log has reserved nothing.
const GIVE_UP: &str = "UPDATE orders SET status = 'rejected', decided_at = now(), \
                       reason = 'its event cannot be published' \
                       WHERE id = $1 AND status = 'pending' AND reserve_event::text = $2";

/// The rows of one order go in order; other orders do not wait for them. The replicas can do with a
/// release without its reserve, so a parked one holds nothing up.
const POLICY: Policy = Policy {
    order: Order::ByKey,
    after_parking: AfterParking::SkipRow,
    rows_max: PAGE_MAX as usize,
    run_max: 10,
    tries_max: 5,
    wait_base: Duration::from_millis(50),
    wait_max: Duration::from_secs(1),
};

/// What is written of a row.
#[derive(Clone, Debug)]
struct Content {
    key: String,
    payload: String,
}

/// How a run ended.
#[derive(Debug)]
struct Ending {
    run: Run<Uuid>,
    sent: usize,
    end: End,
    reason: Option<String>,
}

/// The publisher.
#[derive(Debug)]
pub(super) struct Publisher {
    desk: Arc<Desk>,
    outbox: Outbox<Uuid>,
    /// In the log, and still in the table.
    published: Vec<u64>,
    /// What the table is to be told of rows that the log refused.
    rejections: VecDeque<Rejection>,
    /// Events that were given to the writer.
    appended: AtomicU64,
    random: StdRng,
    is_log_away: bool,
}

/// A row that the log refused.
#[derive(Debug)]
struct Rejection {
    row: u64,
    order: Uuid,
    attempts: u32,
    reason: String,
    /// What it says, when it is not tried again.
    parked: Option<Content>,
}

impl Publisher {
    pub(super) fn new(desk: Arc<Desk>, seed: u64) -> Self {
        let (outbox, random) = (Outbox::new(POLICY), StdRng::seed_from_u64(seed));
        let (published, rejections) = (Vec::new(), VecDeque::new());
        let appended = AtomicU64::new(0);
        Self { desk, outbox, published, rejections, appended, random, is_log_away: false }
    }

    /// Publishes for as long as the service lives.
    pub(super) async fn run(mut self) {
        loop {
            let session = self.desk.database.session().await;
            if let Err(error) = self.publish(&session).await {
                tracing::warn!(%error, "the publisher lost its session");
            }
            drop(session);
            sleep(TRY_AGAIN).await;
        }
    }

    /// Publishes until the session is of no more use, or another instance publishes.
    async fn publish(&mut self, session: &Session) -> Result<(), CallError> {
        let client = session.client();
        within(soon(), client.batch_execute(SETTINGS)).await?;
        let row = within(soon(), client.query_one(TAKE_LOCK, &[&LOCK])).await?;
        if !row.try_get::<_, bool>(0)? {
            return Ok(());
        }
        loop {
            // Also what could not be written back when the last session was lost.
            self.write_back(client).await?;
            let (runs, mut contents, is_full) = self.read(client).await?;
            if runs.is_empty() {
                self.desk.committed(self.desk.settings.poll_every).await;
                continue;
            }
            // Nothing is awaited between these, so that every run comes back.
            let endings = self.write(runs, &contents).await;
            if !is_full && endings.iter().all(|ending| ending.end == End::Done) {
                self.desk.metrics.outbox_oldest(None, Instant::now());
            }
            for ending in endings {
                self.finish(ending, &mut contents);
            }
            self.write_back(client).await?;
            if !is_full {
                sleep(PACE).await;
                self.desk.committed(self.desk.settings.poll_every).await;
            }
        }
    }

    /// The oldest rows, in runs, and whether there may be more.
    async fn read(
        &mut self,
        client: &Client,
    ) -> Result<(Vec<Run<Uuid>>, HashMap<u64, Content>, bool), CallError> {
        let excluded = self.outbox.begin_page(Instant::now());
        let rows = within(soon(), client.query(READ, &[&excluded, &PAGE_MAX])).await?;
        let mut contents = HashMap::with_capacity(rows.len());
        let mut page = Page { horizon: 0, rows: Vec::with_capacity(rows.len()) };
        for row in &rows {
            let id = row.try_get::<_, i64>(0)?.unsigned_abs();
            page.rows.push(Row {
                id,
                transaction: 0,
                key: row.try_get(1)?,
                attempts: row.try_get::<_, i32>(2)?.unsigned_abs(),
                age: Duration::try_from_secs_f64(row.try_get(3)?).unwrap_or_default(),
            });
            contents.insert(id, Content { key: row.try_get(4)?, payload: row.try_get(5)? });
        }
        let is_full = rows.len() as i64 >= PAGE_MAX;
        let runs = self.outbox.offer(page, Instant::now());
        let lag = self.outbox.lag();
        let oldest = (lag.rows > 0).then_some(lag.oldest);
        self.desk.metrics.outbox_oldest(oldest, Instant::now());
        let behind = if is_full {
            within(soon(), client.query_one(BEHIND, &[])).await?.try_get(0)?
        } else {
            lag.rows as i64
        };
        self.desk.metrics.outbox_rows.set(behind);
        Ok((runs, contents, is_full))
    }

    /// Writes `runs`: those beside each other together, each in its own order and up to its first
    /// failure.
    async fn write(&self, runs: Vec<Run<Uuid>>, contents: &HashMap<u64, Content>) -> Vec<Ending> {
        let longest = runs.iter().map(|run| run.rows.len()).max().unwrap_or(0);
        let mut results: Vec<Ending> = runs
            .into_iter()
            .map(|run| Ending { run, sent: 0, end: End::Done, reason: None })
            .collect();
        for place in 0..longest {
            let going =
                |result: &&mut Ending| result.end == End::Done && place < result.run.rows.len();
            let on_the_way: Vec<(&mut Ending, Result<Appending, LogError>)> = results
                .iter_mut()
                .filter(going)
                .map(|result| {
                    let appending = self.append(&contents[&result.run.rows[place]]);
                    (result, appending)
                })
                .collect();
            for (result, appending) in on_the_way {
                let acknowledged = match appending {
                    Ok(appending) => appending.await,
                    Err(error) => Err(error),
                };
                match acknowledged {
                    Ok(_) => result.sent += 1,
                    Err(error) => {
                        result.end = match &error {
                            LogError::Refused(_) => End::Rejected,
                            LogError::Away(_)
                            | LogError::Full
                            | LogError::Client(_)
                            | LogError::Topic { .. }
                            | LogError::OutOfRange { .. } => End::Unavailable,
                        };
                        result.reason = Some(error.to_string());
                    }
                }
            }
        }
        results
    }

    fn append(&self, content: &Content) -> Result<Appending, LogError> {
        let Content { key, payload } = content.clone();
        let entry = Entry { topic: Topic::Orders, key, payload: payload.into_bytes() };
        let number = self.appended.fetch_add(1, Ordering::Relaxed) + 1;
        if self.desk.settings.repeat_every.is_some_and(|every| number.is_multiple_of(every)) {
            // Nobody waits for it: the one that counts comes behind it.
            drop(self.desk.writer.append(&entry));
        }
        self.desk.writer.append(&entry)
    }

    /// Takes a run's result.
    fn finish(&mut self, ending: Ending, contents: &mut HashMap<u64, Content>) {
        let Ending { run, sent, end, reason } = ending;
        let (order, reason) = (run.key, reason.unwrap_or_default());
        self.tell_log_state(sent, end, &reason);
        let draw = self.random.random::<f64>();
        let back = self.outbox.finish(run.id, sent, end, Instant::now(), draw);
        self.desk.metrics.published.inc_by(back.published.len() as u64);
        self.published.extend(back.published);
        if let Some((row, attempts)) = back.rejected {
            let parked = back.parked.and_then(|row| contents.remove(&row));
            self.rejections.push_back(Rejection { row, order, attempts, reason, parked });
        }
    }

    /// Tells the table what became of its rows.
    async fn write_back(&mut self, client: &Client) -> Result<(), CallError> {
        if !self.published.is_empty() {
            let rows: Vec<i64> = self.published.iter().map(|id| id.cast_signed()).collect();
            within(soon(), client.execute(MARK, &[&rows])).await?;
            self.outbox.marked(&self.published);
            self.published.clear();
        }
        while let Some(rejection) = self.rejections.front() {
            self.reject(client, rejection).await?;
            if let Some(Rejection { row, parked: Some(_), .. }) = self.rejections.pop_front() {
                self.outbox.marked(&[row]);
            }
        }
        Ok(())
    }

    /// Notes that the log refused a row; the last time, sets it aside and tells the error queue.
    async fn reject(&self, client: &Client, rejection: &Rejection) -> Result<(), CallError> {
        let Rejection { row, order, attempts, reason, parked } = rejection;
        let attempts = i32::try_from(*attempts).unwrap_or(i32::MAX);
        let row = row.cast_signed();
        within(soon(), client.execute(REJECTED, &[&row, &attempts, reason])).await?;
        let Some(Content { payload, .. }) = parked else { return Ok(()) };
        tracing::error!(row, %order, reason, "an event is parked");
        let event = Refusal::show(payload.as_bytes());
        let event_id = event.get("event_id").and_then(|id| id.as_str()).unwrap_or_default();
        within(soon(), client.execute(GIVE_UP, &[order, &event_id])).await?;
        within(soon(), client.execute(PARK, &[&row])).await?;
        self.desk.metrics.parked.inc();
        self.tell_error_queue(*order, reason, payload, event);
        Ok(())
    }

    /// The row itself stays, so the error queue is only told as well as can be.
    fn tell_error_queue(&self, order: Uuid, reason: &str, payload: &str, event: Value) {
        let is_small = payload.len() <= SHOWN_MAX;
        let cut = || json!(payload.chars().take(SHOWN_MAX).collect::<String>());
        let refusal = Refusal {
            source: self.desk.settings.name.clone(),
            offset: None,
            reason: reason.to_owned(),
            event: if is_small { event } else { cut() },
        };
        let payload = serde_json::to_vec(&refusal).expect("it has string keys and plain values");
        let entry = Entry { topic: Topic::Errors, key: order.to_string(), payload };
        if let Err(error) = self.desk.writer.append(&entry) {
            tracing::warn!(%error, "the error queue was not told");
        }
    }

    fn tell_log_state(&mut self, sent: usize, end: End, reason: &str) {
        let was_away = self.is_log_away;
        self.is_log_away = end == End::Unavailable || (was_away && sent == 0);
        match (was_away, self.is_log_away) {
            (false, true) => {
                tracing::warn!(reason, "the log is away");
                events::report("detected", TARGET, json!({ "by": "orders", "cause": reason }));
            }
            (true, false) => {
                tracing::info!("the log is there");
                events::report("recovered", TARGET, json!({}));
            }
            (true, true) | (false, false) => {}
        }
    }
}

fn soon() -> Deadline {
    Deadline::after(Instant::now(), CALL_TIME_MAX)
}
