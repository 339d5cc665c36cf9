//! Writes: to the primary, in one transaction with the client's key; then the cache is told.

use axum::http::StatusCode;
use standfast_tactics::deadline::Deadline;
use standfast_tactics::session_token::LogPosition;
use tokio::time::Instant;
use uuid::Uuid;

use super::super::primary::{Failure, PrimarySession, Transaction, perform};
use super::desk::Desk;
use super::draft::{CredentialsDraft, NewDraft, PublicDraft};
use super::reads::keys;
use crate::service::guarded::cache::CALL_BUDGET;
use crate::service::idempotency::IdempotencyKey;
use crate::service::problem::Problem;
use crate::service::sessions::DatabaseError;

const CREATE: &str = "INSERT INTO profiles (id, email, password_hash, display_name) \
                      VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING RETURNING version";
const RENAME: &str = "UPDATE profiles SET display_name = $2, version = version + 1, \
                      changed_at = now() WHERE id = $1 AND ($3::integer IS NULL OR version = $3) \
                      RETURNING version";
const IDENTIFY: &str = "UPDATE profiles SET email = $2, password_hash = $3, \
                        credentials_version = credentials_version + 1 WHERE id = $1 \
                        AND ($4::integer IS NULL OR credentials_version = $4) \
                        AND NOT EXISTS (SELECT FROM profiles WHERE email = $2 AND id <> $1) \
                        RETURNING credentials_version";
const EXISTS: &str = "SELECT FROM profiles WHERE id = $1";
const TAKEN: &str = "SELECT FROM profiles WHERE email = $1 AND id <> $2";
const UNIQUE_VIOLATION: &str = "23505";
const TAKE_KEY: &str =
    "INSERT INTO idempotency_keys (key, request_hash) VALUES ($1, $2) ON CONFLICT DO NOTHING";
const FIND_KEY: &str = "SELECT request_hash, status, response FROM idempotency_keys WHERE key = $1";
const KEEP_ANSWER: &str = "UPDATE idempotency_keys SET status = $2, response = $3 WHERE key = $1";

/// What a client wants written.
#[derive(Clone, Debug)]
pub(super) enum Change {
    Create {
        id: Uuid,
        draft: NewDraft,
    },
    /// With the version that it must still have, if the client says so (`If-Match`).
    Rename {
        id: Uuid,
        draft: PublicDraft,
        version: Option<i32>,
    },
    Identify {
        id: Uuid,
        draft: CredentialsDraft,
        version: Option<i32>,
    },
}

impl Change {
    fn id(&self) -> Uuid {
        match self {
            Self::Create { id, .. } | Self::Rename { id, .. } | Self::Identify { id, .. } => *id,
        }
    }
}

/// A write that is done, now or earlier under the same key.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) status: StatusCode,
    pub(super) json: String,
    /// A read that has come this far shows the write.
    pub(super) token: LogPosition,
    /// Whether the cache knows of it. If not, it will as soon as it is back.
    pub(super) is_invalidated: bool,
}

struct Write<'a> {
    change: &'a Change,
    key: &'a IdempotencyKey,
}

/// What is answered if it is committed; a problem has changed nothing.
type Outcome = Result<(StatusCode, String), Problem>;

impl Desk {
    /// Does `change`, at most once for each key.
    pub(super) async fn write(
        &self,
        change: Change,
        key: Option<IdempotencyKey>,
        deadline: Deadline,
    ) -> Result<Written, Problem> {
        let key = key.unwrap_or_else(own_key);
        let write = Write { change: &change, key: &key };
        let written = keys(change.id()).written;
        let committed = match perform(&self.primary, &write, deadline).await {
            Ok(committed) => committed,
            Err(failure) => {
                if matches!(failure, Failure::Unknown) && self.settings.tactics.invalidation {
                    self.cache.pending.add_unknown([written]);
                }
                return Err(failure.into());
            }
        };
        let token = committed.until;
        let (status, json) = committed.answer?;
        let is_invalidated = self.tell_cache(written, token).await;
        Ok(Written { status, json, token, is_invalidated })
    }

    async fn tell_cache(&self, written: String, position: LogPosition) -> bool {
        if !self.settings.tactics.invalidation {
            return false;
        }
        // The write is done: the cache is told even when the client's time is up.
        let deadline = Deadline::after(Instant::now(), CALL_BUDGET);
        let told = self.cache.invalidate(std::slice::from_ref(&written), position, deadline).await;
        if told.is_err() {
            self.cache.pending.add([written], position);
        }
        told.is_ok()
    }
}

impl Transaction for Write<'_> {
    type Answer = Outcome;
    const BEGIN: &'static str = "BEGIN";

    async fn run(&self, session: &mut PrimarySession) -> Result<Outcome, DatabaseError> {
        let Self { change, key } = self;
        // A retry that runs at the same time waits here until the first one has ended.
        let taken = session.rows(TAKE_KEY, &[&key.key, &key.request_hash]).await;
        drop(taken?);
        let found = session.rows(FIND_KEY, &[&key.key]).await?;
        let Some(row) = found.first() else {
            return Err(DatabaseError::Refused("a key that was taken is gone".to_owned()));
        };
        if row.try_get::<_, Vec<u8>>(0)? != key.request_hash {
            let detail = "this Idempotency-Key was used with another request";
            return Ok(Err(Problem::unprocessable(detail)));
        }
        let (status, json): (Option<i16>, Option<String>) = (row.try_get(1)?, row.try_get(2)?);
        if let Some((status, json)) = status.zip(json) {
            let status = StatusCode::from_u16(status.cast_unsigned()).unwrap_or(StatusCode::OK);
            return Ok(Ok((status, json)));
        }
        let outcome = apply(session, change).await?;
        if let Ok((status, json)) = &outcome {
            let status = status.as_u16().cast_signed();
            session.rows(KEEP_ANSWER, &[&key.key, &status, json]).await?;
        }
        Ok(outcome)
    }
}

/// For a client that names none and so cannot repeat its request. It is repeated here, after a
/// commit whose answer was lost, and must see that it was done.
fn own_key() -> IdempotencyKey {
    IdempotencyKey { key: Uuid::now_v7().to_string(), request_hash: Vec::new() }
}

async fn apply(session: &mut PrimarySession, change: &Change) -> Result<Outcome, DatabaseError> {
    let id = change.id();
    let rows = match change {
        Change::Create { draft, .. } => {
            let NewDraft { email, password_hash, display_name } = draft;
            session.rows(CREATE, &[&id, email, password_hash, display_name]).await?
        }
        Change::Rename { draft, version, .. } => {
            session.rows(RENAME, &[&id, &draft.display_name, version]).await?
        }
        Change::Identify { draft, version, .. } => {
            let CredentialsDraft { email, password_hash } = draft;
            let rows = session.rows(IDENTIFY, &[&id, email, password_hash, version]).await;
            rows.map_err(overtaken)?
        }
    };
    let Some(row) = rows.first() else { return refusal(session, change).await.map(Err) };
    let version: i32 = row.try_get(0)?;
    let status = match change {
        Change::Create { .. } => StatusCode::CREATED,
        Change::Rename { .. } | Change::Identify { .. } => StatusCode::OK,
    };
    Ok(Ok((status, serde_json::json!({ "id": id, "version": version }).to_string())))
}

/// Another one has taken the address since this one looked whether it is free: begun again, it sees
/// that it is not.
fn overtaken(error: DatabaseError) -> DatabaseError {
    if let DatabaseError::Refused(text) = &error
        && text.starts_with(UNIQUE_VIOLATION)
    {
        return DatabaseError::Busy(text.clone());
    }
    error
}

/// Why nothing was changed.
async fn refusal(session: &mut PrimarySession, change: &Change) -> Result<Problem, DatabaseError> {
    let taken = || {
        let title = "This address belongs to another profile";
        Problem::new(StatusCode::CONFLICT, "email-taken", title, title)
    };
    let id = change.id();
    match change {
        Change::Create { .. } => return Ok(taken()),
        Change::Rename { .. } => {}
        Change::Identify { draft, .. } => {
            if !session.rows(TAKEN, &[&draft.email, &id]).await?.is_empty() {
                return Ok(taken());
            }
        }
    }
    if session.rows(EXISTS, &[&id]).await?.is_empty() {
        return Ok(Problem::not_found("there is no profile with this id"));
    }
    let title = "The profile has changed meanwhile";
    let detail = "If-Match names another version than the profile has";
    Ok(Problem::new(StatusCode::PRECONDITION_FAILED, "precondition-failed", title, detail))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_without_a_key_gets_one_of_its_own() {
        let (one, other) = (own_key(), own_key());
        assert_ne!(one.key, other.key, "two requests are two");
        assert!(one.request_hash.is_empty(), "nobody else can use it with another body");
    }

    #[test]
    fn an_address_that_was_taken_meanwhile_is_looked_at_again() {
        let refused = |text: &str| overtaken(DatabaseError::Refused(text.to_owned()));
        assert!(matches!(refused("23505 duplicate key value"), DatabaseError::Busy(_)));
        assert!(matches!(refused("23514 check constraint"), DatabaseError::Refused(_)));
    }
}
