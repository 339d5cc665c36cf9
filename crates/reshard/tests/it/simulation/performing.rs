//! What an action does to the simulated shards: as the adapter does it, with its checks.

use std::time::Duration;

use standfast_reshard::core::{
    Action, Comparison, CopyState, Difference, Leg, Outcome, Position, Sabotage, Side, Standing,
};

use super::shard::{Change, Subscription};
use super::world::{Coordinator, Hold, World};

impl World {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the others change no shard")]
    pub(super) fn perform(&mut self, action: &Action, by: &mut Coordinator) -> Outcome {
        let side = match action {
            Action::Empty(side) | Action::Open { side, .. } => Some(*side),
            Action::Publish(leg)
            | Action::MakeSlot(leg)
            | Action::Mark { leg, .. }
            | Action::Hold { leg, .. }
            | Action::Close(leg)
            | Action::DropSlot(leg)
            | Action::Unpublish(leg) => Some(leg.from()),
            Action::Subscribe { leg, .. } | Action::Unsubscribe(leg) | Action::Settle(leg) => {
                Some(leg.to())
            }
            _ => None,
        };
        let is_lenient = self.options.sabotage == Some(Sabotage::FenceIgnored);
        if side.is_some_and(|side| self.shard(side).fence != by.fence) && !is_lenient {
            return Outcome::Fenced;
        }
        match action {
            Action::Record { record, handover } => {
                if self.catalog.fence != by.fence {
                    return Outcome::Fenced;
                }
                if let Some(handover) = handover {
                    let expected = (self.catalog.owner, self.catalog.epoch);
                    if (handover.from, handover.epoch) != expected {
                        return Outcome::Failed("the map has changed".to_owned());
                    }
                    self.catalog.owner = handover.from.other();
                    self.catalog.epoch += 1;
                    self.handovers += 1;
                }
                if record.undecided().is_some() {
                    self.wish = None;
                }
                self.catalog.record = (**record).clone();
                Outcome::Done
            }
            Action::Check if self.dice.percent(1) => Outcome::Refused("unfit".to_owned()),
            Action::Check | Action::Wait(_) => Outcome::Done,
            Action::Finish(_) | Action::GiveUp(_) => unreachable!("these end a coordinator"),
            Action::LookAtOwnership(leg) => Outcome::Standing(Standing {
                is_closed: !self.shard(leg.from()).is_open,
                epoch: self.catalog.epoch,
            }),
            Action::Hold { .. } | Action::Release | Action::Snapshot(_) | Action::Close(_) => {
                self.pause(action, by)
            }
            Action::Compare(_) => compare(by),
            Action::Open { side, epoch } => self.open(*side, *epoch),
            Action::AwaitMark { leg, value, within } => self.await_mark(*leg, *value, *within),
            Action::LookAtCopy(leg) => self.look_at_copy(*leg),
            Action::Empty(_)
            | Action::Publish(_)
            | Action::MakeSlot(_)
            | Action::Subscribe { .. }
            | Action::Mark { .. }
            | Action::Settle(_)
            | Action::Unsubscribe(_)
            | Action::DropSlot(_)
            | Action::Unpublish(_)
            | Action::ForgetMarks => self.replicate(action),
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "`perform` has chosen what comes here")]
    fn pause(&mut self, action: &Action, by: &mut Coordinator) -> Outcome {
        let is_mine = self.hold.is_some_and(|hold| hold.fence == by.fence);
        match action {
            Action::Hold { leg, epoch, .. } => {
                let side = leg.from();
                if !self.shard(side).in_flight.is_empty() && self.dice.percent(20) {
                    return Outcome::Late;
                }
                self.commit(side);
                if !self.shard(side).is_open {
                    return Outcome::Failed("the slots are not open".to_owned());
                }
                self.hold = Some(Hold { side, epoch: *epoch, fence: by.fence });
                Outcome::Done
            }
            Action::Snapshot(leg) => {
                let followed = self.shard(leg.from()).rows.clone();
                by.snapshots = Some((followed, self.shard(leg.to()).rows.clone()));
                Outcome::Done
            }
            Action::Release if is_mine => {
                self.hold = None;
                Outcome::Done
            }
            Action::Close(_) if is_mine => {
                let hold = self.hold.take().unwrap();
                let shard = self.shard(hold.side);
                (shard.is_open, shard.epoch) = (false, hold.epoch);
                Outcome::Done
            }
            Action::Release => Outcome::Late,
            _ => Outcome::Failed("the server took it back".to_owned()),
        }
    }

    fn open(&mut self, side: Side, epoch: u64) -> Outcome {
        let is_sabotage = self.options.sabotage == Some(Sabotage::OpenedBeforeSwitched);
        if self.catalog.owner != side && !is_sabotage {
            let owner = self.catalog.owner;
            self.breach(|| format!("the {side:?} is opened, and the map names the {owner:?}"));
        }
        if self.shard(side).rows.clone() != self.truth {
            let (rows, truth) = (self.shard(side).rows.len(), self.truth.len());
            self.breach(|| {
                format!("the {side:?} is opened with {rows} rows, not as the {truth} acknowledged")
            });
        }
        if self.catalog.epoch != epoch && !is_sabotage {
            self.breach(|| {
                format!("the {side:?} is opened in epoch {epoch}, which is not the map's")
            });
        }
        let shard = self.shard(side);
        (shard.is_open, shard.epoch) = (true, epoch);
        Outcome::Done
    }

    fn await_mark(&mut self, leg: Leg, value: u64, within: Duration) -> Outcome {
        let begin = self.now;
        for _ in 0..self.dice.between(0, 12) {
            self.now += within / 10;
            self.pump(leg);
            if self.dice.percent(30) {
                self.write();
            }
            let is_seen = self.shard(leg.to()).marks.get(&leg).is_some_and(|seen| *seen >= value);
            if is_seen && self.now <= begin + within {
                return Outcome::Done;
            }
        }
        Outcome::Late
    }

    /// Was the copy begun by these two servers, and not by one that was replaced?
    fn is_of_these(&mut self, leg: Leg) -> bool {
        let now = (self.shard(leg.from()).incarnation, self.shard(leg.to()).incarnation);
        let is_lenient = self.options.sabotage == Some(Sabotage::FailoverIgnored);
        is_lenient || self.shard(leg.to()).copied_by.get(&leg) == Some(&now)
    }

    fn look_at_copy(&mut self, leg: Leg) -> Outcome {
        let subscription = self.shard(leg.to()).subscriptions.get(&leg).copied();
        let has_slot = self.shard(leg.from()).slots.contains_key(&leg) && self.is_of_these(leg);
        Outcome::Copy(match subscription {
            Some(Subscription::Streaming) if has_slot => {
                CopyState::Tables { ready: 2, all: 2, errors: 0 }
            }
            Some(Subscription::New) if has_slot => {
                CopyState::Tables { ready: 0, all: 2, errors: 0 }
            }
            Some(_) | None => CopyState::Missing,
        })
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "`perform` has chosen what comes here")]
    fn replicate(&mut self, action: &Action) -> Outcome {
        match action {
            Action::Empty(side) => return self.empty(*side),
            Action::Publish(leg) => drop(self.shard(leg.from()).publications.insert(*leg)),
            Action::Unpublish(leg) => drop(self.shard(leg.from()).publications.remove(leg)),
            Action::MakeSlot(leg) => {
                let shard = self.shard(leg.from());
                if !shard.publications.contains(leg) {
                    return Outcome::Failed("no publication".to_owned());
                }
                let end = shard.log.len();
                shard.slots.entry(*leg).or_insert(end);
            }
            Action::DropSlot(leg) => {
                if self.shard(leg.to()).subscriptions.contains_key(leg) {
                    return Outcome::Failed("the slot is in use".to_owned());
                }
                self.shard(leg.from()).slots.remove(leg);
            }
            Action::Subscribe { leg, after } => {
                let is_new = !self.shard(leg.to()).subscriptions.contains_key(leg);
                let Some(position) = self.shard(leg.from()).slots.get_mut(leg) else {
                    return Outcome::Copy(CopyState::Missing);
                };
                if is_new {
                    let after = after.map_or(0, |Position(after)| after as usize);
                    *position = (*position).max(after);
                    let state = match leg {
                        Leg::Forward => Subscription::New,
                        Leg::Reverse => Subscription::Streaming,
                    };
                    self.shard(leg.to()).subscriptions.insert(*leg, state);
                    let now =
                        (self.shard(leg.from()).incarnation, self.shard(leg.to()).incarnation);
                    self.shard(leg.to()).copied_by.insert(*leg, now);
                }
            }
            Action::Unsubscribe(leg) => drop(self.shard(leg.to()).subscriptions.remove(leg)),
            Action::Mark { leg, value } => {
                drop(self.shard(leg.from()).apply(Change::Mark { leg: *leg, value: *value }));
                self.shard(leg.from()).replicate();
            }
            Action::Settle(leg) => {
                self.shard(leg.to()).replicate();
                let now = self.shard(leg.to()).incarnation;
                let begun = self.shard(leg.to()).copied_by.get(leg).map(|(_, begun)| *begun);
                let is_lenient = self.options.sabotage == Some(Sabotage::FailoverIgnored);
                if begun != Some(now) && !is_lenient {
                    return Outcome::Copy(CopyState::Missing);
                }
                let end = self.shard(leg.to()).log.len();
                return Outcome::Settled(Position(end as u64));
            }
            Action::ForgetMarks => {
                for side in [Side::Source, Side::Target] {
                    self.shard(side).marks.clear();
                    self.shard(side).replicate();
                }
            }
            _ => unreachable!("it is none of replication"),
        }
        Outcome::Done
    }

    fn empty(&mut self, side: Side) -> Outcome {
        let leg = if side == Side::Target { Leg::Forward } else { Leg::Reverse };
        let is_sabotage = self.options.sabotage == Some(Sabotage::EmptiedWhilePublished);
        if self.shard(side).subscriptions.contains_key(&leg) && !is_sabotage {
            return Outcome::Done;
        }
        if self.shard(side).is_open {
            self.breach(|| format!("rows are deleted on the {side:?}, which takes writes"));
        }
        let keys: Vec<_> = self.shard(side).rows.keys().copied().collect();
        for key in keys {
            drop(self.shard(side).apply(Change::Delete { key }));
        }
        self.shard(side).replicate();
        Outcome::Done
    }
}

fn compare(by: &mut Coordinator) -> Outcome {
    let Some((followed, follower)) = by.snapshots.take() else {
        return Outcome::Failed("there are no snapshots".to_owned());
    };
    let mut comparison = Comparison { rows: followed.len() as u64, differences: Vec::new() };
    if followed != follower {
        comparison.differences.push(Difference {
            table: "rows".to_owned(),
            slot: 0,
            followed: (followed.len() as u64, String::new()),
            follower: (follower.len() as u64, String::new()),
        });
    }
    Outcome::Compared(comparison)
}
