//! The consumer's side: what a message that may be a repetition means.
//!
//! The record of a message is written in the *same transaction* as its effect. Then either both are
//! there or neither is, and a repetition finds the record: the effect happens once, though the
//! message comes at least once. Records must outlive the longest retry and the longest replay; with
//! a position per key there is nothing to outlive.

/// What the inbox has of a message: the row that `INSERT … ON CONFLICT DO NOTHING` ran into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored<A> {
    /// A hash of what the message said.
    pub fingerprint: u64,
    /// What was answered.
    pub answer: A,
}

/// What to do with a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement<A> {
    /// It is new: apply it, and store the answer with the effect.
    Apply,
    /// It was applied: give the same answer, and do nothing.
    Repeat(A),
    /// Another message has used its id: refuse it (422 over HTTP), or park it.
    Conflict,
}

/// Judges a message by its record.
///
/// ```
/// use standfast_tactics::outbox::{Judgement, Stored, judge};
///
/// assert_eq!(judge::<&str>(None, 7), Judgement::Apply);
/// let stored = Stored { fingerprint: 7, answer: "201 Created" };
/// assert_eq!(judge(Some(stored.clone()), 7), Judgement::Repeat("201 Created"));
/// assert_eq!(judge(Some(stored), 8), Judgement::Conflict);
/// ```
pub fn judge<A>(stored: Option<Stored<A>>, fingerprint: u64) -> Judgement<A> {
    match stored {
        None => Judgement::Apply,
        Some(stored) if stored.fingerprint == fingerprint => Judgement::Repeat(stored.answer),
        Some(_) => Judgement::Conflict,
    }
}

/// Whether numbers may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbering {
    /// None: a counter of the key, such as the version of an order. Starts at 1.
    Dense,
    /// Some, as in the offsets of a log, or the ids of a sequence.
    Sparse,
}

/// What a numbered message is to a consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// The next one: apply it, and store its number with the effect.
    Next,
    /// It was applied before.
    Repeated,
    /// Others are missing before it: ask for them, or for a snapshot, and apply nothing.
    Gap {
        /// The first that is missing.
        expected: u64,
    },
}

/// Judges a numbered message by the last number that was applied, of its key or partition.
pub fn arrive(applied: Option<u64>, number: u64, numbering: Numbering) -> Arrival {
    let expected = applied.map_or(1, |applied| applied.saturating_add(1));
    match numbering {
        _ if applied.is_some_and(|applied| number <= applied) => Arrival::Repeated,
        Numbering::Dense if number > expected => Arrival::Gap { expected },
        Numbering::Dense | Numbering::Sparse => Arrival::Next,
    }
}
