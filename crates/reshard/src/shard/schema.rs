//! Makes a server a shard: the schema, a guard on each table, and which slots are open.

use crate::core::SlotSet;
use crate::session::{SqlError, quoted};

use super::{Shard, Table};

const SCHEMA: &str = include_str!("schema.sql");

impl Shard {
    /// Installs the schema and the guards; may be repeated. Slots that are not known here yet are
    /// open if they are among `owned`.
    pub async fn install(
        &self,
        tables: &[Table],
        slots: u16,
        owned: &SlotSet,
        epoch: u64,
    ) -> Result<(), SqlError> {
        self.session.transaction(SCHEMA).await?;
        let condition = owned.condition();
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
