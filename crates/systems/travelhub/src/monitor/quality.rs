//! How good a detector would have been, had it been set otherwise: recorded beats are replayed
//! through it, and judged by the figures of Chen, Toueg and Aguilera.
//!
//! What happened is known in hindsight: a service whose next beat is of another incarnation had
//! failed, at the earliest after its last beat; one that went on beating had not. Deaths are rare,
//! so the time to detect is that of imagined ones: for each beat, when the silence after it would
//! have been noticed if it had been the last. Death is as likely at any moment of the interval, so
//! that the mean time to detect is half an interval less than that silence, and the longest is it.

use std::collections::VecDeque;
use std::time::Duration;

use standfast_tactics::detect::{
    Change, Heartbeat, HeartbeatPolicy, Phi, PhiPolicy, Quality, Standing, TraceEvent,
};
use tokio::time::Instant;

use super::case::Beat;

/// The beats of one service, as far as they are remembered.
#[derive(Clone, Debug)]
pub(super) struct Recording {
    beats: VecDeque<Recorded>,
    most: usize,
    last: Option<(i64, i64)>,
}

/// When a beat was, since an arbitrary moment, and which incarnation it was of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Recorded {
    pub(super) at: Duration,
    pub(super) incarnation: u64,
}

impl Recording {
    pub(super) fn new(most: usize) -> Self {
        Self { beats: VecDeque::new(), most, last: None }
    }

    /// Adds a beat, if it is newer than those before.
    pub(super) fn push(&mut self, beat: &Beat) {
        let place = (beat.incarnation, beat.sequence);
        let at = Duration::try_from(beat.at - time::OffsetDateTime::UNIX_EPOCH).unwrap_or_default();
        let is_later = self.beats.back().is_none_or(|last| last.at <= at);
        if self.last.is_some_and(|last| last >= place) || !is_later {
            return;
        }
        self.last = Some(place);
        if self.beats.len() >= self.most {
            self.beats.pop_front();
        }
        self.beats.push_back(Recorded { at, incarnation: beat.incarnation.unsigned_abs() });
    }

    pub(super) fn beats(&self) -> Vec<Recorded> {
        self.beats.iter().copied().collect()
    }
}

/// A detector with its setting.
#[derive(Clone, Copy, Debug)]
pub(super) enum Setting {
    Heartbeat(HeartbeatPolicy),
    Phi(PhiPolicy),
}

/// How it would have done.
#[derive(Clone, Debug, Default)]
pub(super) struct Figures {
    /// Silences after which it would have noticed a death, less half an interval: one for each
    /// beat.
    pub(super) detection_mean: Duration,
    pub(super) detection_max: Duration,
    pub(super) quality: Quality,
    pub(super) beats: usize,
}

/// A detector that is being replayed.
enum Replayed {
    Heartbeat(Heartbeat, Duration),
    Phi(Box<Phi>),
}

impl Replayed {
    fn new(setting: Setting, first: Instant) -> Option<Self> {
        Some(match setting {
            Setting::Heartbeat(policy) => {
                Self::Heartbeat(Heartbeat::try_new(policy, first).ok()?, policy.down_after)
            }
            Setting::Phi(policy) => Self::Phi(Box::new(Phi::try_new(policy).ok()?)),
        })
    }

    fn beat(&mut self, incarnation: u64, at: Instant) -> Option<Change> {
        match self {
            Self::Heartbeat(heartbeat, _) => heartbeat.beat(incarnation, at),
            Self::Phi(phi) => phi.beat(incarnation, at),
        }
    }

    fn check(&mut self, now: Instant) -> Option<Change> {
        match self {
            Self::Heartbeat(heartbeat, _) => heartbeat.check(now),
            Self::Phi(phi) => phi.check(now),
        }
    }

    fn down_after(&self) -> Duration {
        match self {
            Self::Heartbeat(_, down_after) => *down_after,
            Self::Phi(phi) => phi.down_after(),
        }
    }
}

impl Setting {
    fn check_every(self) -> Duration {
        match self {
            Self::Heartbeat(policy) => policy.check_every,
            Self::Phi(policy) => policy.check_every,
        }
    }
}

/// Replays `beats`, which ascend; `origin` is any moment. `None` for too few of them.
pub(super) fn replay(beats: &[Recorded], setting: Setting, origin: Instant) -> Option<Figures> {
    let (first, last) = (beats.first()?, beats.last()?);
    if beats.len() < 3 {
        return None;
    }
    let at = |moment: Duration| origin + (moment - first.at);
    let mut detector = Replayed::new(setting, origin)?;
    let (mut trace, mut silences) = (Vec::new(), Vec::with_capacity(beats.len()));
    let every = setting.check_every();
    let mut next_check = every;
    for (index, beat) in beats.iter().enumerate() {
        let since = beat.at - first.at;
        while next_check < since {
            note(&mut trace, next_check, detector.check(origin + next_check));
            next_check += every;
        }
        if index > 0 && beats[index - 1].incarnation != beat.incarnation {
            trace.push((since, TraceEvent::Recovered));
        }
        note(&mut trace, since, detector.beat(beat.incarnation, at(beat.at)));
        silences.push(silence(since, detector.down_after(), every));
        if beats.get(index + 1).is_some_and(|next| next.incarnation != beat.incarnation) {
            trace.push((since, TraceEvent::Failed));
        }
    }
    let interval = (last.at - first.at) / u32::try_from(beats.len() - 1).ok()?;
    let sum: Duration = silences.iter().sum();
    let mean = sum / u32::try_from(silences.len()).ok()?;
    Some(Figures {
        detection_mean: mean.saturating_sub(interval / 2),
        detection_max: silences.into_iter().max()?,
        quality: Quality::of(&trace, last.at - first.at),
        beats: beats.len(),
    })
}

/// How long after a beat at `beat` the first check comes that finds it overdue.
fn silence(beat: Duration, down_after: Duration, check_every: Duration) -> Duration {
    let (due, every) = ((beat + down_after).as_nanos(), check_every.as_nanos().max(1));
    let noticed = due.div_ceil(every) * every;
    Duration::from_nanos(u64::try_from(noticed).unwrap_or(u64::MAX)).saturating_sub(beat)
}

fn note(trace: &mut Vec<(Duration, TraceEvent)>, at: Duration, change: Option<Change>) {
    let Some(change) = change else { return };
    if change.to == Standing::Down {
        trace.push((at, TraceEvent::Suspected));
    } else if change.from == Standing::Down {
        trace.push((at, TraceEvent::Trusted));
    }
}

#[cfg(test)]
mod tests;
