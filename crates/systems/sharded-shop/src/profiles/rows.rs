//! What profiles look like, in the database and to clients.

use serde::Serialize;
use serde_json::{Value, json};
use time::OffsetDateTime;
use tokio_postgres::{Error, Row};
use uuid::Uuid;

pub(super) const PUBLIC: &str =
    "SELECT id, display_name, version, changed_at FROM profiles WHERE id = $1";
/// The primary shows a commit only once a replica has confirmed it, and the replica may show it
/// before. The lock waits for the writer, so that who has seen it there does not see less here.
pub(super) const PUBLIC_SETTLED: &str =
    "SELECT id, display_name, version, changed_at FROM profiles WHERE id = $1 FOR SHARE";
pub(super) const CREDENTIALS: &str =
    "SELECT id, email, password_hash, credentials_version FROM profiles WHERE id = $1";

/// What others see of a profile. It may be a little old.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct PublicView {
    id: Uuid,
    display_name: String,
    pub(super) version: i32,
    #[serde(with = "time::serde::rfc3339")]
    changed_at: OffsetDateTime,
}

impl PublicView {
    pub(super) fn of_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            id: row.try_get(0)?,
            display_name: row.try_get(1)?,
            version: row.try_get(2)?,
            changed_at: row.try_get(3)?,
        })
    }
}

/// What identifies somebody. It is never old.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Credentials {
    id: Uuid,
    email: String,
    password_hash: String,
    pub(super) version: i32,
}

impl Credentials {
    pub(super) fn of_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            id: row.try_get(0)?,
            email: row.try_get(1)?,
            password_hash: row.try_get(2)?,
            version: row.try_get(3)?,
        })
    }

    pub(super) fn json(&self) -> Value {
        let Self { id, email, password_hash, version } = self;
        json!({ "id": id, "email": email, "password_hash": password_hash, "version": version })
    }
}
