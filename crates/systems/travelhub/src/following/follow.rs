//! The loop of a follower: ask, judge, apply with the number, and ask again at once while there is
//! more.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use standfast_tactics::deadline::Deadline;
use standfast_tactics::event_log::{Follower, Page, Step};
use tokio::time::{Instant, sleep};
use tokio_postgres::{Client, Error};

use super::super::wire::{EventPage, ReservationEvent, Snapshot};
use super::feed::{Feed, FeedError, Fetched};
use super::progress::Progress;
use super::settings::{FollowerSettings, Role};
use crate::service::database::{CallError, Database, within};
use crate::service::events;

/// How soon reservations that are away are asked again.
const ASK_AGAIN: Duration = Duration::from_millis(200);

/// What a page, or a snapshot, may take to apply. A page takes some 100 ms.
const APPLY_TIME_MAX: Duration = Duration::from_secs(10);

/// What a follower makes of the entries. Each of these is one transaction that moves the cursor,
/// and answers where it stands afterwards: elsewhere than wanted when somebody else has moved it.
pub(in super::super) trait Projection: Send + Sync + 'static {
    /// The number up to which all is applied.
    fn cursor(client: &Client) -> impl Future<Output = Result<u64, Error>> + Send;

    /// Applies entries after `before`, up to `reached`.
    fn apply(
        client: &Client,
        entries: &[ReservationEvent],
        span: Span,
    ) -> impl Future<Output = Result<u64, Error>> + Send;

    /// Begins anew from a snapshot.
    fn replace(
        client: &Client,
        snapshot: &Snapshot,
        span: Span,
    ) -> impl Future<Output = Result<u64, Error>> + Send;
}

/// From one number to another.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Span {
    pub(in super::super) before: u64,
    pub(in super::super) reached: u64,
}

/// Why a round ended early.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    Feed(#[from] FeedError),
    #[error(transparent)]
    Database(#[from] CallError),
}

/// A follower's parts.
pub(in super::super) struct Follow {
    name: &'static str,
    database: Arc<Database>,
    feed: Feed,
    poll_every: Duration,
    progress: Arc<Progress>,
    asks: bool,
}

impl Follow {
    pub(in super::super) fn new(
        role: Role,
        settings: &FollowerSettings,
        database: &Arc<Database>,
        progress: &Arc<Progress>,
    ) -> Self {
        Self {
            name: role.name,
            database: Arc::clone(database),
            feed: Feed::new(settings, role.name),
            poll_every: settings.poll_every,
            progress: Arc::clone(progress),
            asks: settings.asks,
        }
    }

    /// Follows the log, or only listens, for as long as the service lives.
    pub(in super::super) async fn run<P: Projection>(self) {
        if self.asks {
            self.ask::<P>().await;
        } else {
            self.only_listen().await;
        }
    }

    async fn ask<P: Projection>(self) {
        loop {
            let session = self.database.session().await;
            self.database.writer_came();
            let error = self.on_session::<P>(session.client()).await;
            self.database.writer_went(&error);
        }
    }

    /// Keeps the database marked as there, and asks nobody: what the control arms do, whose entries
    /// are pushed.
    async fn only_listen(self) {
        loop {
            let mut session = self.database.session().await;
            self.database.writer_came();
            session.ended().await;
            self.database.writer_went(&CallError::Closed);
        }
    }

    /// Follows until the session is of no more use.
    async fn on_session<P: Projection>(&self, client: &Client) -> CallError {
        let mut follower = match timed(P::cursor(client)).await {
            Ok(cursor) => Follower::at(cursor),
            Err(error) => return error,
        };
        loop {
            match self.round::<P>(client, &mut follower).await {
                Ok(true) => {}
                Ok(false) => {
                    if let Some(took) = self.progress.caught_up(follower.since()) {
                        let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
                        let cursor = follower.since();
                        tracing::info!(cursor, took_ms, "caught up with the log");
                        let fields = json!({ "cursor": cursor, "took_ms": took_ms });
                        events::report("caught_up", self.name, fields);
                    }
                    sleep(self.poll_every).await;
                }
                Err(Failed::Database(error)) => return error,
                Err(Failed::Feed(error)) => {
                    tracing::debug!(%error, "the log cannot be read");
                    sleep(ASK_AGAIN.min(self.poll_every)).await;
                }
            }
        }
    }

    /// Applies a page, or a snapshot. Answers whether there may be more.
    async fn round<P: Projection>(
        &self,
        client: &Client,
        follower: &mut Follower,
    ) -> Result<bool, Failed> {
        let before = follower.since();
        match self.feed.since(before).await? {
            Fetched::Page(page) => {
                let is_full = page.events.len() == self.feed.page_length;
                match follower.judge(page_of(page)) {
                    Step::Apply { rows, cursor } => {
                        let entries: Vec<_> = rows.into_iter().map(|(_, entry)| entry).collect();
                        let span = Span { before, reached: cursor };
                        let stands = timed(P::apply(client, &entries, span)).await?;
                        self.progress.applied(entries.len(), stands);
                        *follower = Follower::at(stands);
                        Ok(is_full || stands != cursor)
                    }
                    Step::Nothing => Ok(false),
                    Step::Refuse(broken) => {
                        tracing::error!(%broken, "a page of the log was refused");
                        self.progress.refused();
                        Ok(false)
                    }
                }
            }
            Fetched::Gone(gone) => {
                tracing::info!(before, at = gone.snapshot_at, "too far behind for the log");
                let snapshot = self.feed.snapshot().await?;
                if let Err(broken) = follower.accept_snapshot(snapshot.at) {
                    tracing::error!(%broken, "a snapshot was refused");
                    self.progress.refused();
                    return Ok(false);
                }
                let span = Span { before, reached: snapshot.at };
                let stands = timed(P::replace(client, &snapshot, span)).await?;
                self.progress.took_snapshot(stands);
                *follower = Follower::at(stands);
                Ok(true)
            }
        }
    }
}

fn page_of(page: EventPage) -> Page<ReservationEvent> {
    let EventPage { since, settled, events } = page;
    let rows = events.into_iter().map(|entry| (entry.seq, entry)).collect();
    Page { since, settled, rows }
}

async fn timed<T>(call: impl Future<Output = Result<T, Error>>) -> Result<T, CallError> {
    within(Deadline::after(Instant::now(), APPLY_TIME_MAX), call).await
}
