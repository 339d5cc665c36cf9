//! Reads what the replicas say, and decides orders by it.
//!
//! The votes and the position in the topic are written in one transaction, so that each reply
//! counts once wherever the service was interrupted.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use standfast_tactics::deadline::Deadline;
use time::OffsetDateTime;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_postgres::types::Json;
use tokio_postgres::{Client, Error, Row, Transaction};
use uuid::Uuid;

use super::super::log::{Item, LogError, LogReader, Record, Reply, Survey, Topic, ensure_topics};
use super::ballot::{Ballot, Decision, Status, Vote};
use super::database::{CallError, Session, within};
use super::desk::Desk;

/// Replies that are written together.
const BATCH_MAX: usize = 500;

/// How long a batch gathers: the three replies to an event come together, and are one update then.
const GATHER: Duration = Duration::from_millis(10);

/// What the database may take for a batch.
const CALL_TIME_MAX: Duration = Duration::from_secs(5);

/// How soon a session that failed, or a log that is not there yet, is tried again.
const TRY_AGAIN: Duration = Duration::from_millis(200);

/// What a crash of the database forgets is read again from the topic.
const SETTINGS: &str = "SET synchronous_commit = off";
const POSITION: &str = "SELECT next_offset FROM positions WHERE topic = $1";
const ADVANCE: &str = "INSERT INTO positions (topic, next_offset) VALUES ($1, $2) \
                       ON CONFLICT (topic) DO UPDATE SET next_offset = excluded.next_offset";
const FIND: &str = "SELECT id, status, votes, reserve_event, release_event, reason, decided_at \
                    FROM orders WHERE id = ANY ($1) ORDER BY id FOR UPDATE";
const DECIDE: &str = "UPDATE orders SET status = one.status, reason = one.reason, \
                      votes = one.votes, decided_at = one.decided_at \
                      FROM unnest($1::uuid[], $2::text[], $3::text[], $4::jsonb[], \
                                  $5::timestamptz[]) \
                        AS one (id, status, reason, votes, decided_at) \
                      WHERE orders.id = one.id";

/// An order with what was said about it.
#[derive(Debug)]
struct Open {
    status: String,
    reason: Option<String>,
    ballot: Ballot,
    reserve_event: Uuid,
    release_event: Option<Uuid>,
    decided_at: Option<OffsetDateTime>,
    is_changed: bool,
}

/// Reads for as long as the service lives.
pub(super) async fn run(desk: Arc<Desk>) {
    loop {
        let mut session = desk.database.session().await;
        if let Err(error) = follow(&desk, &mut session).await {
            tracing::warn!(%error, "replies are not read for a moment");
        }
        drop(session);
        sleep(TRY_AGAIN).await;
    }
}

/// Why reading was interrupted.
#[derive(Debug, thiserror::Error)]
enum Interruption {
    #[error(transparent)]
    Database(#[from] CallError),
    #[error(transparent)]
    Log(#[from] LogError),
}

async fn follow(desk: &Desk, session: &mut Session) -> Result<(), Interruption> {
    within(soon(), session.client().batch_execute(SETTINGS)).await?;
    let from = within(soon(), position(session.client())).await?;
    ensure_topics(&desk.settings.log).await?;
    let mut reader = LogReader::start(&desk.settings.log, Topic::Replies, from)?;
    let survey = Survey::try_new(&desk.settings.log)?;
    let next = AtomicI64::new(from);
    let read = || next.load(Ordering::Relaxed);
    let error = tokio::select! {
        Err(error) = count_all(desk, session, &mut reader, &next) => error,
        error = survey.watch(Topic::Replies, read, |_| ()) => error.into(),
    };
    if let Interruption::Log(LogError::OutOfRange { .. }) = error {
        // The topic was made anew, or has lost its tail: the votes that were in it count still.
        tracing::error!(%error, "replies are read from the beginning");
        // The transaction that may have been under way is not known to have ended.
        *session = desk.database.session().await;
        within(soon(), rewind(session.client())).await?;
    }
    Err(error)
}

/// Counts what comes, and keeps in `next` where it stands; ends only with an error.
async fn count_all(
    desk: &Desk,
    session: &mut Session,
    reader: &mut LogReader,
    next: &AtomicI64,
) -> Result<(), Interruption> {
    loop {
        let batch = gather(reader).await?;
        take(desk, session.client_mut(), &batch).await?;
        next.store(batch.last().map_or(0, |record| record.offset + 1), Ordering::Relaxed);
    }
}

/// At least one record, and those that come soon after it.
async fn gather(reader: &mut LogReader) -> Result<Vec<Record>, LogError> {
    let mut batch = Vec::new();
    while batch.is_empty() {
        if let Item::Record(record) = reader.next().await? {
            batch.push(record);
        }
    }
    let until = Instant::now() + GATHER;
    while batch.len() < BATCH_MAX {
        match timeout_at(until, reader.next()).await {
            Ok(Ok(Item::Record(record))) => batch.push(record),
            Ok(Ok(Item::End)) => {}
            Ok(Err(error)) => return Err(error),
            Err(_) => break,
        }
    }
    Ok(batch)
}

/// Counts the votes in `batch`, and moves on behind it.
async fn take(desk: &Desk, client: &mut Client, batch: &[Record]) -> Result<(), CallError> {
    let Some(last) = batch.last() else { return Ok(()) };
    let mut replies: HashMap<Uuid, Vec<Reply>> = HashMap::new();
    for record in batch {
        match serde_json::from_slice::<Reply>(&record.payload) {
            Ok(reply) => replies.entry(reply.order_id).or_default().push(reply),
            Err(error) => tracing::warn!(offset = record.offset, %error, "a reply is none"),
        }
    }
    desk.metrics.replies.inc_by(batch.len() as u64);
    let work = async {
        let transaction = client.transaction().await?;
        let decided = count(desk, &transaction, &replies).await?;
        let next = last.offset + 1;
        transaction.execute(ADVANCE, &[&Topic::Replies.name(), &next]).await?;
        transaction.commit().await?;
        Ok::<_, Error>(decided)
    };
    for status in within(soon(), work).await? {
        desk.metrics.decided(status);
    }
    Ok(())
}

/// Writes what `replies` make of their orders; answers what these came to.
async fn count(
    desk: &Desk,
    transaction: &Transaction<'_>,
    replies: &HashMap<Uuid, Vec<Reply>>,
) -> Result<Vec<Status>, Error> {
    let ids: Vec<&Uuid> = replies.keys().collect();
    let rows = transaction.query(FIND, &[&ids]).await?;
    desk.metrics.strays.inc_by((ids.len() - rows.len()) as u64);
    let mut decided = Vec::new();
    let mut changed: Vec<(Uuid, Open)> = Vec::new();
    for row in &rows {
        let id: Uuid = row.try_get(0)?;
        let mut open = Open::of_row(row)?;
        decided.extend(open.take(&replies[&id], desk.settings.replicas));
        if open.is_changed {
            changed.push((id, open));
        }
    }
    if changed.is_empty() {
        return Ok(decided);
    }
    let of = |place: usize| &changed[place].1;
    let all = || (0..changed.len()).map(of);
    let ids: Vec<Uuid> = changed.iter().map(|(id, _)| *id).collect();
    let statuses: Vec<&str> = all().map(|open| open.status.as_str()).collect();
    let reasons: Vec<Option<&str>> = all().map(|open| open.reason.as_deref()).collect();
    let ballots: Vec<Json<&Ballot>> = all().map(|open| Json(&open.ballot)).collect();
    let times: Vec<Option<OffsetDateTime>> = all().map(|open| open.decided_at).collect();
    transaction.execute(DECIDE, &[&ids, &statuses, &reasons, &ballots, &times]).await?;
    Ok(decided)
}

impl Open {
    fn of_row(row: &Row) -> Result<Self, Error> {
        let Json(ballot) = row.try_get(2)?;
        Ok(Self {
            status: row.try_get(1)?,
            ballot,
            reserve_event: row.try_get(3)?,
            release_event: row.try_get(4)?,
            reason: row.try_get(5)?,
            decided_at: row.try_get(6)?,
            is_changed: false,
        })
    }

    /// Counts `replies`; answers what the order came to, if that is new.
    fn take(&mut self, replies: &[Reply], replicas: usize) -> Option<Status> {
        for reply in replies {
            let votes = if reply.event_id == self.reserve_event {
                &mut self.ballot.reserve
            } else if Some(reply.event_id) == self.release_event {
                &mut self.ballot.release
            } else {
                continue;
            };
            let vote = Vote { outcome: reply.outcome, reason: reply.reason.clone() };
            self.is_changed |= Ballot::take(votes, &reply.replica, vote);
        }
        let Decision { status, reason } = self.ballot.decide(replicas);
        if status == Status::Pending || status.name() == self.status {
            return None;
        }
        self.status = status.name().to_owned();
        self.reason = reason;
        self.decided_at = Some(OffsetDateTime::now_utc());
        self.is_changed = true;
        Some(status)
    }
}

async fn position(client: &Client) -> Result<i64, Error> {
    let row = client.query_opt(POSITION, &[&Topic::Replies.name()]).await?;
    row.map_or(Ok(0), |row| row.try_get(0))
}

async fn rewind(client: &Client) -> Result<u64, Error> {
    client.execute(ADVANCE, &[&Topic::Replies.name(), &0_i64]).await
}

fn soon() -> Deadline {
    Deadline::after(Instant::now(), CALL_TIME_MAX)
}
