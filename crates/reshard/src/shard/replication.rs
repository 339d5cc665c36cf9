//! Publications, replication slots, subscriptions and marks of a move, each named after it.
//!
//! The slot is made apart from the subscription: `CREATE SUBSCRIPTION` with its own slot cannot
//! be undone by a transaction, and hangs when both databases are in one server.

use std::time::Duration;

use crate::core::{CopyState, Leg, Position, Record, Side};
use crate::session::{Session, SqlError, quoted};

use super::{Shard, Table, copying, name_of};

/// Between two looks for a mark, which is a question of one row.
const LOOK_FOR_MARK_EVERY: Duration = Duration::from_millis(2);
/// Rows that one statement deletes: more would hold back vacuum and replicas.
const DELETE_AT_ONCE: u32 = 10_000;
/// How long a slot may stay in use after its subscription is gone.
const SLOT_IDLE_WITHIN: Duration = Duration::from_secs(5);
/// How long one try to make a slot waits for the transactions that run.
const MAKE_SLOT_WITHIN: Duration = Duration::from_secs(30);
const LOOK_FOR_IDLE_EVERY: Duration = Duration::from_millis(20);

/// Something on a shard that bears the name of a move.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Leftover {
    pub shard: String,
    pub kind: LeftoverKind,
    pub name: String,
    /// Of the move.
    pub id: u64,
}

/// In the order in which they can be taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LeftoverKind {
    Subscription,
    Slot,
    Publication,
    Mark,
}

impl Shard {
    pub(crate) async fn publish(
        &self,
        record: &Record,
        leg: Leg,
        tables: &[Table],
    ) -> Result<(), SqlError> {
        let name = name_of(record, leg);
        if self.exists("pg_publication", "pubname", &name).await? {
            return Ok(());
        }
        let condition = record.slots.condition();
        let mut published: Vec<String> =
            tables.iter().map(|table| format!("{} WHERE {condition}", table.quoted())).collect();
        let (move_id, leg) = (record.id, leg.name());
        published.push(format!("reshard.mark WHERE (move = {move_id} AND leg = '{leg}')"));
        self.change(&format!(
            "CREATE PUBLICATION {name} FOR TABLE {} WITH (publish = 'insert, update, delete')",
            published.join(", ")
        ))
        .await
    }

    pub(crate) async fn unpublish(&self, name: &str) -> Result<(), SqlError> {
        self.change(&format!("DROP PUBLICATION IF EXISTS {name}")).await
    }

    /// Waits until every transaction that runs on the server now has ended. Answers false if that
    /// is long.
    pub(crate) async fn make_slot(&self, record: &Record, leg: Leg) -> Result<bool, SqlError> {
        let name = name_of(record, leg);
        if self.has_slot(&name).await? {
            return Ok(true);
        }
        // A transaction that has a number cannot make a slot, so the fence is asked apart. What a
        // ghost makes in between is found by `leftovers`.
        self.change("SELECT 1").await?;
        let (bound, make) = (MAKE_SLOT_WITHIN.as_millis(), "pg_create_logical_replication_slot");
        let make =
            format!("SET LOCAL statement_timeout = {bound}; SELECT {make}('{name}', 'pgoutput')");
        match self.session.transaction(&make).await {
            Err(error) if error.is_timeout() => Ok(false),
            made => made.map(|_| true),
        }
    }

    /// Whether there is a slot that can be followed. One in the making, by a ghost maybe, is an
    /// error: it may come to be, or not.
    async fn has_slot(&self, name: &str) -> Result<bool, SqlError> {
        let asked = format!(
            "SELECT confirmed_flush_lsn IS NOT NULL FROM pg_catalog.pg_replication_slots \
             WHERE slot_name = {}",
            quoted(name)
        );
        match self.session.value(&asked).await?.as_deref() {
            Some("t") => Ok(true),
            Some(_) => Err(self.session.odd(format!("slot {name} is still being made"))),
            None => Ok(false),
        }
    }

    /// Drops the slot as soon as nobody uses it.
    pub(crate) async fn drop_slot(&self, name: &str) -> Result<(), SqlError> {
        let drop = format!(
            "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots \
             WHERE slot_name = {} AND NOT active",
            quoted(name)
        );
        let give_up = tokio::time::Instant::now() + SLOT_IDLE_WITHIN;
        loop {
            self.change(&drop).await?;
            if !self.exists("pg_replication_slots", "slot_name", name).await? {
                return Ok(());
            }
            if tokio::time::Instant::now() >= give_up {
                return Err(self.session.odd(format!("slot {name} is still in use")));
            }
            tokio::time::sleep(LOOK_FOR_IDLE_EVERY).await;
        }
    }

    /// Follows the shard `followed`: with a copy first, or from its slot on, which is set to
    /// `after` before. Answers false when there is no slot to follow.
    pub(crate) async fn subscribe(
        &self,
        record: &Record,
        leg: Leg,
        followed: &Self,
        after: Option<Position>,
    ) -> Result<bool, SqlError> {
        let name = name_of(record, leg);
        if !followed.has_slot(&name).await? {
            return Ok(false);
        }
        if self.exists("pg_subscription", "subname", &name).await? {
            return Ok(true);
        }
        if let Some(Position(after)) = after {
            // Never back: what the subscriber confirmed may be gone.
            followed
                .change(&format!(
                    "SELECT pg_replication_slot_advance(slot_name, \
                       '0/0'::pg_lsn + {after}::numeric) \
                     FROM pg_replication_slots \
                     WHERE slot_name = '{name}' \
                     AND confirmed_flush_lsn < '0/0'::pg_lsn + {after}::numeric"
                ))
                .await?;
        }
        let peer = quoted(&followed.address.peer_url);
        let copy = leg == Leg::Forward;
        let incarnations =
            format!("{} {}", followed.incarnation().await?, self.incarnation().await?);
        self.change(&format!(
            "CREATE SUBSCRIPTION {name} CONNECTION {peer} PUBLICATION {name} WITH \
             (create_slot = false, slot_name = '{name}', copy_data = {copy}); \
             COMMENT ON SUBSCRIPTION {name} IS '{incarnations}'"
        ))
        .await?;
        Ok(true)
    }

    /// Ends the subscription; its slot stays. If the followed shard is out of its reach, slots of
    /// an unfinished copy stay there, too, and it notes that down.
    pub(crate) async fn unsubscribe(&self, record: &Record, leg: Leg) -> Result<(), SqlError> {
        self.end_subscription(&name_of(record, leg), &copying::note(record, leg)).await
    }

    async fn end_subscription(&self, name: &str, before: &str) -> Result<(), SqlError> {
        if !self.exists("pg_subscription", "subname", name).await? {
            return Ok(());
        }
        self.change(&format!(
            "{before}; ALTER SUBSCRIPTION {name} DISABLE; \
             ALTER SUBSCRIPTION {name} SET (slot_name = NONE); DROP SUBSCRIPTION {name}"
        ))
        .await
    }

    /// How many tables are copied. `followed` must still have the slot.
    pub(crate) async fn look_at_copy(
        &self,
        record: &Record,
        leg: Leg,
        followed: &Self,
    ) -> Result<CopyState, SqlError> {
        let name = name_of(record, leg);
        if !followed.exists("pg_replication_slots", "slot_name", &name).await? {
            return Ok(CopyState::Missing);
        }
        let followed_now = followed.incarnation().await?;
        let begun_with = self.copied_by(&name).await?;
        if begun_with.is_none_or(|(one, two, now)| now != two || one != followed_now) {
            return Ok(CopyState::Missing);
        }
        let tables = format!(
            "SELECT count(*) FILTER (WHERE r.srsubstate = 'r'), count(*), \
               (SELECT apply_error_count + sync_error_count FROM pg_stat_subscription_stats \
                WHERE subname = '{name}') \
             FROM pg_subscription s \
             JOIN pg_subscription_rel r ON r.srsubid = s.oid WHERE s.subname = '{name}'"
        );
        let rows = self.session.rows(&tables).await?;
        let count =
            |column: usize| -> Option<u32> { rows.first()?.get(column)?.as_deref()?.parse().ok() };
        match (count(0), count(1)) {
            (Some(_), Some(0)) | (None, _) | (_, None) => Ok(CopyState::Missing),
            (Some(ready), Some(all)) => {
                Ok(CopyState::Tables { ready, all, errors: count(2).unwrap_or_default() })
            }
        }
    }

    /// Another one after each failover: a replica that takes over begins a new timeline. A session
    /// ends with the server's incarnation.
    async fn incarnation(&self) -> Result<String, SqlError> {
        let timeline = "SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8)";
        Ok(self.session.value(timeline).await?.unwrap_or_default())
    }

    /// The incarnations of the followed shard and of this one with which a subscription was made,
    /// and this one's now.
    async fn copied_by(&self, name: &str) -> Result<Option<(String, String, String)>, SqlError> {
        let asked = format!(
            "SELECT obj_description(oid, 'pg_subscription'), \
             left(pg_walfile_name(pg_current_wal_lsn()), 8) \
             FROM pg_subscription WHERE subname = '{name}'"
        );
        let rows = self.session.rows(&asked).await?;
        let Some([Some(comment), Some(now)]) = rows.first().map(Vec::as_slice) else {
            return Ok(None);
        };
        let begun = comment.split_once(' ');
        Ok(begun.map(|(one, two)| (one.to_owned(), two.to_owned(), now.clone())))
    }

    pub(crate) async fn mark(&self, id: u64, leg: Leg, value: u64) -> Result<(), SqlError> {
        let leg = leg.name();
        self.change(&format!(
            "INSERT INTO reshard.mark VALUES ({id}, '{leg}', {value}) \
             ON CONFLICT (move, leg) DO UPDATE SET value = excluded.value"
        ))
        .await
    }

    /// Whether the mark comes `within`: then all that was committed before it on the other shard is
    /// here.
    pub(crate) async fn await_mark(
        &self,
        id: u64,
        leg: Leg,
        value: u64,
        within: Duration,
    ) -> Result<bool, SqlError> {
        let leg = leg.name();
        let look = format!(
            "SELECT value >= {value} FROM reshard.mark WHERE move = {id} AND leg = '{leg}'"
        );
        let give_up = tokio::time::Instant::now() + within;
        loop {
            if self.session.value(&look).await?.as_deref() == Some("t") {
                return Ok(true);
            }
            if tokio::time::Instant::now() >= give_up {
                return Ok(false);
            }
            tokio::time::sleep(LOOK_FOR_MARK_EVERY).await;
        }
    }

    pub(crate) async fn forget_marks(&self, id: u64) -> Result<(), SqlError> {
        self.change(&format!("DELETE FROM reshard.mark WHERE move = {id}")).await
    }

    /// Brings what was applied so far to the disk, and says where the log is then. `None`: it was
    /// applied by a server that this one has replaced, so something may be missing.
    pub(crate) async fn settle(
        &self,
        record: &Record,
        leg: Leg,
    ) -> Result<Option<Position>, SqlError> {
        // A commit that is waited for takes everything before it along.
        self.change("SELECT pg_logical_emit_message(true, 'reshard', '')").await?;
        let end = "SELECT (pg_current_wal_flush_lsn() - '0/0'::pg_lsn)::bigint";
        let position = Position(self.session.number(end).await?);
        let begun_with = self.copied_by(&name_of(record, leg)).await?;
        Ok(begun_with.filter(|(_, begun, now)| begun == now).map(|_| position))
    }

    /// Deletes the rows of the slots, which must be closed, unless they come from a subscription.
    pub(crate) async fn empty(
        &self,
        record: &Record,
        side: Side,
        tables: &[Table],
    ) -> Result<(), SqlError> {
        let leg = if side == Side::Target { Leg::Forward } else { Leg::Reverse };
        if self.exists("pg_subscription", "subname", &name_of(record, leg)).await? {
            return Ok(());
        }
        let condition = record.slots.condition();
        // The row locks keep the slots closed until the rows are gone.
        let guard = format!(
            "SELECT max(CASE WHEN is_open THEN 'slot ' || slot ELSE '0' END)::int FROM \
             (SELECT slot, is_open FROM reshard.slot WHERE {condition} FOR SHARE) s"
        );
        self.session.run("SET session_replication_role = replica").await?;
        let mut emptied = Ok(());
        for table in tables {
            emptied = self.empty_table(&guard, table, &condition).await;
            if emptied.is_err() {
                break;
            }
        }
        self.session.run("SET session_replication_role = origin").await?;
        emptied
    }

    async fn empty_table(
        &self,
        guard: &str,
        table: &Table,
        condition: &str,
    ) -> Result<(), SqlError> {
        let name = table.quoted();
        // Of a move that was refused because of its tables, there is nothing to delete.
        let is_sharded = format!(
            "SELECT count(*) FROM pg_attribute WHERE attrelid = to_regclass({}) \
             AND attname = 'slot' AND NOT attisdropped",
            quoted(&name)
        );
        if self.session.number(&is_sharded).await? == 0 {
            return Ok(());
        }
        // Portions as they lie in the table, so that each page is looked at once, and not past all
        // rows that are gone already. Whatever a portion has, it deletes only what it should.
        let find = format!(
            "SELECT ctid FROM (SELECT ctid, row_number() OVER (ORDER BY ctid) AS place \
             FROM {name} WHERE {condition}) found WHERE place % {DELETE_AT_ONCE} = 1 ORDER BY place"
        );
        let fence = self.fence_check();
        loop {
            let firsts = self.session.rows(&find).await?;
            let firsts: Vec<String> = firsts.into_iter().flatten().flatten().collect();
            if firsts.is_empty() {
                return Ok(());
            }
            for (index, first) in firsts.iter().enumerate() {
                let end = firsts.get(index + 1);
                let end = end.map(|end| format!("AND ctid < '{end}'")).unwrap_or_default();
                let delete = format!(
                    "{fence}; {guard}; DELETE FROM {name} WHERE ctid >= '{first}' {end} \
                     AND {condition}"
                );
                self.session.transaction(&delete).await.map_err(|error| self.unemptied(error))?;
            }
        }
    }

    /// A slot that is open is not `0`, and no number.
    fn unemptied(&self, error: SqlError) -> SqlError {
        if error.code() != Some("22P02") {
            return self.unfenced(error);
        }
        let name = self.name();
        SqlError::Unfit(format!("`{name}` takes writes of slots that are to be emptied: {error}"))
    }

    async fn exists(&self, catalog: &str, column: &str, name: &str) -> Result<bool, SqlError> {
        let name = quoted(name);
        let count = format!("SELECT count(*) FROM pg_catalog.{catalog} WHERE {column} = {name}");
        Ok(self.session.number(&count).await? > 0)
    }

    /// Everything on the shard that bears the name of a move.
    pub async fn leftovers(&self) -> Result<Vec<Leftover>, SqlError> {
        let found = session_leftovers(&self.session).await?;
        let leftover = |(kind, name, id): (LeftoverKind, String, u64)| Leftover {
            shard: self.address.name.clone(),
            kind,
            name,
            id,
        };
        Ok(found.into_iter().map(leftover).collect())
    }

    /// Takes one of them away.
    pub(crate) async fn remove(&self, leftover: &Leftover) -> Result<(), SqlError> {
        match leftover.kind {
            LeftoverKind::Subscription => self.end_subscription(&leftover.name, "SELECT").await,
            LeftoverKind::Slot => self.drop_slot(&leftover.name).await,
            LeftoverKind::Publication => self.unpublish(&leftover.name).await,
            LeftoverKind::Mark => self.forget_marks(leftover.id).await,
        }
    }
}

async fn session_leftovers(
    session: &Session,
) -> Result<Vec<(LeftoverKind, String, u64)>, SqlError> {
    let pattern = r"'^reshard_\d+_(forward|reverse)$'";
    let queries = [
        (
            LeftoverKind::Subscription,
            format!(
                "SELECT subname FROM pg_catalog.pg_subscription WHERE subname ~ {pattern} \
             AND subdbid = (SELECT oid FROM pg_catalog.pg_database \
             WHERE datname = current_database())"
            ),
        ),
        (
            LeftoverKind::Slot,
            format!(
                "SELECT slot_name FROM pg_catalog.pg_replication_slots WHERE slot_name ~ {pattern} \
             AND database = current_database()"
            ),
        ),
        (
            LeftoverKind::Publication,
            format!("SELECT pubname FROM pg_catalog.pg_publication WHERE pubname ~ {pattern}"),
        ),
        (LeftoverKind::Mark, "SELECT DISTINCT 'mark_' || move FROM reshard.mark".to_owned()),
    ];
    let mut found = Vec::new();
    for (kind, query) in queries {
        for name in session.rows(&query).await?.into_iter().flatten().flatten() {
            let id = name.split('_').nth(1).and_then(|id| id.parse().ok());
            found.extend(id.map(|id| (kind, name, id)));
        }
    }
    Ok(found)
}
