//! Who said what: the part of a vote that is of use after the answer.

use std::fmt;
use std::time::Duration;

/// How a replica stands to the decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It said what was decided.
    Agrees,
    /// It said something else about the same version, which cannot be right too.
    Dissents,
    /// It answered about an older version: no vote, and no lie.
    Lags {
        /// How many versions behind the decided one, or the floor.
        by: u64,
    },
    /// It answered about a version that nobody has confirmed yet.
    Ahead {
        /// How many versions ahead of the decided one.
        by: u64,
    },
    /// It answered, and nothing was decided that it could be held against.
    Unjudged,
    /// It said that it has no answer, or its call failed.
    Failed,
    /// It has said nothing.
    Silent,
    /// It was not asked.
    Absent,
}

/// What one replica did in a vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Score {
    /// How it stands to the decision.
    pub standing: Standing,
    /// Whether it spoke after the decision.
    pub is_late: bool,
    /// Whether it was only listened to.
    pub is_shadow: bool,
    /// When it spoke, from the opening of the ballot on.
    pub after: Option<Duration>,
}

/// Who said what, one score per replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    /// By index of replica.
    pub scores: Vec<Score>,
    /// How many had to agree.
    pub required: usize,
}

impl Tally {
    /// The replicas with a given standing.
    pub fn who(&self, is_meant: impl Fn(Standing) -> bool) -> Vec<usize> {
        let replicas = self.scores.iter().enumerate();
        replicas.filter(|(_, score)| is_meant(score.standing)).map(|(index, _)| index).collect()
    }

    /// Those who said something else about the decided version.
    pub fn dissenters(&self) -> Vec<usize> {
        self.who(|standing| standing == Standing::Dissents)
    }

    /// Those who answered about an older version.
    pub fn lagging(&self) -> Vec<usize> {
        self.who(|standing| matches!(standing, Standing::Lags { .. }))
    }

    /// Those who have said nothing.
    pub fn silent(&self) -> Vec<usize> {
        self.who(|standing| standing == Standing::Silent)
    }

    /// Those who spoke after the decision.
    pub fn late(&self) -> Vec<usize> {
        let replicas = self.scores.iter().enumerate();
        replicas.filter(|(_, score)| score.is_late).map(|(index, _)| index).collect()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} of {} had to agree;", self.required, self.scores.len())?;
        for (replica, score) in self.scores.iter().enumerate() {
            let comma = if replica == 0 { "" } else { "," };
            write!(formatter, "{comma} {replica} {:?}", score.standing)?;
        }
        Ok(())
    }
}

/// Why nothing was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Undecided {
    /// Too many differ, failed or are absent: no answer can reach the number any more.
    #[error("no answer can reach the quorum any more")]
    Unreachable,
    /// Time ran out.
    #[error("the deadline passed")]
    Deadline,
}

/// A vote without an answer. What to do instead (refuse, a marked old answer) is the caller's
/// policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no quorum, {why}: {tally}")]
pub struct NoQuorum {
    /// Why.
    pub why: Undecided,
    /// Who said what.
    pub tally: Tally,
}
