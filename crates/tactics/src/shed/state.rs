//! Who gets in, as a pure decision.

use std::time::Duration;

use tokio::time::Instant;

use super::limit::{Ended, Kind, Learned};
use super::policy::{Policy, PolicyError};
use super::priority::{CLASSES, Priority};

/// How a request ended, as far as load is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was served: how long it took tells of the load.
    Served,
    /// It ran out of time, or was refused further in for overload.
    Overloaded,
    /// It tells nothing of the load: refused as wrong, failed at once, given up by the caller.
    Ignored,
}

/// A request that runs. Every one comes back by [`Shedder::finish`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    priority: Priority,
    admitted_at: Instant,
}

/// A request that is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too much is asked for at present: {running} run, at most {limit} may")]
pub struct Refusal {
    /// How many run.
    pub running: u32,
    /// How many may, of all classes together.
    pub limit: u32,
    /// When there may be a place for it.
    pub retry_after: Duration,
}

/// What became of the requests of one class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Got in.
    pub admitted: u64,
    /// Refused.
    pub refused: u64,
}

/// The places, and who has them.
#[derive(Clone, Debug)]
pub struct Shedder {
    learned: Learned,
    limit: u32,
    limit_min: u32,
    shares: [f64; CLASSES],
    overdraft: [f64; CLASSES],
    /// How many may run when one of the class comes, its overdraft included.
    most: [u32; CLASSES],
    /// The shares in places.
    reserved: [u32; CLASSES],
    running: [u32; CLASSES],
    running_all: u32,
    is_draining: bool,
    retry_after: Duration,
    counts: [Counts; CLASSES],
}

impl Shedder {
    /// An empty one, that knows nothing.
    ///
    /// # Errors
    /// When a number of `policy` makes no sense.
    pub fn try_new(policy: Policy) -> Result<Self, PolicyError> {
        policy.check()?;
        let mut shedder = Self {
            learned: Learned::new(policy),
            limit: 0,
            limit_min: policy.limit_min,
            shares: policy.shares,
            overdraft: policy.overdraft,
            most: [0; CLASSES],
            reserved: [0; CLASSES],
            running: [0; CLASSES],
            running_all: 0,
            is_draining: false,
            retry_after: policy.window,
            counts: [Counts::default(); CLASSES],
        };
        shedder.take_over();
        Ok(shedder)
    }

    /// How many may run at once, overdrafts aside.
    pub fn limit(&self) -> u32 {
        self.limit
    }

    /// How many run.
    pub fn running(&self) -> u32 {
        self.running_all
    }

    /// How many of one class run.
    pub fn running_of(&self, priority: Priority) -> u32 {
        self.running[priority.index()]
    }

    /// How many places are reserved for a class at present.
    pub fn reserved_for(&self, priority: Priority) -> u32 {
        self.reserved[priority.index()]
    }

    /// What became of the requests of a class.
    pub fn counts(&self, priority: Priority) -> Counts {
        self.counts[priority.index()]
    }

    /// What a request of this class usually takes, without a queue.
    pub fn usual(&self, priority: Priority) -> Option<Duration> {
        self.learned.usual(priority)
    }

    /// Whether the lower classes are held back, to find out what is usual.
    pub fn is_draining(&self) -> bool {
        self.is_draining
    }

    /// Answers for a request that would begin at `now`.
    ///
    /// # Errors
    /// When it is refused.
    pub fn admit(&mut self, priority: Priority, now: Instant) -> Result<Ticket, Refusal> {
        if self.is_draining && self.learned.expire_drain(now) {
            self.take_over();
        }
        let class = priority.index();
        if !self.has_place_for(priority) {
            self.counts[class].refused += 1;
            self.learned.refused();
            return Err(Refusal {
                running: self.running_all,
                limit: self.limit,
                retry_after: self.retry_after,
            });
        }
        self.counts[class].admitted += 1;
        self.running[class] += 1;
        self.running_all += 1;
        self.learned.running(self.running_all);
        Ok(Ticket { priority, admitted_at: now })
    }

    fn has_place_for(&self, priority: Priority) -> bool {
        if self.is_draining
            && priority.is_held_back_by_drain()
            && self.running_all >= self.limit_min
        {
            return false;
        }
        let class = priority.index();
        let is_within_share = self.running[class] < self.reserved[class];
        if is_within_share && self.running_all < self.limit {
            return true;
        }
        let unused_above: u32 =
            (0..class).map(|above| self.reserved[above].saturating_sub(self.running[above])).sum();
        self.running_all + unused_above < self.most[class]
    }

    /// A request ended.
    pub fn finish(&mut self, ticket: Ticket, outcome: Outcome, now: Instant) {
        self.running[ticket.priority.index()] -= 1;
        self.running_all -= 1;
        let kind = match outcome {
            Outcome::Served => Kind::Served,
            Outcome::Overloaded => Kind::Overloaded,
            Outcome::Ignored => Kind::Ignored,
        };
        let ended = Ended { kind, running: self.running_all };
        if self.learned.ended(ticket.priority, ticket.admitted_at, ended, now) {
            self.take_over();
        }
    }

    /// Takes over what was learned. Of few places none is reserved: an idle one that refuses would
    /// learn nothing, and stay so for ever.
    fn take_over(&mut self) {
        self.limit = self.learned.limit();
        self.is_draining = self.learned.is_draining();
        for (most, overdraft) in self.most.iter_mut().zip(self.overdraft) {
            *most = self.limit + (overdraft * f64::from(self.limit)) as u32;
        }
        let mut left = self.limit;
        for (reserved, share) in self.reserved.iter_mut().zip(self.shares) {
            let places = (share * f64::from(self.limit)).floor() as u32;
            *reserved = places.min(left);
            left -= *reserved;
        }
    }
}
