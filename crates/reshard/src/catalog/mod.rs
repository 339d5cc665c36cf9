//! The catalog: the map of slots, the journal of moves, and the lock of the one coordinator.
//!
//! It is a database of its own or of any shard. Lock, journal and map are used through one session,
//! so a coordinator that has lost the lock cannot write, and each write asks for its number, too.

mod request;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_postgres::Config;

use crate::core::{Handover, Map, PlanError, Record, Wish};
use crate::session::{Session, SqlError, quoted};

use request::PLANNING;
pub use request::{Request, RequestKey};

/// Any number that nobody else takes: "reshard" in ASCII.
const LOCK: i64 = 0x0072_6573_6861_7264;
/// The server ends our session after this silence, and with it the lock: we may be frozen.
const SILENCE_MAX: Duration = Duration::from_secs(10);
/// So that a slow answer or two do no harm.
const BEAT_EVERY: Duration = Duration::from_secs(2);

const SCHEMA: &str = "\
CREATE SCHEMA IF NOT EXISTS reshard_catalog;
CREATE TABLE IF NOT EXISTS reshard_catalog.map (
  only_row bool PRIMARY KEY DEFAULT true CHECK (only_row),
  epoch bigint NOT NULL, fence bigint NOT NULL, slots int NOT NULL);
CREATE TABLE IF NOT EXISTS reshard_catalog.owner (slot int PRIMARY KEY, shard text NOT NULL);
CREATE TABLE IF NOT EXISTS reshard_catalog.move (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  record json NOT NULL, is_open bool NOT NULL DEFAULT true, wish text,
  changed timestamptz NOT NULL DEFAULT now());
CREATE TABLE IF NOT EXISTS reshard_catalog.request (
  key text PRIMARY KEY, of text NOT NULL, moves bigint[] NOT NULL);
GRANT USAGE ON SCHEMA reshard_catalog TO PUBLIC;
GRANT SELECT ON reshard_catalog.map, reshard_catalog.owner TO PUBLIC";

/// What the catalog does not allow.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    #[error(transparent)]
    Sql(#[from] SqlError),
    #[error("another coordinator has the lock in the catalog")]
    Busy,
    #[error("coordinator {0} was replaced by a newer one")]
    Fenced(u64),
    #[error("the map is not in epoch {0} any more, or the slots have another owner")]
    Stale(u64),
    #[error("the catalog has a map of {found} slots already, not of {wanted}")]
    OtherSlots { found: usize, wanted: usize },
    #[error("slots {slots} are on the move already: move {id}")]
    OnTheMove { slots: String, id: u64 },
    #[error("slots {slots} are not `{source_shard}`'s")]
    NotOwned { slots: String, source_shard: String },
    #[error("there is no move {0}")]
    NoMove(u64),
    #[error("there is no map yet")]
    NoMap,
    #[error(transparent)]
    Plan(#[from] PlanError),
    #[error("the key `{0}` was used for another request")]
    KeyReused(String),
    #[error("the catalog holds what is no record: {0}")]
    Damaged(String),
}

/// A session with the catalog.
#[derive(Debug)]
pub struct Catalog {
    session: Arc<Session>,
    /// 0 without the lock.
    fence: u64,
    /// Keeps the lock alive.
    beating: JoinSet<()>,
}

impl Catalog {
    pub async fn connect(url: &str) -> Result<Self, CatalogError> {
        let server = "the catalog";
        let config: Config = url.parse().map_err(|source| {
            CatalogError::Sql(SqlError::Unreachable { server: server.to_owned(), source })
        })?;
        let session = Arc::new(Session::open(server, &config).await?);
        Ok(Self { session, fence: 0, beating: JoinSet::new() })
    }

    /// Whether the session has ended.
    pub fn is_closed(&self) -> bool {
        self.session.is_closed()
    }

    /// The number of the coordinator that holds the lock by this session.
    pub fn fence(&self) -> u64 {
        self.fence
    }

    /// Makes the tables; answers the map, if there is one already. If there is none, nobody else
    /// plans as long as this session lasts: two first maps would not mix.
    pub(crate) async fn install(&self, slots: u16) -> Result<Option<Map>, CatalogError> {
        self.session.run(&format!("SELECT pg_advisory_lock({PLANNING})")).await?;
        self.session.transaction(SCHEMA).await?;
        let map = self.map().await?;
        if map.is_some() {
            self.session.run(&format!("SELECT pg_advisory_unlock({PLANNING})")).await?;
        }
        let (found, wanted) = (map.as_ref().map(|map| map.owners.len()), usize::from(slots));
        match found {
            Some(found) if found != wanted => Err(CatalogError::OtherSlots { found, wanted }),
            Some(_) | None => Ok(map),
        }
    }

    /// Writes the first map.
    pub(crate) async fn begin(&self, map: &Map) -> Result<(), CatalogError> {
        let slots = map.owners.len();
        let row = |(slot, owner): (usize, &String)| format!("({slot}, {})", quoted(owner));
        let rows: Vec<String> = map.owners.iter().enumerate().map(row).collect();
        let statements = format!(
            "INSERT INTO reshard_catalog.map (epoch, fence, slots) VALUES ({}, 0, {slots}); \
             INSERT INTO reshard_catalog.owner VALUES {}",
            map.epoch,
            rows.join(", ")
        );
        self.session.transaction(&statements).await?;
        Ok(())
    }

    /// Who owns which slot now; `None` before there is a map.
    pub async fn map(&self) -> Result<Option<Map>, CatalogError> {
        let is_there = "SELECT to_regclass('reshard_catalog.map') IS NOT NULL";
        if self.session.value(is_there).await?.as_deref() != Some("t") {
            return Ok(None);
        }
        // One statement, one snapshot.
        let query = "SELECT m.epoch, o.shard FROM reshard_catalog.map m, reshard_catalog.owner o \
                     ORDER BY o.slot";
        let rows = self.session.rows(query).await?;
        let Some(epoch) = rows.first().and_then(|row| row.first()?.as_deref()?.parse().ok()) else {
            return Ok(None);
        };
        let owners = rows.into_iter().filter_map(|row| row.into_iter().nth(1)?).collect();
        Ok(Some(Map { epoch, owners, moving: BTreeMap::new() }))
    }

    pub async fn epoch(&self) -> Result<u64, CatalogError> {
        Ok(self.session.number("SELECT epoch FROM reshard_catalog.map").await?)
    }

    /// Becomes the coordinator, unless there is one.
    pub(crate) async fn try_lock(&mut self) -> Result<bool, CatalogError> {
        let taken = self.session.value(&format!("SELECT pg_try_advisory_lock({LOCK})")).await?;
        if taken.as_deref() != Some("t") {
            return Ok(false);
        }
        let silence = SILENCE_MAX.as_millis();
        self.session.run(&format!("SET idle_session_timeout = {silence}")).await?;
        let next = "UPDATE reshard_catalog.map SET fence = fence + 1 RETURNING fence";
        self.fence = self.session.number(next).await?;
        let session = Arc::clone(&self.session);
        self.beating.spawn(async move {
            while !session.is_closed() {
                // It is refused while a transaction of the same session has failed.
                drop(session.run("SELECT 1").await);
                tokio::time::sleep(BEAT_EVERY).await;
            }
        });
        Ok(true)
    }

    /// Ends when the session, and with it the lock, is gone.
    pub(crate) fn lost(&self) -> impl Future<Output = ()> + use<> {
        let session = Arc::clone(&self.session);
        async move {
            while !session.is_closed() {
                tokio::time::sleep(BEAT_EVERY / 20).await;
            }
        }
    }

    /// Does a coordinator have the lock now?
    pub async fn is_coordinated(&self) -> Result<bool, CatalogError> {
        let (high, low) = (LOCK >> 32, LOCK & 0xffff_ffff);
        let held = format!(
            "SELECT count(*) FROM pg_catalog.pg_locks WHERE locktype = 'advisory' AND granted \
             AND classid::bigint = {high} AND objid::bigint = {low} AND objsubid = 1"
        );
        Ok(self.session.number(&held).await? > 0)
    }

    /// Writes the record, and has the slots change hands with it: all of it or nothing.
    pub(crate) async fn write(
        &self,
        record: &Record,
        handover: Option<Handover>,
    ) -> Result<(), CatalogError> {
        let mut statements = self.fence_check();
        if let Some(Handover { from, epoch }) = handover {
            let (condition, count) = (record.slots.condition(), record.slots.len());
            let (from, to) = (quoted(record.shard(from)), quoted(record.shard(from.other())));
            statements.push_str(&format!(
                "; WITH next AS (UPDATE reshard_catalog.map SET epoch = epoch + 1 \
                   WHERE epoch = {epoch} RETURNING 1) SELECT 1 / count(*) FROM next; \
                 WITH moved AS (UPDATE reshard_catalog.owner SET shard = {to} \
                   WHERE {condition} AND shard = {from} RETURNING 1) \
                 SELECT 1 / (count(*) / {count}) FROM moved"
            ));
        }
        let is_open = record.ending().is_none();
        let wish = if record.undecided().is_some() { "NULL" } else { "wish" };
        statements.push_str(&format!(
            "; UPDATE reshard_catalog.move SET record = {}, is_open = {is_open}, wish = {wish}, \
             changed = now() WHERE id = {}",
            quoted(&text_of(record)),
            record.id
        ));
        let written = self.session.transaction(&statements).await.map(drop);
        match (written, handover) {
            (Err(error), Some(Handover { epoch, .. })) if error.code() == Some("22012") => {
                Err(CatalogError::Stale(epoch))
            }
            (written, _) => written.map_err(|error| self.refused(error)),
        }
    }

    /// Division by zero is how a check fails.
    fn fence_check(&self) -> String {
        let fence = self.fence;
        format!(
            "SELECT 1 / count(*) FROM \
             (SELECT FROM reshard_catalog.map WHERE fence = {fence} FOR SHARE) f"
        )
    }

    fn refused(&self, error: SqlError) -> CatalogError {
        let is_fence = error.code() == Some("22012");
        if is_fence { CatalogError::Fenced(self.fence) } else { error.into() }
    }

    /// Moves that have not ended, the oldest first.
    pub async fn open_moves(&self) -> Result<Vec<Record>, CatalogError> {
        self.records("is_open", "id").await
    }

    /// The last moves, the newest first.
    pub async fn last_moves(&self, count: u32) -> Result<Vec<Record>, CatalogError> {
        self.records("true", &format!("id DESC LIMIT {count}")).await
    }

    pub async fn record(&self, id: u64) -> Result<Record, CatalogError> {
        let found = self.records(&format!("id = {id}"), "id").await?;
        found.into_iter().next().ok_or(CatalogError::NoMove(id))
    }

    async fn records(&self, condition: &str, order: &str) -> Result<Vec<Record>, CatalogError> {
        let query =
            format!("SELECT record FROM reshard_catalog.move WHERE {condition} ORDER BY {order}");
        let rows = self.session.rows(&query).await?;
        let record = |text: String| {
            serde_json::from_str(&text)
                .map_err(|error| CatalogError::Damaged(format!("{error}: {text}")))
        };
        rows.into_iter().flatten().flatten().map(record).collect()
    }

    /// What an operator wants of a move.
    pub(crate) async fn wish(&self, id: u64) -> Result<Option<Wish>, CatalogError> {
        let query = format!("SELECT wish FROM reshard_catalog.move WHERE id = {id}");
        Ok(match self.session.value(&query).await?.as_deref() {
            Some("abort") => Some(Wish::Abort),
            Some("rollback") => Some(Wish::Rollback),
            Some("finish") => Some(Wish::Finish),
            Some(_) | None => None,
        })
    }

    /// Leaves word for the coordinator, or for the next one. `None` takes it back.
    pub async fn leave_wish(&self, id: u64, wish: Option<Wish>) -> Result<(), CatalogError> {
        let wish = match wish {
            Some(Wish::Abort) => "'abort'",
            Some(Wish::Rollback) => "'rollback'",
            Some(Wish::Finish) => "'finish'",
            None => "NULL",
        };
        let update = format!(
            "UPDATE reshard_catalog.move SET wish = {wish} WHERE id = {id} AND is_open RETURNING id"
        );
        let left = self.session.value(&update).await?;
        left.map(drop).ok_or(CatalogError::NoMove(id))
    }
}

fn text_of(record: &Record) -> String {
    serde_json::to_string(record).expect("a record has nothing that JSON cannot say")
}
