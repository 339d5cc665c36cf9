//! Answers that are kept under idempotency keys.

use std::collections::HashMap;

use axum::http::StatusCode;
use tokio_postgres::{Client, Error, Row, Transaction};

use super::placing::Written;
use crate::service::idempotency::IdempotencyKey;
use crate::service::problem::Problem;

const FIND: &str =
    "SELECT key, request_hash, status, response FROM idempotency_keys WHERE key = ANY ($1)";
const TAKE: &str =
    "INSERT INTO idempotency_keys (key, request_hash) VALUES ($1, $2) ON CONFLICT DO NOTHING";
const KEEP: &str = "UPDATE idempotency_keys SET status = $2, response = $3 WHERE key = $1";

/// Keys outlive every sensible retry by far.
const FORGET: &str = "DELETE FROM idempotency_keys WHERE created_at < now() - interval '24 hours'";

/// What is kept under a key.
#[derive(Debug)]
pub(super) struct Kept {
    request_hash: Vec<u8>,
    status: Option<i16>,
    response: Option<String>,
}

impl Kept {
    fn of_row(row: &Row) -> Result<(String, Self), Error> {
        let kept = Self {
            request_hash: row.try_get(1)?,
            status: row.try_get(2)?,
            response: row.try_get(3)?,
        };
        Ok((row.try_get(0)?, kept))
    }

    /// The answer to a request under the same key.
    pub(super) fn answer(self, key: &IdempotencyKey) -> Result<Written, Problem> {
        if self.request_hash != key.request_hash {
            let detail = "this Idempotency-Key was used with another request";
            return Err(Problem::unprocessable(detail));
        }
        let status = self.status.and_then(|code| StatusCode::from_u16(code.cast_unsigned()).ok());
        match (status, self.response) {
            (Some(status), Some(response)) => Ok(Written { status, response }),
            // Key and answer are written in one transaction: there is never one without the other.
            _ => {
                let detail = "the answer kept under this Idempotency-Key cannot be read";
                Err(Problem::unprocessable(detail))
            }
        }
    }
}

/// What is kept under `keys`.
pub(super) async fn find(client: &Client, keys: &[&str]) -> Result<HashMap<String, Kept>, Error> {
    client.query(FIND, &[&keys]).await?.iter().map(Kept::of_row).collect()
}

/// Takes `key` for this transaction; what is kept under it if it was taken before. A retry that
/// runs at the same time waits here until the first one has ended.
pub(super) async fn take(
    transaction: &Transaction<'_>,
    key: &IdempotencyKey,
) -> Result<Option<Kept>, Error> {
    if transaction.execute(TAKE, &[&key.key, &key.request_hash]).await? > 0 {
        return Ok(None);
    }
    let row = transaction.query_one(FIND, &[&[key.key.as_str()].as_slice()]).await?;
    Kept::of_row(&row).map(|(_, kept)| Some(kept))
}

/// Keeps `written` under `key`, which this transaction has taken.
pub(super) async fn keep(
    transaction: &Transaction<'_>,
    key: &IdempotencyKey,
    written: &Written,
) -> Result<(), Error> {
    let status = written.status.as_u16().cast_signed();
    transaction.execute(KEEP, &[&key.key, &status, &written.response]).await.map(|_| ())
}

/// Drops answers that nobody will ask for again.
pub(super) async fn forget_old(client: &Client) -> Result<u64, Error> {
    client.execute(FORGET, &[]).await
}
