//! Whether two shards are fit for a move: what would go wrong later is refused before it begins.

use crate::core::Record;
use crate::session::{SqlError, quoted};

use super::{Shard, Table};

/// Of a table: is it an ordinary, logged one; is `slot` an integer and never NULL; is it part of
/// the replica identity (else every update and delete of the application would fail as soon as the
/// table is published with a filter), as a key column and not merely included, of an index that is
/// valid and not deferrable; is the guard there; which columns draw from a sequence.
const QUESTIONS: &str = "\
SELECT c.relkind = 'r' AND c.relpersistence = 'p',
  EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'slot'
    AND a.atttypid = 'int4'::regtype AND a.attnotnull AND a.attgenerated = ''),
  c.relreplident = 'f' OR EXISTS (SELECT FROM pg_index i
    JOIN pg_attribute a ON a.attrelid = c.oid
      AND a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1])
    WHERE i.indrelid = c.oid AND a.attname = 'slot' AND i.indimmediate AND i.indisvalid
    AND (c.relreplident = 'd' AND i.indisprimary OR c.relreplident = 'i' AND i.indisreplident)),
  EXISTS (SELECT FROM pg_trigger WHERE tgrelid = c.oid AND tgname = 'reshard_guard'
    AND tgenabled = 'O'),
  (SELECT string_agg(a.attname, ', ') FROM pg_attribute a
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attrelid = c.oid AND (a.attidentity <> ''
      OR pg_get_expr(d.adbin, d.adrelid) LIKE '%nextval(%')),
  (SELECT string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ', '
      ORDER BY a.attnum) FROM pg_attribute a
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)
FROM pg_class c WHERE c.oid = to_regclass(";

impl Shard {
    /// Why this shard and `other` cannot exchange the tables' rows, if they cannot.
    pub(crate) async fn unfit(
        &self,
        other: &Self,
        tables: &[Table],
        record: &Record,
    ) -> Result<Option<String>, SqlError> {
        for shard in [self, other] {
            if let Some(problem) = shard.unfit_server(record).await? {
                return Ok(Some(problem));
            }
        }
        for table in tables {
            let (mine, problem) = self.unfit_table(table).await?;
            let (theirs, other_problem) = other.unfit_table(table).await?;
            if let Some(problem) = problem.or(other_problem) {
                return Ok(Some(problem));
            }
            if mine != theirs {
                let (one, two) = (self.name(), other.name());
                return Ok(Some(format!(
                    "{table} has other columns on `{one}` ({mine}) than on `{two}` ({theirs})"
                )));
            }
        }
        for shard in [self, other] {
            if let Some(problem) = shard.left_out(tables).await? {
                return Ok(Some(problem));
            }
        }
        Ok(None)
    }

    /// Sharded tables that are none of `tables`: their rows would stay behind.
    async fn left_out(&self, tables: &[Table]) -> Result<Option<String>, SqlError> {
        let known: Vec<String> = tables
            .iter()
            .map(|table| format!("to_regclass({})", quoted(&table.quoted())))
            .collect();
        let others = format!(
            "SELECT string_agg(tgrelid::regclass::text, ', ' ORDER BY tgrelid) FROM pg_trigger \
             WHERE tgname = 'reshard_guard' AND tgrelid <> ALL (ARRAY[{}]::oid[])",
            known.join(", ")
        );
        let others = self.session.value(&others).await?;
        let name = self.name();
        Ok(others.map(|others| {
            format!("{others} on `{name}` is sharded and not among the tables that are to move")
        }))
    }

    async fn unfit_server(&self, record: &Record) -> Result<Option<String>, SqlError> {
        let name = self.name();
        let level = self.session.value("SHOW wal_level").await?.unwrap_or_default();
        if level != "logical" {
            return Ok(Some(format!("`{name}` has wal_level = {level}, and needs logical")));
        }
        let free = "SELECT current_setting('max_replication_slots')::int - \
                    (SELECT count(*) FROM pg_replication_slots)";
        // One for the move, and one for each table that is being copied.
        if self.session.value(free).await?.and_then(|free| free.parse::<i64>().ok()) < Some(2) {
            return Ok(Some(format!("`{name}` has no two replication slots left")));
        }
        let known = format!("SELECT count(*) FROM reshard.slot WHERE {}", record.slots.condition());
        if self.session.number(&known).await? != record.slots.len() as u64 {
            return Ok(Some(format!("`{name}` was not made a shard of these slots")));
        }
        Ok(None)
    }

    /// The table's columns, and what is wrong with it.
    async fn unfit_table(&self, table: &Table) -> Result<(String, Option<String>), SqlError> {
        let name = self.name();
        let question = format!("{QUESTIONS}{})", quoted(&table.quoted()));
        let rows = self.session.rows(&question).await?;
        let Some(row) = rows.first() else {
            return Ok((String::new(), Some(format!("`{name}` has no table {table}"))));
        };
        let is = |column: usize| row.get(column).and_then(Option::as_deref) == Some("t");
        let text = |column: usize| row.get(column).cloned().flatten();
        let problem = if !is(0) {
            Some("is no ordinary, logged table".to_owned())
        } else if !is(1) {
            Some("has no column `slot` of type integer, not null and not generated".to_owned())
        } else if !is(2) {
            Some("does not have `slot` in its replica identity (its primary key)".to_owned())
        } else if !is(3) {
            Some("has no trigger reshard_guard, or it is switched off".to_owned())
        } else {
            let drawn = |columns| {
                format!("draws {columns} from a sequence, which does not move with the rows")
            };
            text(4).map(drawn)
        };
        let problem = problem.map(|problem| format!("{table} on `{name}` {problem}"));
        Ok((text(5).unwrap_or_default(), problem))
    }
}
