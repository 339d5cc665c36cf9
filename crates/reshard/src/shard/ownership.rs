//! Closing and opening slots: the pause is a transaction that is not committed.
//!
//! Writers lock the row of their slot, so closing waits for those that run, and those that come
//! wait for it. A coordinator that dies, hangs or is cut off while it holds loses its transaction:
//! by the end of its connection, or by the server's own clock
//! (`idle_in_transaction_session_timeout`).

use std::time::Duration;

use crate::core::{SlotSet, Standing};
use crate::session::{Session, SqlError};

use super::Shard;

/// Slots that are closed as long as this is held.
#[derive(Debug)]
pub(crate) struct Hold {
    session: Session,
}

/// A bound of zero would mean none.
fn ms(bound: Duration) -> u128 {
    bound.as_millis().max(1)
}

impl Shard {
    /// Closes the slots without committing it. `None`: it would have taken longer than `within`.
    pub(crate) async fn hold(
        &self,
        slots: &SlotSet,
        epoch: u64,
        within: Duration,
    ) -> Result<Option<Hold>, SqlError> {
        let session = self.another_session().await?;
        let bound = ms(within);
        // Row by row in one order, so that two of these could not wait for each other.
        let statement = format!(
            "BEGIN; SET LOCAL statement_timeout = {bound}; \
             SET LOCAL idle_in_transaction_session_timeout = {bound}; {}; \
             WITH locked AS MATERIALIZED (SELECT slot FROM reshard.slot \
               WHERE {} AND is_open ORDER BY slot FOR UPDATE), \
             closed AS (UPDATE reshard.slot s SET is_open = false, epoch = {epoch} FROM locked \
               WHERE s.slot = locked.slot RETURNING 1) SELECT count(*) FROM closed",
            self.fence_check(),
            slots.condition()
        );
        let answered = session.rows(&statement).await;
        let closed = match answered {
            Err(error) if error.is_timeout() => return Ok(None),
            answered => answered.map_err(|error| self.unfenced(error))?,
        };
        let closed = closed.last().and_then(|row| row.first()?.as_deref()?.parse::<usize>().ok());
        if closed != Some(slots.len()) {
            let answer = format!("{closed:?} slots of {} ({slots}) were open", slots.len());
            return Err(self.session.odd(answer));
        }
        Ok(Some(Hold { session }))
    }

    /// Whether the slots take writes here: all of them, or none.
    pub(crate) async fn standing(&self, slots: &SlotSet, epoch: u64) -> Result<Standing, SqlError> {
        let open = self.open_count(slots).await?;
        if open != 0 && open != slots.len() {
            let (name, all) = (self.name(), slots.len());
            let problem = format!("`{name}` takes writes of {open} of the {all} slots {slots}");
            return Err(SqlError::Unfit(problem));
        }
        Ok(Standing { is_closed: open == 0, epoch })
    }

    /// Waits for a commit that is under way, by which they are being closed: of a plain snapshot
    /// one would hear that they are open, and nobody would open them again. Writers do not wait.
    async fn open_count(&self, slots: &SlotSet) -> Result<usize, SqlError> {
        let count = format!(
            "SELECT count(*) FILTER (WHERE is_open) FROM \
             (SELECT is_open FROM reshard.slot WHERE {} ORDER BY slot FOR SHARE) s",
            slots.condition()
        );
        Ok(usize::try_from(self.session.number(&count).await?).unwrap_or(usize::MAX))
    }

    /// Takes writes of the slots from now on.
    pub(crate) async fn open(&self, slots: &SlotSet, epoch: u64) -> Result<(), SqlError> {
        let condition = slots.condition();
        self.change(&format!(
            "UPDATE reshard.slot SET is_open = true, epoch = {epoch} WHERE {condition}"
        ))
        .await
    }
}

impl Hold {
    /// The slots are closed for good. An error leaves open whether they are.
    pub(crate) async fn close(self) -> Result<(), SqlError> {
        // COMMIT of a transaction that has failed answers ROLLBACK, which is no error.
        self.session.run("SELECT 1; COMMIT").await
    }

    /// Nothing has happened. Says whether it was held until now.
    pub(crate) async fn release(self) -> bool {
        self.session.run("SELECT 1; ROLLBACK").await.is_ok()
    }
}
