//! Writes: to the primary, in one transaction with the idempotency key; then the cache is told.

use standfast_tactics::deadline::Deadline;
use standfast_tactics::session_token::LogPosition;
use tokio::time::Instant;
use tokio_postgres::{Error, Transaction};
use uuid::Uuid;

use super::cache::CALL_BUDGET;
use super::database::{CallError, DatabaseError, Lane, Lease, within};
use super::draft::Draft;
use super::offers::Offers;
use super::queries;
use super::reads::{written_city, written_offer};
use super::search::AMENITIES;
use crate::service::idempotency::IdempotencyKey;
use crate::service::problem::Problem;
use axum::http::StatusCode;

const OFFER: &str = include_str!("../sql/offer.sql");
const TAKE_KEY: &str =
    "INSERT INTO idempotency_keys (key, request_hash) VALUES ($1, $2) ON CONFLICT DO NOTHING";
const FIND_KEY: &str = "SELECT request_hash, status, response FROM idempotency_keys WHERE key = $1";
const KEEP_ANSWER: &str = "UPDATE idempotency_keys SET status = $2, response = $3 WHERE key = $1";
const REPLACE: &str = "UPDATE offers SET name = $2, stars = $3, guests = $4, price_cents = $5, \
                       currency = $6, amenities = $7, version = version + 1, updated_at = now() \
                       WHERE id = $1 AND ($8::integer IS NULL OR version = $8) RETURNING city_id";
const EXISTS: &str = "SELECT FROM offers WHERE id = $1";
const CREATE: &str = "INSERT INTO offers (id, city_id, name, stars, guests, price_cents, currency, \
                      amenities, rating, reviews) \
                      SELECT $1, id, $3, $4, $5, $6, $7, $8, 50, 0 FROM cities WHERE id = $2 \
                      RETURNING city_id";

/// What a client wants written.
#[derive(Clone, Debug)]
pub(super) enum Change {
    Create(Draft),
    /// With the version that it must still have, if the client says so (`If-Match`).
    Replace {
        id: Uuid,
        draft: Draft,
        version: Option<i32>,
    },
}

/// A write that is done, now or earlier under the same key.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) status: StatusCode,
    /// The offer as JSON.
    pub(super) json: String,
    pub(super) id: Uuid,
    pub(super) version: i32,
    /// A read that has come this far shows the write.
    pub(super) token: LogPosition,
    /// Whether the cache knows of it. If not, it will as soon as it is back.
    pub(super) is_invalidated: bool,
}

/// How the transaction ended.
enum Outcome {
    Committed { status: StatusCode, json: String, version: i32, id: Uuid, city: i32 },
    Refused(Problem),
}

/// Why it did not end.
enum Failure {
    /// Before the commit was sent: nothing happened.
    Before(CallError),
    /// The commit was sent, and no answer came.
    During { error: CallError, id: Uuid, city: i32 },
}

impl Offers {
    /// Does `change`, at most once for each key.
    pub(super) async fn write(
        &self,
        change: Change,
        key: Option<IdempotencyKey>,
        deadline: Deadline,
    ) -> Result<Written, Problem> {
        let mut lease =
            self.primary.lease(Lane::Writes, deadline).await.map_err(|error| refused(&error))?;
        let outcome = match transact(&mut lease, &change, key.as_ref(), deadline).await {
            Ok(outcome) => outcome,
            Err(Failure::Before(error)) => {
                let result: Result<(), _> = lease.finish(Err(error));
                return Err(result.map_or_else(|error| refused(&error), |()| not_reached()));
            }
            Err(Failure::During { error, id, city }) => {
                self.cache.pending.add_unknown([written_city(city), written_offer(&id)]);
                drop(lease.finish::<()>(Err(error)));
                return Err(unknown_outcome());
            }
        };
        let (status, json, version, id, city) = match outcome {
            Outcome::Committed { status, json, version, id, city } => {
                (status, json, version, id, city)
            }
            Outcome::Refused(problem) => {
                drop(lease.finish(Ok(())));
                return Err(problem);
            }
        };
        let keys = [written_city(city), written_offer(&id)];
        let position = within(deadline, queries::committed(lease.client())).await;
        let Ok(token) = lease.finish(position) else {
            // It is committed, and the primary is gone before it could say where.
            self.cache.pending.add_unknown(keys);
            return Err(unknown_outcome());
        };
        let is_invalidated = self.tell_cache(keys, token).await;
        Ok(Written { status, json, id, version, token, is_invalidated })
    }

    async fn tell_cache(&self, keys: [String; 2], position: LogPosition) -> bool {
        // The write is done: the cache is told even when the client's time is up.
        let deadline = Deadline::after(Instant::now(), CALL_BUDGET);
        let told = self.cache.invalidate(&keys, position, deadline).await;
        if told.is_err() {
            self.cache.pending.add(keys, position);
        }
        told.is_ok()
    }
}

async fn transact(
    lease: &mut Lease,
    change: &Change,
    key: Option<&IdempotencyKey>,
    deadline: Deadline,
) -> Result<Outcome, Failure> {
    let before = |error| Failure::Before(CallError::Postgres(error));
    // The driver's own transaction: the pool's wraps it for a cache of statements not needed here.
    let client: &mut tokio_postgres::Client = lease.client_mut();
    let work = async {
        let transaction = client.transaction().await?;
        let outcome = apply(&transaction, change, key).await?;
        Ok::<_, Error>((transaction, outcome))
    };
    let (transaction, outcome) = within(deadline, work).await.map_err(Failure::Before)?;
    match &outcome {
        Outcome::Refused(_) => {
            within(deadline, transaction.rollback()).await.map_err(Failure::Before)?;
        }
        Outcome::Committed { id, city, .. } => {
            let (id, city) = (*id, *city);
            let committed = within(deadline, transaction.commit()).await;
            if let Err(error) = committed {
                // A refusal by a live server is certain; silence is not.
                return Err(match error {
                    CallError::Postgres(error) if error.code().is_some() => before(error),
                    error @ (CallError::Postgres(_) | CallError::Timeout) => {
                        Failure::During { error, id, city }
                    }
                });
            }
        }
    }
    Ok(outcome)
}

async fn apply(
    transaction: &Transaction<'_>,
    change: &Change,
    key: Option<&IdempotencyKey>,
) -> Result<Outcome, Error> {
    if let Some(key) = key {
        // A retry that runs at the same time waits here until the first one has ended.
        let taken = transaction.execute(TAKE_KEY, &[&key.key, &key.request_hash]).await?;
        if taken == 0 {
            return earlier_answer(transaction, key).await;
        }
    }
    let (id, city, status) = match change {
        Change::Create(draft) => {
            let id = Uuid::now_v7();
            match create(transaction, id, draft).await? {
                Some(city) => (id, city, StatusCode::CREATED),
                None => {
                    return Ok(Outcome::Refused(Problem::unprocessable("there is no such city")));
                }
            }
        }
        Change::Replace { id, draft, version } => {
            match replace(transaction, *id, draft, *version).await? {
                Ok(city) => (*id, city, StatusCode::OK),
                Err(problem) => return Ok(Outcome::Refused(problem)),
            }
        }
    };
    let row = transaction.query_one(OFFER, &[&id, &AMENITIES.as_slice()]).await?;
    let (json, version): (String, i32) = (row.try_get(0)?, row.try_get(1)?);
    if let Some(key) = key {
        let status = status.as_u16().cast_signed();
        transaction.execute(KEEP_ANSWER, &[&key.key, &status, &json]).await?;
    }
    Ok(Outcome::Committed { status, json, version, id, city })
}

/// `None` when there is no such city.
async fn create(
    transaction: &Transaction<'_>,
    id: Uuid,
    draft: &Draft,
) -> Result<Option<i32>, Error> {
    let Draft { city, name, stars, guests, price_cents, currency, .. } = draft;
    let bits = amenity_bits(draft);
    let row = transaction
        .query_opt(CREATE, &[&id, city, name, stars, guests, price_cents, currency, &bits])
        .await?;
    row.map(|row| row.try_get(0)).transpose()
}

async fn replace(
    transaction: &Transaction<'_>,
    id: Uuid,
    draft: &Draft,
    version: Option<i32>,
) -> Result<Result<i32, Problem>, Error> {
    let Draft { name, stars, guests, price_cents, currency, .. } = draft;
    let bits = amenity_bits(draft);
    let row = transaction
        .query_opt(REPLACE, &[&id, name, stars, guests, price_cents, currency, &bits, &version])
        .await?;
    if let Some(row) = row {
        return row.try_get(0).map(Ok);
    }
    let exists = transaction.query_opt(EXISTS, &[&id]).await?.is_some();
    Ok(Err(if exists {
        let title = "The offer has changed meanwhile";
        let detail = "If-Match names another version than the offer has";
        Problem::new(StatusCode::PRECONDITION_FAILED, "precondition-failed", title, detail)
    } else {
        Problem::not_found("there is no offer with this id")
    }))
}

async fn earlier_answer(
    transaction: &Transaction<'_>,
    key: &IdempotencyKey,
) -> Result<Outcome, Error> {
    let row = transaction.query_one(FIND_KEY, &[&key.key]).await?;
    let request_hash: Vec<u8> = row.try_get(0)?;
    if request_hash != key.request_hash {
        let detail = "this Idempotency-Key was used with another request";
        return Ok(Outcome::Refused(Problem::unprocessable(detail)));
    }
    let status: Option<i16> = row.try_get(1)?;
    let json: Option<String> = row.try_get(2)?;
    let kept = status.zip(json).and_then(|(status, json)| {
        let status = StatusCode::from_u16(status.cast_unsigned()).ok()?;
        let offer: serde_json::Value = serde_json::from_str(&json).ok()?;
        let id = offer.get("id")?.as_str()?.parse().ok()?;
        let number = |field| i32::try_from(offer.get(field)?.as_i64()?).ok();
        let (version, city) = (number("version")?, number("city")?);
        Some(Outcome::Committed { status, json, version, id, city })
    });
    // Key and answer are written in one transaction: there is never one without the other.
    Ok(kept.unwrap_or_else(|| {
        let detail = "the answer kept under this Idempotency-Key cannot be read";
        Outcome::Refused(Problem::unprocessable(detail))
    }))
}

fn amenity_bits(draft: &Draft) -> i16 {
    draft.amenity_bits().expect("a draft is only made with known amenities")
}

fn refused(error: &DatabaseError) -> Problem {
    match error {
        DatabaseError::Refused { .. } => {
            tracing::error!(%error, "a write was refused");
            not_reached()
        }
        DatabaseError::Away { .. } | DatabaseError::Busy { .. } => {
            Problem::unavailable(error.retry_after(), format!("nothing was written: {error}"))
                .with_header("x-source", "none")
        }
    }
}

fn not_reached() -> Problem {
    let title = "The write could not be done";
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", title, "see the service's log")
}

/// 504 and not 503: a client must not take it for a refusal.
fn unknown_outcome() -> Problem {
    let title = "It is not known whether the write happened";
    let detail = "the primary went away during the commit; retry with the same Idempotency-Key";
    Problem::new(StatusCode::GATEWAY_TIMEOUT, "outcome-unknown", title, detail)
        .with_header("x-source", "none")
}
