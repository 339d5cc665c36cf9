//! What speaks against one replica, and whether it is ON or OFF because of that.
//!
//! Kinds of evidence are independent: each opens and closes by its own rule, and the replica is OFF
//! while any of them is open.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use standfast_tactics::detect::{Heartbeat, HeartbeatPolicy};
use tokio::time::Instant;

use super::share::{Share, SharePolicy};
use super::wire::{Finding, State};

/// A replica that is wrong about more products than these is bad enough with these.
const ACCUSED_MAX: usize = 16;

/// The one incarnation that a heartbeat of ours knows: what beats is the progress, not the process.
const INCARNATION: u64 = 1;

/// A kind of evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Cause {
    /// Health checks are refused, or answered by an error.
    CrashCheck,
    /// Health checks are not answered in time.
    Slow,
    /// Too many calls of all kinds fail.
    Share,
    /// It contradicts the majority.
    Vote,
    /// It refuses events that the others apply.
    Errors,
    /// It is behind the others in the log, and does not come nearer.
    Heartbeat,
}

impl Cause {
    pub(super) const ALL: [Self; 6] =
        [Self::CrashCheck, Self::Slow, Self::Share, Self::Vote, Self::Errors, Self::Heartbeat];

    /// As events, metrics and the database say it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::CrashCheck => "crash-check",
            Self::Slow => "slow",
            Self::Share => "share",
            Self::Vote => "vote",
            Self::Errors => "errors",
            Self::Heartbeat => "heartbeat",
        }
    }

    pub(super) fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.name() == name)
    }
}

/// How much of each kind is too much.
#[derive(Clone, Copy, Debug)]
pub(super) struct CasePolicy {
    pub(super) share: SharePolicy,
    pub(super) heartbeat: HeartbeatPolicy,
    pub(super) dissents_to_off: u64,
    pub(super) errors_to_off: u64,
    /// Refusals are forgotten after so long without another one.
    pub(super) errors_forgotten_after: Duration,
    /// Off only in control arms: evidence is taken, and nothing follows from it.
    pub(super) is_enforced: bool,
}

/// How a health check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Check {
    Well {
        applied_offset: i64,
        took: Duration,
    },
    /// It answers that it has not caught up with the log.
    CatchingUp {
        applied_offset: i64,
    },
    Refused,
    Overdue,
}

/// A change of state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Off(Cause),
    On,
}

/// Counters of one replica.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) checks: u64,
    pub(super) failed_checks: u64,
    pub(super) dissents: u64,
    pub(super) lone_refusals: u64,
}

/// One replica.
#[derive(Clone, Debug)]
pub(super) struct Case {
    policy: CasePolicy,
    pub(super) state: State,
    pub(super) cause: Option<Cause>,
    pub(super) epoch: u64,
    pub(super) open: BTreeSet<Cause>,
    /// Products that it is wrong about, and how often it was.
    pub(super) accused: BTreeMap<String, u64>,
    pub(super) counts: Counts,
    pub(super) last_check: Option<Check>,
    pub(super) applied_offset: Option<i64>,
    pub(super) is_outlier: bool,
    share: Share,
    heartbeat: Heartbeat,
    dissents: u64,
    lone: (u64, Option<Instant>),
}

impl Case {
    pub(super) fn new(policy: CasePolicy, now: Instant) -> Self {
        let heartbeat = Heartbeat::try_new(policy.heartbeat, now).expect("settings were checked");
        Self {
            policy,
            state: State::On,
            cause: None,
            epoch: 0,
            open: BTreeSet::new(),
            accused: BTreeMap::new(),
            counts: Counts::default(),
            last_check: None,
            applied_offset: None,
            is_outlier: false,
            share: Share::new(policy.share),
            heartbeat,
            dissents: 0,
            lone: (0, None),
        }
    }

    /// Goes on from what was held before a restart. Whatever it was, checks have to succeed again;
    /// and a lie stays one until it is cleared.
    pub(super) fn restore(&mut self, cause: Option<Cause>, epoch: u64, accused: Vec<String>) {
        self.epoch = self.epoch.max(epoch);
        let Some(cause) = cause else { return };
        (self.state, self.cause) = (State::Off, Some(cause));
        self.open.insert(Cause::CrashCheck);
        if cause == Cause::Vote && !accused.is_empty() {
            self.open.insert(Cause::Vote);
            self.accused = accused.into_iter().map(|product| (product, 1)).collect();
        }
    }

    /// A health check ended; `newest` is how far any replica has come in the log.
    pub(super) fn checked(&mut self, check: Check, newest: i64, now: Instant) {
        self.counts.checks += 1;
        let is_failed = matches!(check, Check::Refused | Check::Overdue);
        self.counts.failed_checks += u64::from(is_failed);
        self.share.record(1, u64::from(is_failed), now);
        self.last_check = Some(check);
        if let Check::Well { applied_offset, .. } | Check::CatchingUp { applied_offset } = check {
            let has_moved = self.applied_offset.is_none_or(|before| applied_offset > before);
            self.applied_offset = Some(applied_offset);
            if has_moved || applied_offset >= newest {
                self.heartbeat.beat(INCARNATION, now);
            }
        }
    }

    /// The checks in a row have become too many failures.
    pub(super) fn checks_down(&mut self) {
        let is_overdue = self.last_check == Some(Check::Overdue);
        self.open.insert(if is_overdue { Cause::Slow } else { Cause::CrashCheck });
    }

    /// Enough checks in a row have succeeded.
    pub(super) fn checks_up(&mut self) {
        self.open.remove(&Cause::Slow);
        self.open.remove(&Cause::CrashCheck);
    }

    /// A voter has found something.
    pub(super) fn found(&mut self, finding: &Finding, now: Instant) {
        let Finding { answers, failures, .. } = *finding;
        self.share.record(answers.saturating_add(failures), failures, now);
        self.is_outlier = finding.is_outlier;
        for dissent in &finding.dissents {
            self.dissents = self.dissents.saturating_add(dissent.times);
            self.counts.dissents = self.counts.dissents.saturating_add(dissent.times);
            if self.accused.len() < ACCUSED_MAX || self.accused.contains_key(&dissent.product) {
                *self.accused.entry(dissent.product.clone()).or_insert(0) += dissent.times;
            }
        }
        for product in &finding.cleared {
            self.accused.remove(product);
        }
        if self.accused.is_empty() {
            self.dissents = 0;
            self.open.remove(&Cause::Vote);
        } else if self.dissents >= self.policy.dissents_to_off {
            self.open.insert(Cause::Vote);
        }
    }

    /// It has refused an event that the others have applied.
    pub(super) fn refused_alone(&mut self, now: Instant) {
        self.counts.lone_refusals += 1;
        self.lone = (self.lone.0 + 1, Some(now));
    }

    /// Calls in the recent window, and failures among them.
    pub(super) fn recent(&self) -> (u64, u64) {
        self.share.sums()
    }

    /// Weighs the evidence at `now`. Called several times in each period of the checks.
    pub(super) fn weigh(&mut self, now: Instant) -> Option<Change> {
        let forgotten_after = self.policy.errors_forgotten_after;
        let is_over = |at: Instant| now.saturating_duration_since(at) >= forgotten_after;
        if self.lone.1.is_some_and(is_over) {
            self.lone = (0, None);
        }
        self.heartbeat.check(now);
        let is_down = self.heartbeat.standing() == standfast_tactics::detect::Standing::Down;
        self.hold(Cause::Heartbeat, is_down);
        self.hold(Cause::Errors, self.lone.0 >= self.policy.errors_to_off);
        let is_bad = self.share.is_bad(now);
        self.hold(Cause::Share, is_bad);
        self.settle()
    }

    fn hold(&mut self, cause: Cause, is_open: bool) {
        if is_open {
            self.open.insert(cause);
        } else {
            self.open.remove(&cause);
        }
    }

    fn settle(&mut self) -> Option<Change> {
        if !self.policy.is_enforced {
            return None;
        }
        match (self.state, self.open.first().copied()) {
            (State::On, Some(cause)) => {
                self.epoch += 1;
                (self.state, self.cause) = (State::Off, Some(cause));
                Some(Change::Off(cause))
            }
            (State::Off, None) => {
                self.epoch += 1;
                (self.state, self.cause) = (State::On, None);
                Some(Change::On)
            }
            (State::On, None) | (State::Off, Some(_)) => None,
        }
    }
}

#[cfg(test)]
mod tests;
