//! One watched service, and what three detectors hold of it. Pure: times come with the calls.

use standfast_tactics::detect::{Advice, Change, Evidence, Heartbeat, Phi, Standing};
use time::OffsetDateTime;
use tokio::time::Instant;

use super::settings::Settings;

/// Who found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Detector {
    Ping,
    Heartbeat,
    Phi,
}

impl Detector {
    pub(super) const ALL: [Self; 3] = [Self::Ping, Self::Heartbeat, Self::Phi];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ping => "ping",
            Self::Heartbeat => "heartbeat",
            Self::Phi => "phi",
        }
    }
}

/// A row of `beats`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Beat {
    pub(super) service: String,
    pub(super) incarnation: i64,
    pub(super) sequence: i64,
    /// By the clock of the database.
    pub(super) at: OffsetDateTime,
}

/// A detector has changed its mind across the border of down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) detector: Detector,
    pub(super) is_down: bool,
}

/// What is held of a service.
#[derive(Debug)]
pub(super) struct Case {
    ping: Standing,
    /// Whether it has ever answered a ping: before, its silence says nothing.
    has_answered: bool,
    /// Nothing before its first beat: a service that does not beat is not dead.
    heartbeat: Option<Heartbeat>,
    phi: Phi,
    heartbeat_policy: standfast_tactics::detect::HeartbeatPolicy,
    pub(super) last_beat: Option<Beat>,
    /// When it was last seen to be well, by a beat or a ping.
    pub(super) last_sign: Option<OffsetDateTime>,
    pub(super) beats: u64,
    pub(super) pings: u64,
    pub(super) failed_pings: u64,
}

impl Case {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            ping: Standing::Up,
            has_answered: false,
            heartbeat: None,
            phi: Phi::try_new(settings.phi).expect("settings were checked"),
            heartbeat_policy: settings.heartbeat,
            last_beat: None,
            last_sign: None,
            beats: 0,
            pings: 0,
            failed_pings: 0,
        }
    }

    /// Takes a beat that was written at `at`. One that is not newer than the last one was read
    /// before.
    pub(super) fn beat(&mut self, beat: Beat, at: Instant) -> Vec<Finding> {
        let place = |beat: &Beat| (beat.incarnation, beat.sequence);
        if self.last_beat.as_ref().is_some_and(|last| place(last) >= place(&beat)) {
            return Vec::new();
        }
        let incarnation = beat.incarnation.unsigned_abs();
        let policy = self.heartbeat_policy;
        let heartbeat = self
            .heartbeat
            .get_or_insert_with(|| Heartbeat::try_new(policy, at).expect("settings were checked"));
        let changes = [
            (Detector::Heartbeat, heartbeat.beat(incarnation, at)),
            (Detector::Phi, self.phi.beat(incarnation, at)),
        ];
        self.beats += 1;
        self.last_sign = self.last_sign.max(Some(beat.at));
        self.last_beat = Some(beat);
        changes.into_iter().filter_map(|(detector, change)| finding(detector, change?)).collect()
    }

    /// Looks at the silence by the fixed limit.
    pub(super) fn check_heartbeat(&mut self, now: Instant) -> Option<Finding> {
        let change = self.heartbeat.as_mut()?.check(now)?;
        finding(Detector::Heartbeat, change)
    }

    /// Looks at how surprising the silence is.
    pub(super) fn check_phi(&mut self, now: Instant) -> Option<Finding> {
        let change = self.phi.check(now)?;
        finding(Detector::Phi, change)
    }

    /// A ping is back, or overdue.
    pub(super) fn pinged(&mut self, is_well: bool, at: OffsetDateTime) {
        self.pings += 1;
        self.has_answered |= is_well;
        if is_well {
            self.last_sign = self.last_sign.max(Some(at));
        } else {
            self.failed_pings += 1;
        }
    }

    /// The pings have changed what is held.
    pub(super) fn ping_changed(&mut self, change: Change) -> Option<Finding> {
        self.ping = change.to;
        finding(Detector::Ping, change)
    }

    /// What a detector holds; `None` when it knows nothing.
    pub(super) fn standing(&self, detector: Detector) -> Option<Standing> {
        match detector {
            Detector::Ping => self.has_answered.then_some(self.ping),
            Detector::Heartbeat => self.heartbeat.as_ref().map(Heartbeat::standing),
            Detector::Phi => self.last_beat.as_ref().map(|_| self.phi.standing()),
        }
    }

    /// Whether any detector takes it for down.
    pub(super) fn is_suspected(&self) -> bool {
        Detector::ALL.iter().any(|one| self.standing(*one) == Some(Standing::Down))
    }

    /// What follows from the quicker of the two that listen, and the one that asks.
    pub(super) fn advice(&self) -> Advice {
        let push = self.standing(Detector::Phi).unwrap_or(self.ping);
        Evidence { push, pull: self.ping, peers_reach_it: None }.advice()
    }

    /// The suspicion, and the silence from which on it is down.
    pub(super) fn phi(&self, now: Instant) -> (f64, std::time::Duration) {
        (self.phi.phi(now), self.phi.down_after())
    }
}

fn finding(detector: Detector, change: Change) -> Option<Finding> {
    let is_down = change.to == Standing::Down;
    let crosses = is_down != (change.from == Standing::Down);
    crosses.then_some(Finding { detector, is_down })
}

#[cfg(test)]
mod tests;
