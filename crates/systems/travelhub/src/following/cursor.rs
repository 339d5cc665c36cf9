//! The number that a projection keeps in its database: read by one statement, and moved by those
//! that apply entries, in the same transaction.

use serde::Serialize;
use tokio_postgres::types::Json;
use tokio_postgres::{Client, Error};

use super::follow::Span;

/// Where the projection stands, by a statement without parameters.
pub(in super::super) async fn cursor_of(client: &Client, statement: &str) -> Result<u64, Error> {
    let cursor: i64 = client.query_one(statement, &[]).await?.try_get(0)?;
    Ok(cursor.cast_unsigned())
}

/// Has `statement` take `rows` and move the cursor along `span`; answers where it stands then.
pub(in super::super) async fn move_to<T: Serialize + std::fmt::Debug + Sync>(
    client: &Client,
    statement: &str,
    rows: &[T],
    span: Span,
) -> Result<u64, Error> {
    let (before, reached) = (span.before.cast_signed(), span.reached.cast_signed());
    let row = client.query_one(statement, &[&Json(rows), &before, &reached]).await?;
    Ok(row.try_get::<_, i64>(0)?.cast_unsigned())
}
