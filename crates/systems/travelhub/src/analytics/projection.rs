//! What the log comes to in reports.

use tokio_postgres::{Client, Error};

use super::super::following::{Projection, Span, cursor_of, move_to};
use super::super::wire::{ReservationEvent, Snapshot};

const CURSOR: &str = "SELECT seq FROM cursor";
const APPLY: &str = "SELECT apply_events($1, $2, $3)";
const REPLACE: &str = "SELECT take_snapshot($1, $2, $3)";

/// The reports of the site.
pub(super) struct Reports;

impl Projection for Reports {
    async fn cursor(client: &Client) -> Result<u64, Error> {
        cursor_of(client, CURSOR).await
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
