//! Users: one row at the owner of their slot.

use serde::{Deserialize, Serialize};
use standfast_tactics::deadline::Deadline;
use uuid::Uuid;

use super::super::primary::PrimarySession;
use super::super::routing::{Router, ShardWork};
use crate::service::problem::Problem;
use crate::service::sessions::DatabaseError;

/// The same again is no second user; another name under the same id is not taken. The update
/// changes nothing, so that there is an answer, and that is on two servers.
const CREATE: &str = "INSERT INTO users AS u (slot, id, name) VALUES ($1, $2, $3) \
                      ON CONFLICT (slot, id) DO UPDATE SET name = u.name RETURNING u.name";

const SHOW: &str = "SELECT reshard.is_here($1), u.name FROM (SELECT 1) AS one \
                    LEFT JOIN users u ON u.slot = $1 AND u.id = $2";

/// The column's limit.
const NAME_LENGTH_MAX: usize = 64;

/// What a request says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UserDraft {
    name: String,
}

impl UserDraft {
    pub(super) fn check(self) -> Result<String, Problem> {
        let length = self.name.chars().count();
        let is_plain = self.name.chars().all(|letter| !letter.is_control());
        if !(1..=NAME_LENGTH_MAX).contains(&length) || !is_plain {
            let detail = format!("`name` must be 1 to {NAME_LENGTH_MAX} printable characters");
            return Err(Problem::unprocessable(detail));
        }
        Ok(self.name)
    }
}

/// A user as clients see them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct User {
    id: Uuid,
    name: String,
}

struct Create<'a> {
    slot: i32,
    id: Uuid,
    name: &'a str,
}

impl ShardWork for Create<'_> {
    type Answer = String;
    const CHANGES: bool = true;

    async fn run(&self, session: &mut PrimarySession) -> Result<String, DatabaseError> {
        let rows = session.rows(CREATE, &[&self.slot, &self.id, &self.name]).await?;
        let row = rows.first().ok_or_else(|| DatabaseError::Refused("no row".to_owned()))?;
        Ok(row.try_get(0)?)
    }
}

struct Show {
    slot: i32,
    id: Uuid,
}

impl ShardWork for Show {
    type Answer = Option<String>;
    const CHANGES: bool = false;

    async fn run(&self, session: &mut PrimarySession) -> Result<Option<String>, DatabaseError> {
        let rows = session.rows(SHOW, &[&self.slot, &self.id]).await?;
        let row = rows.first().ok_or_else(|| DatabaseError::Refused("no row".to_owned()))?;
        if !row.try_get::<_, bool>(0)? {
            return Err(DatabaseError::Elsewhere(format!("slot {}", self.slot)));
        }
        Ok(row.try_get(1)?)
    }
}

/// Makes the user, unless they are there.
pub(super) async fn create(
    router: &Router,
    id: Uuid,
    name: &str,
    deadline: Deadline,
) -> Result<User, Problem> {
    let make = |slot| Create { slot, id, name };
    let stored = router.at_owner(&id.to_string(), deadline, make).await?;
    if stored != name {
        return Err(Problem::unprocessable("there is a user with this id and another name"));
    }
    Ok(User { id, name: stored })
}

pub(super) async fn show(router: &Router, id: Uuid, deadline: Deadline) -> Result<User, Problem> {
    let found = router.at_owner(&id.to_string(), deadline, |slot| Show { slot, id }).await?;
    let none = || Problem::not_found("there is no user with this id");
    Ok(User { id, name: found.ok_or_else(none)? })
}
