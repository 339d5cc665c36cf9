//! What the log comes to in reports.

use serde::Serialize;
use tokio_postgres::types::Json;
use tokio_postgres::{Client, Error};

use super::super::following::{Projection, Span};
use super::super::wire::{ReservationEvent, Snapshot};

const CURSOR: &str = "SELECT seq FROM cursor";
const APPLY: &str = "SELECT apply_events($1, $2, $3)";
const REPLACE: &str = "SELECT take_snapshot($1, $2, $3)";

/// The reports of the site.
pub(super) struct Reports;

impl Projection for Reports {
    async fn cursor(client: &Client) -> Result<u64, Error> {
        let cursor: i64 = client.query_one(CURSOR, &[]).await?.try_get(0)?;
        Ok(cursor.cast_unsigned())
    }

    async fn apply(
        client: &Client,
        entries: &[ReservationEvent],
        span: Span,
    ) -> Result<u64, Error> {
        move_to(client, APPLY, entries, span).await
    }

    async fn replace(client: &Client, snapshot: &Snapshot, span: Span) -> Result<u64, Error> {
        move_to(client, REPLACE, &snapshot.totals, span).await
    }
}

async fn move_to<T: Serialize + std::fmt::Debug + Sync>(
    client: &Client,
    statement: &str,
    rows: &[T],
    span: Span,
) -> Result<u64, Error> {
    let (before, reached) = (span.before.cast_signed(), span.reached.cast_signed());
    let row = client.query_one(statement, &[&Json(rows), &before, &reached]).await?;
    Ok(row.try_get::<_, i64>(0)?.cast_unsigned())
}
