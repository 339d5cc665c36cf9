//! A shard, as a coordinator speaks to it: SQL, and the fence on every statement that changes
//! something.
//!
//! **What a client sees.** A write of a slot that is not open here fails with the SQL state
//! [`NOT_HERE`]: read the map again, and try there. A write that comes while a slot is being closed
//! waits, at most as long as the bound of a pause, and then either goes on or fails so. In
//! `REPEATABLE READ` it fails with 40001, and is to be repeated as always. [`SLOT_CHANGED`] and
//! [`TRUNCATED`] are mistakes of the client. Reads are not refused: who reads whole tables asks
//! `WHERE reshard.is_here(slot)`, because rows on their way are on two shards.

mod checksum;
mod copying;
mod fitness;
mod ownership;
mod replication;
mod schema;
mod table;

use std::sync::{Mutex, PoisonError};

use tokio_postgres::Config;

use crate::core::{Leg, Record};
use crate::session::{Session, SqlError};

pub use checksum::Checksums;
pub(crate) use checksum::{Snapshot, compare};
pub(crate) use ownership::Hold;
pub use replication::{Leftover, LeftoverKind};
pub use schema::Share;
pub use table::{Table, TableError, tables_of};

/// SQL state: the slot is not open on this shard.
pub const NOT_HERE: &str = "RS001";
/// SQL state: an update tried to change a row's slot.
pub const SLOT_CHANGED: &str = "RS002";
/// SQL state: a sharded table was to be truncated.
pub const TRUNCATED: &str = "RS003";

/// One to hold slots, one for a snapshot.
const SPARES: usize = 2;

/// Where a shard is.
#[derive(Clone, Debug)]
pub struct ShardAddress {
    pub name: String,
    /// As a superuser, as the coordinator reaches it.
    pub url: String,
    /// The same, as the other shards reach it.
    pub peer_url: String,
}

/// A session with a shard, for one coordinator.
#[derive(Debug)]
pub struct Shard {
    pub(crate) address: ShardAddress,
    config: Config,
    pub(crate) session: Session,
    /// The coordinator's number.
    fence: u64,
    /// Sessions that are open already, for what must not wait for a connection.
    spares: Mutex<Vec<Session>>,
}

impl Shard {
    /// Connects; changes are made as coordinator `fence`.
    pub async fn connect(address: &ShardAddress, fence: u64) -> Result<Self, SqlError> {
        let config: Config = address
            .url
            .parse()
            .map_err(|source| SqlError::Unreachable { server: address.name.clone(), source })?;
        let session = Session::open(&address.name, &config).await?;
        let spares = Mutex::new(Vec::new());
        Ok(Self { address: address.clone(), config, session, fence, spares })
    }

    pub fn name(&self) -> &str {
        &self.address.name
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.session.is_closed()
    }

    /// Refuses all older coordinators from now on. It waits until what they hold is over.
    pub async fn take_over(&self) -> Result<(), SqlError> {
        let fence = self.fence;
        let known = format!(
            "UPDATE reshard.fence SET fence = {fence} WHERE fence <= {fence} RETURNING fence"
        );
        match self.session.value(&known).await? {
            Some(_) => Ok(()),
            None => Err(self.fenced()),
        }
    }

    /// The statement that fails unless this coordinator is the newest: it must come first in a
    /// transaction, and nobody can take over before that ends.
    fn fence_check(&self) -> String {
        let fence = self.fence;
        format!(
            "SELECT 1 / count(*) FROM (SELECT FROM reshard.fence WHERE fence = {fence} FOR SHARE) f"
        )
    }

    /// `statements` in one transaction, unless there is a newer coordinator.
    async fn change(&self, statements: &str) -> Result<(), SqlError> {
        let checked = format!("{}; {statements}", self.fence_check());
        self.session.transaction(&checked).await.map(drop).map_err(|error| self.unfenced(error))
    }

    /// Division by zero is how the fence's statement fails.
    fn unfenced(&self, error: SqlError) -> SqlError {
        if error.code() == Some("22012") { self.fenced() } else { error }
    }

    fn fenced(&self) -> SqlError {
        SqlError::Fenced { server: self.address.name.clone(), fence: self.fence }
    }

    /// Opens what a pause is going to need before anybody waits for it.
    pub(crate) async fn stock_up(&self) -> Result<(), SqlError> {
        let missing = {
            let mut spares = self.spares.lock().unwrap_or_else(PoisonError::into_inner);
            spares.retain(|spare| !spare.is_closed());
            SPARES - spares.len().min(SPARES)
        };
        for _ in 0..missing {
            let spare = Session::open(&self.address.name, &self.config).await?;
            self.spares.lock().unwrap_or_else(PoisonError::into_inner).push(spare);
        }
        Ok(())
    }

    async fn another_session(&self) -> Result<Session, SqlError> {
        let spare = self.spares.lock().unwrap_or_else(PoisonError::into_inner).pop();
        match spare.filter(|spare| !spare.is_closed()) {
            Some(spare) => Ok(spare),
            None => Session::open(&self.address.name, &self.config).await,
        }
    }
}

/// The name of a move's publication, slot or subscription.
pub(crate) fn name_of(record: &Record, leg: Leg) -> String {
    format!("reshard_{}_{}", record.id, leg.name())
}
