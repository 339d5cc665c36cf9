//! Who counts, who rests and who is on its way back, as plain data.

use tokio::time::Instant;

use super::history::History;
use super::policy::{Policy, PolicyError};
use crate::vote::{Seat, Standing, Tally};

/// What a vote tells about one replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It said what was decided.
    Agreed,
    /// It said something else about the same version.
    Dissented,
    /// Neither: behind, ahead, failed, silent, or nothing was decided.
    Abstained,
}

impl From<Standing> for Heard {
    fn from(standing: Standing) -> Self {
        match standing {
            Standing::Agrees => Self::Agreed,
            Standing::Dissents => Self::Dissented,
            Standing::Lags { .. }
            | Standing::Ahead { .. }
            | Standing::Unjudged
            | Standing::Failed
            | Standing::Silent
            | Standing::Absent => Self::Abstained,
        }
    }
}

/// What spoke against a replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Too many dissents in a row.
    DissentsInARow,
    /// Too large a share of dissents.
    DissentRate,
    /// More dissents than its own history allows.
    OwnHistory,
    /// It dissented on its way back.
    Relapse,
}

/// Where a replica stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// It counts.
    In,
    /// It is left alone until then.
    Rests {
        /// When it may try again.
        until: Instant,
    },
    /// It is asked and scored, and does not count.
    Shadow {
        /// How often in a row it has agreed since.
        agreed: u32,
    },
}

/// What a vote changed for a replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It no longer counts.
    Ejected {
        /// What spoke against it.
        why: Why,
        /// When it may try again.
        until: Instant,
    },
    /// It should be out, but as many are out as may.
    Withheld {
        /// What speaks against it.
        why: Why,
    },
    /// It counts again.
    Returned,
}

#[derive(Clone, Debug)]
struct Replica {
    place: Place,
    history: History,
    dissents_in_a_row: u32,
    /// How often it was out; fades in good standing.
    times: u32,
    in_since: Option<Instant>,
    is_withheld: bool,
}

/// Decides which replicas of a panel count.
///
/// ```
/// use standfast_tactics::outlier::{Change, Ejector, Heard, Policy};
/// use standfast_tactics::vote::Seat;
/// use tokio::time::Instant;
///
/// let mut ejector = Ejector::try_new(3, Policy::default())?;
/// let now = Instant::now();
/// for _ in 0..2 {
///     assert_eq!(ejector.record(1, Heard::Dissented, now), None);
/// }
/// let ejected = ejector.record(1, Heard::Dissented, now);
/// assert!(matches!(ejected, Some(Change::Ejected { .. })));
/// assert_eq!(ejector.seats(now), [Seat::Counts, Seat::Absent, Seat::Counts]);
/// # Ok::<(), standfast_tactics::outlier::PolicyError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Ejector {
    policy: Policy,
    replicas: Vec<Replica>,
}

impl Ejector {
    /// An ejector of `replicas` that all count.
    ///
    /// # Errors
    /// When a number of `policy` makes no sense.
    pub fn try_new(replicas: usize, policy: Policy) -> Result<Self, PolicyError> {
        policy.check()?;
        let fresh = || Replica {
            place: Place::In,
            history: History::new(policy.chart),
            dissents_in_a_row: 0,
            times: 0,
            in_since: None,
            is_withheld: false,
        };
        Ok(Self { policy, replicas: (0..replicas).map(|_| fresh()).collect() })
    }

    /// Where a replica stands.
    pub fn place(&self, replica: usize) -> Place {
        self.replicas[replica].place
    }

    /// How many do not count.
    pub fn out(&self) -> usize {
        self.replicas.iter().filter(|replica| replica.place != Place::In).count()
    }

    /// The seats of a vote that is opened at `now`.
    pub fn seats(&mut self, now: Instant) -> Vec<Seat> {
        let mut seats = Vec::with_capacity(self.replicas.len());
        for replica in &mut self.replicas {
            if let Place::Rests { until } = replica.place
                && now >= until
            {
                replica.place = Place::Shadow { agreed: 0 };
            }
            seats.push(match replica.place {
                Place::In => Seat::Counts,
                Place::Rests { .. } => Seat::Absent,
                Place::Shadow { .. } => Seat::Shadow,
            });
        }
        seats
    }

    /// Takes the final tally of a vote; answers what changed, by replica.
    pub fn record_tally(&mut self, tally: &Tally, now: Instant) -> Vec<(usize, Change)> {
        let scores = tally.scores.iter().enumerate();
        scores
            .filter_map(|(replica, score)| {
                Some((replica, self.record(replica, score.standing.into(), now)?))
            })
            .collect()
    }

    /// Takes what one replica did in a vote.
    pub fn record(&mut self, replica: usize, heard: Heard, now: Instant) -> Option<Change> {
        let agreements_to_return = self.policy.agreements_to_return;
        let one = &mut self.replicas[replica];
        match (one.place, heard) {
            (Place::Rests { .. }, _) => None,
            (Place::In, Heard::Abstained) => None,
            (Place::In, Heard::Agreed | Heard::Dissented) => self.record_in(replica, heard, now),
            (Place::Shadow { .. }, Heard::Dissented) => {
                Some(self.eject(replica, Why::Relapse, now))
            }
            (Place::Shadow { .. }, Heard::Abstained) => {
                // Who says nothing proves nothing: agreements in a row are asked for.
                one.place = Place::Shadow { agreed: 0 };
                None
            }
            (Place::Shadow { agreed }, Heard::Agreed) if agreed + 1 < agreements_to_return => {
                one.place = Place::Shadow { agreed: agreed + 1 };
                None
            }
            (Place::Shadow { .. }, Heard::Agreed) => {
                one.place = Place::In;
                one.in_since = Some(now);
                one.dissents_in_a_row = 0;
                one.history.forgive();
                Some(Change::Returned)
            }
        }
    }

    fn record_in(&mut self, replica: usize, heard: Heard, now: Instant) -> Option<Change> {
        let cap = self.policy.cap(self.replicas.len());
        let (policy, out) = (self.policy, self.out());
        let one = &mut self.replicas[replica];
        let dissented = heard == Heard::Dissented;
        let is_beyond = one.history.record(if dissented { 1.0 } else { 0.0 });
        one.dissents_in_a_row = if dissented { one.dissents_in_a_row + 1 } else { 0 };
        if !dissented {
            one.is_withheld &= is_beyond;
            return None;
        }
        let why = if one.dissents_in_a_row >= policy.dissents_in_a_row {
            Why::DissentsInARow
        } else if is_beyond {
            Why::OwnHistory
        } else if one.history.recent() >= policy.dissent_rate_max {
            Why::DissentRate
        } else {
            return None;
        };
        if out < cap {
            return Some(self.eject(replica, why, now));
        }
        let is_news = !one.is_withheld;
        one.is_withheld = true;
        is_news.then_some(Change::Withheld { why })
    }

    fn eject(&mut self, replica: usize, why: Why, now: Instant) -> Change {
        let policy = self.policy;
        let one = &mut self.replicas[replica];
        if let Some(since) = one.in_since.take() {
            let good = now.saturating_duration_since(since).as_nanos();
            let forgiven = good / policy.forgiven_after.as_nanos();
            one.times = one.times.saturating_sub(u32::try_from(forgiven).unwrap_or(u32::MAX));
        }
        let until = now + policy.rest(one.times);
        one.times = one.times.saturating_add(1);
        one.place = Place::Rests { until };
        (one.dissents_in_a_row, one.is_withheld) = (0, false);
        Change::Ejected { why, until }
    }
}
