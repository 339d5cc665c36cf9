//! The grades of an answer, and how they add up.

use std::time::Duration;

/// How good an answer is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grade {
    /// What the source says now.
    Fresh,
    /// What the source said `age` ago.
    Stale {
        /// How old it is.
        age: Duration,
    },
    /// Whole parts of it were not to be had.
    Partial {
        /// Which, by name.
        missing: Vec<String>,
    },
    /// A stand-in: true of nothing, but better than an error.
    Degraded {
        /// Why, for people.
        why: String,
    },
}

impl Grade {
    /// The word for it, as in the header and in JSON.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Stale { .. } => "stale",
            Self::Partial { .. } => "partial",
            Self::Degraded { .. } => "degraded",
        }
    }

    /// Whether it is what the source says now.
    pub fn is_fresh(&self) -> bool {
        *self == Self::Fresh
    }

    /// The grade of what is made of an answer of this grade and one of `other`: the worse. Ages do
    /// not add up, names of missing parts do.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Degraded { why: first }, Self::Degraded { why }) if first != why => {
                Self::Degraded { why: format!("{first}; {why}") }
            }
            (degraded @ Self::Degraded { .. }, _) | (_, degraded @ Self::Degraded { .. }) => {
                degraded
            }
            (Self::Partial { mut missing }, Self::Partial { missing: others }) => {
                for part in others {
                    if !missing.contains(&part) {
                        missing.push(part);
                    }
                }
                Self::Partial { missing }
            }
            (partial @ Self::Partial { .. }, _) | (_, partial @ Self::Partial { .. }) => partial,
            (Self::Stale { age: first }, Self::Stale { age }) => {
                Self::Stale { age: first.max(age) }
            }
            (stale @ Self::Stale { .. }, Self::Fresh) | (Self::Fresh, stale) => stale,
        }
    }
}

/// A value with its grade.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer<T> {
    /// What is answered.
    pub value: T,
    /// How good that is.
    pub grade: Grade,
}

impl<T> Answer<T> {
    /// What the source says now.
    pub fn fresh(value: T) -> Self {
        Self { value, grade: Grade::Fresh }
    }

    /// What the source said `age` ago.
    pub fn stale(value: T, age: Duration) -> Self {
        Self { value, grade: Grade::Stale { age } }
    }

    /// A stand-in for what could not be had.
    pub fn degraded(value: T, why: impl Into<String>) -> Self {
        Self { value, grade: Grade::Degraded { why: why.into() } }
    }

    /// All but the parts that are named; fresh if none is.
    pub fn partial(value: T, missing: Vec<String>) -> Self {
        let grade = if missing.is_empty() { Grade::Fresh } else { Grade::Partial { missing } };
        Self { value, grade }
    }

    /// The same grade for another value.
    pub fn map<U>(self, convert: impl FnOnce(T) -> U) -> Answer<U> {
        Answer { value: convert(self.value), grade: self.grade }
    }

    /// Puts two answers together; the result is as good as the worse of them.
    pub fn with<U, V>(self, other: Answer<U>, combine: impl FnOnce(T, U) -> V) -> Answer<V> {
        Answer { value: combine(self.value, other.value), grade: self.grade.and(other.grade) }
    }
}
