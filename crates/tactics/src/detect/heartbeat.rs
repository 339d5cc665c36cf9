//! Heartbeats: the target reports by itself, and silence is what is noticed.

use std::time::Duration;

use tokio::time::Instant;

use super::standing::{Change, PolicyError, Record, Standing};

/// The numbers of a heartbeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeartbeatPolicy {
    /// Silent for this long, it is suspect: more than one interval of the beat.
    pub suspect_after: Duration,
    /// Silent for this long, it is down.
    pub down_after: Duration,
    /// So many beats bring it back up.
    pub beats_to_return: u32,
    /// How often [`Heartbeat::check`] is called.
    pub check_every: Duration,
    /// When a check comes later than this, it was we who stood still, and nothing is concluded.
    pub own_pause_max: Duration,
}

impl Default for HeartbeatPolicy {
    /// For a beat every second.
    fn default() -> Self {
        Self {
            suspect_after: Duration::from_millis(1500),
            down_after: Duration::from_secs(3),
            beats_to_return: 2,
            check_every: Duration::from_millis(200),
            own_pause_max: Duration::from_millis(400),
        }
    }
}

impl HeartbeatPolicy {
    /// The longest that a death goes unnoticed: it came just after a beat, and the silence was long
    /// enough just after a check.
    pub fn bound(&self) -> Duration {
        self.down_after + self.check_every
    }

    fn check(&self) -> Result<(), PolicyError> {
        let fail = |field, problem| Err(PolicyError { field, problem });
        if self.suspect_after.is_zero() || self.down_after < self.suspect_after {
            return fail("suspect_after, down_after", "must be above zero, and the second larger");
        }
        if self.beats_to_return == 0 {
            return fail("beats_to_return", "must be at least 1");
        }
        if self.check_every.is_zero() || self.own_pause_max.is_zero() {
            return fail("check_every, own_pause_max", "must be above zero");
        }
        Ok(())
    }
}

/// The heartbeat of one target.
#[derive(Clone, Debug)]
pub struct Heartbeat {
    policy: HeartbeatPolicy,
    record: Record,
    incarnation: u64,
    last_beat: Instant,
    last_check: Instant,
    beats: u32,
}

impl Heartbeat {
    /// A target that is up and has just been heard.
    ///
    /// # Errors
    /// When a number of `policy` makes no sense.
    pub fn try_new(policy: HeartbeatPolicy, now: Instant) -> Result<Self, PolicyError> {
        policy.check()?;
        Ok(Self {
            policy,
            record: Record::new(Standing::Up),
            incarnation: 0,
            last_beat: now,
            last_check: now,
            beats: 0,
        })
    }

    /// What is held of the target.
    pub fn standing(&self) -> Standing {
        self.record.standing
    }

    /// A beat came in. `incarnation` grows with each start of the target: an older one is the echo
    /// of a process that is gone, a newer one tells of a restart that nobody may have noticed.
    pub fn beat(&mut self, incarnation: u64, now: Instant) -> Option<Change> {
        if incarnation < self.incarnation {
            return None;
        }
        let has_restarted = incarnation > self.incarnation && self.incarnation > 0;
        self.incarnation = incarnation;
        self.last_beat = now;
        self.beats = if has_restarted { 1 } else { self.beats.saturating_add(1) };
        let is_back = self.beats >= self.policy.beats_to_return;
        let change = match self.record.standing {
            Standing::Suspect => self.record.enter(Standing::Up),
            Standing::Down if is_back => self.record.enter(Standing::Up),
            Standing::Down | Standing::Up => None,
        };
        change.or_else(|| has_restarted.then(|| self.record.restart()))
    }

    /// Looks at how long it has been silent.
    pub fn check(&mut self, now: Instant) -> Option<Change> {
        let since_check = now.saturating_duration_since(self.last_check);
        self.last_check = now;
        if since_check > self.policy.check_every + self.policy.own_pause_max {
            // Beats may be waiting to be read: the next round judges.
            return None;
        }
        let silence = now.saturating_duration_since(self.last_beat);
        if silence >= self.policy.down_after {
            self.beats = 0;
            return self.record.enter(Standing::Down);
        }
        if silence >= self.policy.suspect_after && self.record.standing == Standing::Up {
            return self.record.enter(Standing::Suspect);
        }
        None
    }
}
