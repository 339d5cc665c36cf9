//! The slots by which PostgreSQL copies the tables of a subscription: it makes and drops them by
//! itself, on the server that is followed, unless the follower cannot reach that when the
//! subscription ends. Nobody would read them again, and the log would be kept for ever.

use crate::core::{Leg, Record};
use crate::session::SqlError;

use super::{Shard, name_of};

/// As what the number of a subscription is noted among the marks of its move.
fn noted_as(leg: Leg) -> String {
    format!("{} copy", leg.name())
}

/// Notes down, before a subscription is dropped, which one it was, if it has not copied everything.
pub(super) fn note(record: &Record, leg: Leg) -> String {
    let (id, name, noted_as) = (record.id, name_of(record, leg), noted_as(leg));
    format!(
        "INSERT INTO reshard.mark SELECT {id}, '{noted_as}', s.oid::bigint FROM pg_subscription s \
         WHERE s.subname = '{name}' AND EXISTS (SELECT FROM pg_subscription_rel r \
           WHERE r.srsubid = s.oid AND r.srsubstate <> 'r') \
         ON CONFLICT (move, leg) DO UPDATE SET value = excluded.value"
    )
}

impl Shard {
    /// Drops the slot of a subscription that `follower` had, and those of its copies.
    pub(crate) async fn drop_slots(
        &self,
        record: &Record,
        leg: Leg,
        follower: &Self,
    ) -> Result<(), SqlError> {
        self.drop_slot(&name_of(record, leg)).await?;
        self.drop_copying_slots(record, leg, follower).await
    }

    /// Drops the slots that `follower` has left here, if it has noted a subscription down.
    async fn drop_copying_slots(
        &self,
        record: &Record,
        leg: Leg,
        follower: &Self,
    ) -> Result<(), SqlError> {
        let (id, noted_as) = (record.id, noted_as(leg));
        let pattern = format!(
            "SELECT format('^pg_%s_sync_[0-9]+_%s$', value, system_identifier) \
             FROM reshard.mark, pg_control_system() WHERE move = {id} AND leg = '{noted_as}'"
        );
        let Some(pattern) = follower.session.value(&pattern).await? else { return Ok(()) };
        let left = format!("FROM pg_catalog.pg_replication_slots WHERE slot_name ~ '{pattern}'");
        self.change(&format!("SELECT pg_drop_replication_slot(slot_name) {left} AND NOT active"))
            .await?;
        if self.session.number(&format!("SELECT count(*) {left}")).await? > 0 {
            return Err(self.session.odd("slots of an unfinished copy are in use".to_owned()));
        }
        Ok(())
    }
}
