//! One vote as a pure state machine: replies come in, at most one decision comes out.

use std::time::Duration;

use tokio::time::Instant;

use super::agreement::{Agreement, Class};
use super::panel::Panel;
use super::tally::{Score, Standing, Tally, Undecided};

/// The bounds of one vote.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// When the replicas were asked.
    pub opened_at: Instant,
    /// When a majority is of no more use; no later than the caller's own deadline.
    pub deadline: Instant,
    /// What the asker has seen already: older answers do not count. Zero where nothing is.
    pub version_min: u64,
}

/// What a replica is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seat {
    /// Its answer counts.
    Counts,
    /// Its answer is scored and does not count: it was ejected, and is on its way back.
    Shadow,
    /// It is not asked.
    Absent,
}

/// What comes back from a replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply<V> {
    /// An answer.
    Answer {
        /// What it says.
        value: V,
        /// The version it is about; the same for all where there is only one.
        version: u64,
    },
    /// No answer: an error, a refusal, or one that is beyond belief before it is compared.
    Failed,
}

impl<V> Reply<V> {
    /// An answer about `version`.
    pub fn at(version: u64, value: V) -> Self {
        Self::Answer { value, version }
    }
}

/// How a vote ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Enough replicas agree.
    Agreed {
        /// The replica that speaks for them.
        replica: usize,
        /// The version they agree on.
        version: u64,
    },
    /// They did not.
    NoQuorum(Undecided),
}

#[derive(Clone, Debug)]
struct Arrived<V> {
    reply: Reply<V>,
    after: Duration,
    is_late: bool,
}

/// One vote.
#[derive(Clone, Debug)]
pub struct Ballot<V, A> {
    panel: Panel,
    agreement: A,
    terms: Terms,
    seats: Vec<Seat>,
    arrived: Vec<Option<Arrived<V>>>,
    decision: Option<Decision>,
}

impl<V, A: Agreement<V>> Ballot<V, A> {
    /// A vote in which nobody has spoken. It may be decided already: with too few seats that count,
    /// nothing can be agreed on.
    ///
    /// # Panics
    /// When there is not one seat for each replica.
    pub fn open(panel: Panel, agreement: A, terms: Terms, seats: &[Seat]) -> Self {
        assert_eq!(seats.len(), panel.replicas(), "one seat for each replica of the panel");
        let arrived = seats.iter().map(|_| None).collect();
        let seats = seats.to_vec();
        let mut ballot = Self { panel, agreement, terms, seats, arrived, decision: None };
        ballot.decide();
        ballot
    }

    /// How it ended, if it has.
    pub fn decision(&self) -> Option<Decision> {
        self.decision
    }

    /// The bounds of this vote.
    pub fn terms(&self) -> Terms {
        self.terms
    }

    /// What each replica is asked for.
    pub fn seats(&self) -> &[Seat] {
        &self.seats
    }

    /// What was agreed on, and its version.
    pub fn answer(&self) -> Option<(&V, u64)> {
        let Some(Decision::Agreed { replica, .. }) = self.decision else { return None };
        match &self.arrived[replica].as_ref()?.reply {
            Reply::Answer { value, version } => Some((value, *version)),
            Reply::Failed => None,
        }
    }

    /// A replica's reply; its first one counts. Answers the decision if this brings it about.
    ///
    /// # Panics
    /// When the panel has no such replica.
    pub fn take(&mut self, replica: usize, reply: Reply<V>, now: Instant) -> Option<Decision> {
        let expired = self.expire(now);
        if self.arrived[replica].is_none() && self.seats[replica] != Seat::Absent {
            let after = now.saturating_duration_since(self.terms.opened_at);
            let is_late = self.decision.is_some();
            self.arrived[replica] = Some(Arrived { reply, after, is_late });
        }
        expired.or_else(|| self.decide())
    }

    /// Ends the vote if its deadline has passed. Answers the decision if this brings it about.
    pub fn expire(&mut self, now: Instant) -> Option<Decision> {
        if self.decision.is_some() || now < self.terms.deadline {
            return None;
        }
        self.decision = Some(Decision::NoQuorum(Undecided::Deadline));
        self.decision
    }

    /// Who said what so far.
    pub fn tally(&self) -> Tally {
        let scores = (0..self.seats.len()).map(|replica| self.score(replica)).collect();
        Tally { scores, required: self.panel.required() }
    }

    /// Decides as soon as waiting cannot change the outcome. The required number is more than half
    /// of the panel, so one class at most can have it.
    fn decide(&mut self) -> Option<Decision> {
        if self.decision.is_some() {
            return None;
        }
        let counted = self.counted();
        let outstanding = (0..self.seats.len())
            .filter(|replica| self.seats[*replica] == Seat::Counts)
            .filter(|replica| self.arrived[*replica].is_none())
            .count();
        let mut reachable = outstanding;
        for version in counted.iter().map(|(_, version, _)| *version) {
            let same: Vec<_> = counted.iter().filter(|(_, other, _)| *other == version).collect();
            let values: Vec<&V> = same.iter().map(|(_, _, value)| *value).collect();
            let Class { members, answer } = self.agreement.largest(&values);
            if members.len() >= self.panel.required() {
                self.decision = Some(Decision::Agreed { replica: same[answer].0, version });
                return self.decision;
            }
            reachable = reachable.max(members.len() + outstanding);
        }
        if reachable < self.panel.required() {
            self.decision = Some(Decision::NoQuorum(Undecided::Unreachable));
        }
        self.decision
    }

    /// The answers that count: replica, version, value.
    fn counted(&self) -> Vec<(usize, u64, &V)> {
        let replicas = self.arrived.iter().enumerate();
        replicas
            .filter(|(replica, _)| self.seats[*replica] == Seat::Counts)
            .filter_map(|(replica, arrived)| match &arrived.as_ref()?.reply {
                Reply::Answer { value, version } if *version >= self.terms.version_min => {
                    Some((replica, *version, value))
                }
                Reply::Answer { .. } | Reply::Failed => None,
            })
            .collect()
    }

    fn score(&self, replica: usize) -> Score {
        let arrived = self.arrived[replica].as_ref();
        let standing = match (self.seats[replica], arrived) {
            (Seat::Absent, _) => Standing::Absent,
            (Seat::Counts | Seat::Shadow, None) => Standing::Silent,
            (Seat::Counts | Seat::Shadow, Some(arrived)) => self.judge(&arrived.reply),
        };
        Score {
            standing,
            is_late: arrived.is_some_and(|arrived| arrived.is_late),
            is_shadow: self.seats[replica] == Seat::Shadow,
            after: arrived.map(|arrived| arrived.after),
        }
    }

    fn judge(&self, reply: &Reply<V>) -> Standing {
        let Reply::Answer { value, version } = reply else { return Standing::Failed };
        let floor = self.terms.version_min;
        match self.answer() {
            None if *version < floor => Standing::Lags { by: floor - version },
            None => Standing::Unjudged,
            Some((_, decided)) if *version < decided => Standing::Lags { by: decided - version },
            Some((_, decided)) if *version > decided => Standing::Ahead { by: version - decided },
            Some((answer, _)) if self.agreement.agree(answer, value) => Standing::Agrees,
            Some(_) => Standing::Dissents,
        }
    }
}
