//! What to answer when the source fails: the last good value, a stand-in, or the failure.

use std::fmt::Display;
use std::time::Duration;

use super::state::Answer;

/// A value that the source gave earlier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept<T> {
    /// The value.
    pub value: T,
    /// How long ago it was fresh.
    pub age: Duration,
}

/// The steps down; any value is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ladder {
    /// What is older than this is of no more use.
    pub stale_max: Duration,
}

impl Ladder {
    /// The best answer there is: what the source says, what it `kept` saying until lately, or the
    /// `stand_in`.
    ///
    /// # Errors
    /// The failure of the source, when there is neither.
    pub fn answer<T, E: Display>(
        &self,
        source: Result<T, E>,
        kept: Option<Kept<T>>,
        stand_in: Option<T>,
    ) -> Result<Answer<T>, E> {
        let failure = match source {
            Ok(value) => return Ok(Answer::fresh(value)),
            Err(failure) => failure,
        };
        if let Some(kept) = kept.filter(|kept| kept.age <= self.stale_max) {
            return Ok(Answer::stale(kept.value, kept.age));
        }
        let Some(value) = stand_in else { return Err(failure) };
        Ok(Answer::degraded(value, failure.to_string()))
    }
}
