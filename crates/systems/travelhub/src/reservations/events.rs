//! The log of reservations, for those who follow it: pages up to where it is settled, a snapshot
//! for who is too far behind, and the deletion of what all have read.

use std::time::Duration;

use standfast_tactics::deadline::Deadline;
use standfast_tactics::event_log::{Log, Reply, Sighting};
use tokio::time::{Instant, sleep};
use tokio_postgres::{Client, Error, IsolationLevel};

use super::super::wire::Gone;
use super::desk::Desk;
use super::lookup::failed;
use crate::service::database::{Session, within};
use crate::service::problem::Problem;

/// Three statements, in this order, each a transaction of its own.
const LAST: &str = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END \
                    FROM reservation_events_seq_seq";
const OWN: &str = "SELECT pg_current_xact_id()::text::bigint";
const OLDEST: &str = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint, \
                      (SELECT coalesce(max(seq), 0) FROM reservation_events_deleted)";

/// Nothing when some of it has just been deleted.
const PAGE: &str = include_str!("../../sql/events.sql");

const ALL_TO_DATE: &str = include_str!("../../sql/snapshot.sql");

const DELETE: &str = "WITH gone AS (\
      DELETE FROM reservation_events WHERE seq <= $1 RETURNING kind, price_cents\
    ) INSERT INTO reservation_events_deleted AS known (kind, events, cents, seq) \
      SELECT kind, count(*), sum(price_cents), $1 FROM gone GROUP BY kind \
      ON CONFLICT (kind) DO UPDATE SET events = known.events + excluded.events, \
      cents = known.cents + excluded.cents, seq = excluded.seq";

/// Whoever is further behind gets a snapshot: it is the smaller answer by then.
const TAIL_MAX: u64 = 200_000;

/// A writing transaction takes some milliseconds, and then what it wrote can be read.
const SETTLING_LOOKS: u32 = 10;
const SETTLING_PAUSE: Duration = Duration::from_millis(5);

/// How often what all have read is deleted, and what that may take.
const DELETE_EVERY: Duration = Duration::from_secs(10);
const DELETE_TIME_MAX: Duration = Duration::from_secs(10);

/// Who asks for what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Following {
    pub(super) since: u64,
    pub(super) limit: u64,
    /// Entries are kept for this one until it has read them.
    pub(super) consumer: Option<String>,
}

/// What such a one gets.
#[derive(Debug)]
pub(super) enum Followed {
    /// JSON of an `EventPage`.
    Page(String),
    Gone(Gone),
    /// It has applied what the log does not have.
    Ahead {
        settled: u64,
    },
}

/// The log, at one look.
#[derive(Clone, Copy, Debug)]
struct Seen {
    settled: u64,
    last: u64,
    deleted_to: u64,
}

impl Desk {
    /// The entries after a number.
    pub(super) async fn follow(
        &self,
        following: &Following,
        deadline: Deadline,
    ) -> Result<Followed, Problem> {
        let Following { since, limit, consumer } = following;
        if let Some(consumer) = consumer {
            self.retention().heard(consumer, *since, Instant::now());
        }
        let borrowed = self.database.borrow(deadline).await?;
        let call = async {
            let seen = self.look_until_settled(borrowed.client(), *since).await?;
            let log =
                Log { deleted_to: seen.deleted_to, settled: seen.settled, tail_max: TAIL_MAX };
            match log.reply(*since, seen.last) {
                Reply::Rows { after, up_to } => {
                    let statement = borrowed.client().prepare_cached(PAGE).await?;
                    let numbers = [after, up_to, *limit].map(u64::cast_signed);
                    let [after, up_to, limit] = &numbers;
                    let row =
                        borrowed.client().query_one(&statement, &[after, up_to, limit]).await?;
                    let page: Option<String> = row.try_get(0)?;
                    let gone = Gone { snapshot_at: seen.settled };
                    Ok(page.map_or(Followed::Gone(gone), Followed::Page))
                }
                Reply::Snapshot { at } => Ok(Followed::Gone(Gone { snapshot_at: at })),
                Reply::Ahead { settled } => Ok(Followed::Ahead { settled }),
            }
        };
        let followed = within(deadline, call).await.map_err(|error| failed(&error))?;
        borrowed.give_back();
        Ok(followed)
    }

    /// What the log comes to up to where it is settled: JSON of a `Snapshot`.
    pub(super) async fn snapshot(&self, deadline: Deadline) -> Result<String, Problem> {
        let mut borrowed = self.database.borrow(deadline).await?;
        let call = async {
            // Before the transaction: what is settled now is seen by whatever begins later.
            let seen = self.look_until_settled(borrowed.client(), 0).await?;
            let client: &mut Client = borrowed.client_mut();
            let isolation = IsolationLevel::RepeatableRead;
            let transaction = client
                .build_transaction()
                .isolation_level(isolation)
                .read_only(true)
                .start()
                .await?;
            let at = seen.settled.cast_signed();
            let row = transaction.query_one(ALL_TO_DATE, &[&at]).await?;
            transaction.commit().await?;
            row.try_get(0)
        };
        let snapshot = within(deadline, call).await.map_err(|error| failed(&error))?;
        borrowed.give_back();
        Ok(snapshot)
    }

    /// Looks a few times, until all that was there at first is settled.
    async fn look_until_settled(&self, client: &Client, since: u64) -> Result<Seen, Error> {
        let mut seen = self.look(client).await?;
        let wanted = seen.last;
        for _ in 1..SETTLING_LOOKS {
            if seen.settled >= wanted || wanted <= since {
                break;
            }
            sleep(SETTLING_PAUSE).await;
            seen = self.look(client).await?;
        }
        Ok(seen)
    }

    async fn look(&self, client: &Client) -> Result<Seen, Error> {
        let last: i64 = client.query_one(LAST, &[]).await?.try_get(0)?;
        let own: i64 = client.query_one(OWN, &[]).await?.try_get(0)?;
        let row = client.query_one(OLDEST, &[]).await?;
        let number = |index: usize| row.try_get::<_, i64>(index).map(i64::cast_unsigned);
        let (last, next_transaction) = (last.cast_unsigned(), own.cast_unsigned());
        let oldest_running = number(0)?;
        let sighting = Sighting { last, next_transaction, oldest_running };
        let settled = self.watermark().observe(sighting);
        self.metrics.events_settled.set(settled.cast_signed());
        Ok(Seen { settled, last, deleted_to: number(1)? })
    }
}

/// Deletes what all have read, every now and then.
pub(super) async fn delete_read(desk: &Desk, session: &Session) {
    let mut deleted_to = 0;
    loop {
        sleep(DELETE_EVERY).await;
        let settled = desk.watermark().settled();
        let to = desk.retention().deletable_to(settled, Instant::now());
        if to <= deleted_to {
            continue;
        }
        let soon = Deadline::after(Instant::now(), DELETE_TIME_MAX);
        let bound = to.cast_signed();
        match within(soon, session.client().execute(DELETE, &[&bound])).await {
            Ok(_) => deleted_to = to,
            Err(error) => {
                tracing::warn!(%error, "what all have read could not be deleted");
                return;
            }
        }
    }
}
