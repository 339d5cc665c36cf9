//! Makes a server a shard: the schema, a guard on each table, and which slots are open.

use crate::core::SlotSet;
use crate::session::{SqlError, quoted};

use super::{Shard, Table};

/// Which slots a shard is to know, and which of them it owns.
#[derive(Clone, Copy, Debug)]
pub struct Share<'map> {
    pub slots: u16,
    pub owned: &'map SlotSet,
    pub epoch: u64,
    /// There is no map yet: what the shard knows is of an attempt that did not come to its end.
    pub is_first: bool,
}

const SCHEMA: &str = include_str!("schema.sql");

impl Shard {
    /// Installs the schema and the guards; may be repeated. Slots that are not known here yet are
    /// open if they are owned; the others stay as they are, unless this is the first time.
    pub async fn install(&self, tables: &[Table], share: Share<'_>) -> Result<(), SqlError> {
        self.session.transaction(SCHEMA).await?;
        let Share { slots, owned, epoch, is_first } = share;
        let condition = owned.condition();
        if is_first {
            self.forget(&condition).await?;
        }
        let mut statements = format!(
            "INSERT INTO reshard.slot SELECT slot, {condition}, {epoch} \
             FROM generate_series(0, {}) slot ON CONFLICT DO NOTHING",
            slots - 1
        );
        for table in tables {
            statements.push_str(&guards(table));
        }
        self.session.transaction(&statements).await.map(drop)
    }

    /// Forgets which slots are open here if others should be. A shard that was told of a
    /// coordinator has been part of a fleet whose map is elsewhere: it is left as it is.
    async fn forget(&self, condition: &str) -> Result<(), SqlError> {
        let others = "SELECT count(*) FROM reshard.slot WHERE is_open IS DISTINCT FROM";
        if self.session.number(&format!("{others} {condition}")).await? == 0 {
            return Ok(());
        }
        if self.session.number("SELECT fence FROM reshard.fence").await? > 0 {
            let problem = "belongs to a fleet with another map, and the catalog has none";
            return Err(SqlError::Unfit(format!("`{}` {problem}", self.name())));
        }
        self.session.run("DELETE FROM reshard.slot").await
    }

    /// Of a control arm: the shard says that everything is here, as one does that knows nothing.
    pub(crate) async fn know_nothing(&self) -> Result<(), SqlError> {
        let all = "CREATE OR REPLACE FUNCTION reshard.is_here(int) RETURNS bool LANGUAGE sql \
                   STABLE PARALLEL SAFE AS 'SELECT true'";
        self.session.run(all).await
    }
}

/// Enabled for clients alone: rows that replication brings are not for the guard.
fn guards(table: &Table) -> String {
    let name = table.quoted();
    let literal = quoted(&name);
    format!(
        "; DO $do$ BEGIN IF NOT EXISTS (SELECT FROM pg_catalog.pg_trigger \
           WHERE tgrelid = {literal}::regclass AND tgname = 'reshard_guard') THEN \
         CREATE TRIGGER reshard_guard BEFORE INSERT OR UPDATE OR DELETE ON {name} \
           FOR EACH ROW EXECUTE FUNCTION reshard.guard(); \
         CREATE TRIGGER reshard_guard_truncate BEFORE TRUNCATE ON {name} \
           FOR EACH STATEMENT EXECUTE FUNCTION reshard.guard(); END IF; END $do$"
    )
}
