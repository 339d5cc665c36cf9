//! Who is safe to promote: grows by I2, shrinks by I3, one step at a time.

use super::Moment;
use super::action::Order;
use super::cover::{Cover, Step};
use super::node::{NodeId, NodeSet};
use super::options::Sabotage;
use super::position::Position;
use super::record::Cause;
use super::sighting::{Follower, Report};
use super::state::Core;
use super::suspicion::Health;

/// What is known about the followers of the present primary.
#[derive(Clone, Debug, Default)]
pub(super) struct Guard {
    /// It was opened by us, and answered that it takes writes.
    pub(super) is_opened: bool,
    /// Who should cover for it, by the last report.
    wanted: Cover,
    followers: Vec<Attendance>,
    /// What we asked for last, and since when it is in force.
    enforced: Option<(Cover, Moment)>,
    /// Since when no request to enforce something is open.
    quiet_since: Moment,
    /// What the primary had written when the rule was in force: from there on nobody lacks
    /// anything.
    goal: Option<Position>,
}

#[derive(Clone, Debug, Default)]
struct Attendance {
    present_since: Option<Moment>,
    missing_since: Option<Moment>,
    moved: Option<(Position, Moment)>,
    applied: Option<(Position, Moment)>,
}

impl Attendance {
    /// Has it made no progress for too long, with what it receives or with what it applies?
    fn is_stalled(
        &mut self,
        follower: &Follower,
        (at, report): (Moment, &Report),
        max: Moment,
    ) -> bool {
        let stands = |memory: &mut Option<(Position, Moment)>, now: &Position, is_done: bool| {
            let still = memory.as_ref().filter(|(before, _)| before == now);
            match still {
                Some((_, since)) if !is_done => at >= *since + max,
                Some(_) | None => {
                    *memory = Some((now.clone(), at));
                    false
                }
            }
        };
        let has_all = follower.flushed.holds(&report.position);
        let has_applied = follower.applied.holds(&follower.flushed);
        let is_deaf = stands(&mut self.moved, &follower.flushed, has_all);
        stands(&mut self.applied, &follower.applied, has_applied) || is_deaf
    }
}

impl Guard {
    pub(super) fn of(is_opened: bool) -> Self {
        Self { is_opened, ..Self::default() }
    }

    pub(super) fn note_enforced(&mut self, now: Moment, cover: Cover, is_ok: bool) {
        self.enforced = is_ok.then_some((cover, now));
        self.quiet_since = now;
        self.goal = None;
    }
}

impl Core {
    /// Takes the roll, when a new report of the primary has come.
    pub(super) fn compare_followers(&mut self, now: Moment, began: Moment) {
        let primary = self.record.primary;
        let Some((at, report)) = self.nodes[primary.index()].watch.report_since(self.since) else {
            return;
        };
        if at != began {
            return;
        }
        let count = self.options.nodes;
        let mut guard = std::mem::take(&mut self.guard);
        guard.followers.resize_with(count, Attendance::default);
        let counted = self
            .record
            .safe
            .members
            .union(report.enforced.map_or(NodeSet::EMPTY, |cover| cover.members));
        let members = self
            .others()
            .iter()
            .filter(|node| !self.record.fenced.contains_key(node))
            .filter(|node| {
                let attendance = &mut guard.followers[node.index()];
                self.attends(now, *node, attendance, (at, report), counted.contains(*node))
            })
            .collect();
        guard.wanted = Cover::by(members, self.options.copies);
        self.guard = guard;
    }

    fn attends(
        &self,
        now: Moment,
        node: NodeId,
        attendance: &mut Attendance,
        (at, report): (Moment, &Report),
        is_counted: bool,
    ) -> bool {
        let options = &self.options;
        let follower = report.follower(node);
        let is_away = matches!(self.health(node, now), Health::Ill(Cause::Gone | Cause::Hung));
        let is_stalled = follower.is_some_and(|follower| {
            attendance.is_stalled(follower, (at, report), options.stall_max)
        });
        let Some(follower) = follower.filter(|_| !is_away && !is_stalled) else {
            attendance.present_since = None;
            // A single report without it may be a reconnection, or a primary that is dying.
            let missing = *attendance.missing_since.get_or_insert(at);
            return is_counted && at.saturating_sub(missing) < options.shrink_after;
        };
        attendance.missing_since = None;
        let present = *attendance.present_since.get_or_insert(at);
        let waited = at.saturating_sub(present);
        // Who never gets near by itself gets there when commits wait for it.
        let is_late = waited >= options.grow_late;
        let near_max = if is_late { options.near_max_late } else { options.near_max };
        let gap = follower.applied.behind(&report.position);
        let is_near = gap.is_some_and(|gap| gap <= near_max);
        is_counted || (is_near && waited >= options.grow_after)
    }

    /// Takes the next step towards the wanted cover, and opens a primary that takes no writes.
    pub(super) fn guard(&mut self, now: Moment) {
        let primary = self.record.primary;
        let node = &self.nodes[primary.index()];
        let since = self.since.max(self.guard.quiet_since);
        let busy = node.sql.busy.is_some();
        let Some((_, report)) = node.watch.report_since(since).filter(|_| !busy) else { return };
        let (claim, wanted) = (self.record.safe, self.guard.wanted);
        let is_writable = report.is_writable;
        let enforced = report.enforced;
        if self.options.is_sabotaged(Sabotage::CommitsDoNotWait) {
            return self.guard_nobody(now, enforced, is_writable);
        }
        match Cover::step(claim, enforced, wanted) {
            Step::Weaken(_) if self.loosens_first(now, wanted) => {}
            Step::Weaken(weaker) => {
                return self.write(now, self.record.clone().with_safe(weaker));
            }
            Step::CatchUp(cover) if self.has_caught_up(cover) => {
                return self.write(now, self.record.clone().with_safe(cover));
            }
            Step::CatchUp(cover) if self.guard.enforced.is_none_or(|(own, _)| own != cover) => {
                self.order(now, Order::Enforce { node: primary, cover });
            }
            Step::Enforce(cover) if self.claims_first(now, cover) => {}
            Step::Enforce(cover) => {
                self.order(now, Order::Enforce { node: primary, cover });
            }
            Step::CatchUp(_) | Step::Nothing => {}
        }
        if !is_writable {
            // Some engines come up read-only. It holds everything: opening it loses nothing.
            self.order(now, Order::Promote(primary));
        }
    }

    fn has_caught_up(&mut self, cover: Cover) -> bool {
        if self.options.is_sabotaged(Sabotage::CatchUpSkipped) {
            return true;
        }
        let Some((own, since)) = self.guard.enforced else { return false };
        let watch = &self.nodes[self.record.primary.index()].watch;
        let Some((_, report)) = watch.report_since(since).filter(|_| own == cover) else {
            return false;
        };
        let goal = self.guard.goal.get_or_insert_with(|| report.position.clone());
        let has_reached = |node: &NodeId| {
            let follower = report.follower(*node);
            follower.is_some_and(|one| one.is_counted && one.applied.holds(goal))
        };
        cover.members.iter().filter(has_reached).count() >= usize::from(cover.copies)
    }

    /// Asynchronous replication: whoever is near counts, and no commit waits for it.
    fn guard_nobody(&mut self, now: Moment, enforced: Option<Cover>, is_writable: bool) {
        let (primary, wanted) = (self.record.primary, self.guard.wanted);
        if self.record.safe == Cover::NONE && enforced != Some(Cover::NONE) {
            self.order(now, Order::Enforce { node: primary, cover: Cover::NONE });
        } else if self.record.safe != wanted {
            self.write(now, self.record.clone().with_safe(wanted));
        } else if !is_writable {
            self.order(now, Order::Promote(primary));
        }
    }

    fn loosens_first(&mut self, now: Moment, wanted: Cover) -> bool {
        let primary = self.record.primary;
        let is_sabotaged = self.options.is_sabotaged(Sabotage::LoosenedBeforeJournaled);
        let enforced = self.guard.enforced;
        is_sabotaged
            && enforced.is_none_or(|(own, _)| own != wanted)
            && self.order(now, Order::Enforce { node: primary, cover: wanted })
    }

    fn claims_first(&mut self, now: Moment, cover: Cover) -> bool {
        let is_sabotaged =
            self.options.is_sabotaged(Sabotage::ClaimedBeforeEnforced) && self.record.safe != cover;
        if is_sabotaged {
            self.write(now, self.record.clone().with_safe(cover));
        }
        is_sabotaged
    }
}
