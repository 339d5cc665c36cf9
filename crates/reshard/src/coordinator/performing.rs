//! What each action is, in SQL on the two shards of a move.

use crate::catalog::Catalog;
use crate::core::{Action, CopyState, Outcome, Record, Side};
use crate::session::{SqlError, with_causes};
use crate::shard::{Hold, Shard, Snapshot, compare, name_of};

use super::reaching::{is_told, tell};
use super::{Fleet, ReshardError};

/// The two shards of a move, and what is held of them.
#[derive(Debug)]
pub(super) struct Performer<'fleet> {
    fleet: &'fleet Fleet,
    catalog: &'fleet Catalog,
    /// The two are there when an action needs them, since its shards are connected to before.
    source: &'fleet mut Option<Shard>,
    target: &'fleet mut Option<Shard>,
    hold: Option<Hold>,
    /// Of the shard that is followed, and of its follower.
    snapshots: Option<(Snapshot, Snapshot)>,
}

impl<'fleet> Performer<'fleet> {
    pub(super) fn new(
        fleet: &'fleet Fleet,
        catalog: &'fleet Catalog,
        shards: &'fleet mut [Option<Shard>],
        record: &Record,
    ) -> Result<Self, ReshardError> {
        let (mut source, mut target) = (None, None);
        for (address, shard) in fleet.shards.iter().zip(shards) {
            match &address.name {
                name if *name == record.source => source = Some(shard),
                name if *name == record.target => target = Some(shard),
                _ => {}
            }
        }
        let missing = |name: &str| ReshardError::NoShard(name.to_owned());
        Ok(Self {
            fleet,
            catalog,
            source: source.ok_or_else(|| missing(&record.source))?,
            target: target.ok_or_else(|| missing(&record.target))?,
            hold: None,
            snapshots: None,
        })
    }

    fn shard(&self, side: Side) -> &Shard {
        let shard = match side {
            Side::Source => &*self.source,
            Side::Target => &*self.target,
        };
        shard.as_ref().expect("an action's shards are connected to before it")
    }

    /// Does it. An error is the catalog's and ends the coordinator, because the lock is there.
    pub(super) async fn perform(
        &mut self,
        action: &Action,
        record: &Record,
    ) -> Result<Outcome, ReshardError> {
        if let Action::Record { record, handover } = action {
            self.catalog.write(record, *handover).await?;
            return Ok(Outcome::Done);
        }
        let is_look = matches!(action, Action::LookAtOwnership(_));
        let epoch = if is_look { self.catalog.epoch().await? } else { 0 };
        let outcome = match self.reconnect(action, record).await {
            Err(error) => Err(error),
            Ok(()) => self.act(action, record, epoch).await,
        };
        Ok(outcome.unwrap_or_else(|error| {
            let text = with_causes(&error);
            tracing::info!(action = action.name(), error = text, "an action failed");
            if matches!(error, SqlError::Fenced { .. }) {
                return Outcome::Fenced;
            }
            let is_for_good = matches!(error, SqlError::Unfit(_));
            if is_for_good { Outcome::Refused(text) } else { Outcome::Failed(text) }
        }))
    }

    async fn act(
        &mut self,
        action: &Action,
        record: &Record,
        epoch: u64,
    ) -> Result<Outcome, SqlError> {
        if let Action::LookAtOwnership(leg) = action {
            let standing = self.shard(leg.from()).standing(&record.slots, epoch).await?;
            return Ok(Outcome::Standing(standing));
        }
        let is_of_pause = matches!(
            action,
            Action::Hold { .. }
                | Action::Snapshot(_)
                | Action::Release
                | Action::Close(_)
                | Action::Compare(_)
        );
        if is_of_pause {
            self.pause(action, record).await
        } else {
            self.replicate(action, record).await
        }
    }

    /// A server that was restarted, or whose place another one has taken, is connected to again, if
    /// the action needs it: the other one may stay away.
    async fn reconnect(&mut self, action: &Action, record: &Record) -> Result<(), SqlError> {
        let is_before_pause = matches!(action, Action::Mark { .. }) && self.hold.is_none();
        let sides = if is_before_pause { Action::Check.sides() } else { action.sides() };
        for side in sides {
            let place = match side {
                Side::Source => &mut *self.source,
                Side::Target => &mut *self.target,
            };
            if !is_told(place) {
                let name = record.shard(*side);
                let address = self.fleet.shards.iter().find(|address| address.name == name);
                let address = address.expect("there is a place for it");
                *place = None;
                *place = Some(tell(address, self.catalog.fence()).await?);
            }
        }
        Ok(())
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "`act` has chosen what comes here")]
    async fn pause(&mut self, action: &Action, record: &Record) -> Result<Outcome, SqlError> {
        match action {
            Action::Hold { leg, epoch, within } => {
                self.hold = None;
                let shard = self.shard(leg.from());
                let held = shard.hold(&record.slots, *epoch, *within).await?;
                self.hold = held;
                Ok(if self.hold.is_some() { Outcome::Done } else { Outcome::Late })
            }
            Action::Snapshot(leg) => {
                let (followed, follower) = (self.shard(leg.from()), self.shard(leg.to()));
                let (one, two) = tokio::try_join!(followed.snapshot(), follower.snapshot())?;
                self.snapshots = Some((one, two));
                Ok(Outcome::Done)
            }
            Action::Release => {
                let Some(hold) = self.hold.take() else { return Ok(Outcome::Late) };
                Ok(if hold.release().await { Outcome::Done } else { Outcome::Late })
            }
            Action::Close(_) => {
                let Some(hold) = self.hold.take() else {
                    return Err(SqlError::Unfit("nothing is held".to_owned()));
                };
                hold.close().await.map(|()| Outcome::Done)
            }
            _ => {
                let Some((followed, follower)) = self.snapshots.take() else {
                    return Err(SqlError::Unfit("there are no snapshots".to_owned()));
                };
                let (tables, slots) = (&self.fleet.tables, &record.slots);
                let (one, two) = tokio::try_join!(
                    followed.checksums(tables, slots),
                    follower.checksums(tables, slots)
                )?;
                Ok(Outcome::Compared(compare(&one, &two)))
            }
        }
    }

    async fn replicate(&mut self, action: &Action, record: &Record) -> Result<Outcome, SqlError> {
        let tables = &self.fleet.tables;
        match action {
            Action::Check => {
                if self.fleet.is_unguarded() {
                    return Ok(Outcome::Done);
                }
                let (source, target) = (self.shard(Side::Source), self.shard(Side::Target));
                let problem = source.unfit(target, tables, record).await?;
                return Ok(problem.map_or(Outcome::Done, Outcome::Refused));
            }
            Action::Empty(side) => self.shard(*side).empty(record, *side, tables).await?,
            Action::Publish(leg) => self.shard(leg.from()).publish(record, *leg, tables).await?,
            Action::MakeSlot(leg) => {
                return self.shard(leg.from()).make_slot(record, *leg).await.map(late_unless);
            }
            Action::Subscribe { leg, after } => {
                let (followed, follower) = (self.shard(leg.from()), self.shard(leg.to()));
                if !follower.subscribe(record, *leg, followed, *after).await? {
                    return Ok(Outcome::Copy(CopyState::Missing));
                }
            }
            Action::LookAtCopy(leg) => {
                let (followed, follower) = (self.shard(leg.from()), self.shard(leg.to()));
                let copy = follower.look_at_copy(record, *leg, followed).await?;
                return Ok(Outcome::Copy(copy));
            }
            Action::Mark { leg, value } => {
                if self.hold.is_none() {
                    let (one, two) = (self.shard(Side::Source), self.shard(Side::Target));
                    tokio::try_join!(one.stock_up(), two.stock_up())?;
                }
                self.shard(leg.from()).mark(record.id, *leg, *value).await?;
            }
            Action::AwaitMark { leg, value, within } => {
                let follower = self.shard(leg.to());
                let is_seen = follower.await_mark(record.id, *leg, *value, *within).await?;
                return Ok(late_unless(is_seen));
            }
            Action::Settle(leg) => {
                let settled = self.shard(leg.to()).settle(record, *leg).await?;
                return Ok(settled.map_or(Outcome::Copy(CopyState::Missing), Outcome::Settled));
            }
            Action::Open { side, epoch } => self.shard(*side).open(&record.slots, *epoch).await?,
            Action::Unsubscribe(leg) => {
                self.shard(leg.to()).unsubscribe(record, *leg).await?;
            }
            Action::DropSlot(leg) => {
                self.shard(leg.from()).drop_slots(record, *leg, self.shard(leg.to())).await?;
            }
            Action::Unpublish(leg) => {
                self.shard(leg.from()).unpublish(&name_of(record, *leg)).await?;
            }
            Action::ForgetMarks => {
                self.shard(Side::Source).forget_marks(record.id).await?;
                self.shard(Side::Target).forget_marks(record.id).await?;
            }
            Action::Wait(wait) => tokio::time::sleep(*wait).await,
            Action::Record { .. }
            | Action::LookAtOwnership(_)
            | Action::Hold { .. }
            | Action::Snapshot(_)
            | Action::Release
            | Action::Close(_)
            | Action::Compare(_)
            | Action::Finish(_)
            | Action::GiveUp(_) => unreachable!("these are done elsewhere"),
        }
        Ok(Outcome::Done)
    }
}

fn late_unless(is_done: bool) -> Outcome {
    if is_done { Outcome::Done } else { Outcome::Late }
}
