//! The participant's side: what a call means by what is on record for its step.
//!
//! The record is one row for each step of each saga, changed in the *same transaction* as the
//! effect, and locked by whichever call comes first. Then a repetition has no second effect, and a
//! compensation that overtakes its action (or whose action never comes) leaves a row that keeps the
//! action out for good.
//!
//! ```text
//!            action            compensation
//! no row     apply  → Applied  nothing → Barred
//! Applied    repeat            undo    → Undone
//! Refused    repeat            nothing → Barred
//! Undone     bar               repeat
//! Barred     bar               repeat
//! ```

use super::entry::Direction;

/// What has become of a step at its participant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Its action has had its effect.
    Applied,
    /// Its action was declined, and had none. It is kept, or a repetition that was under way might
    /// be accepted after the saga has gone back, where nobody undoes it.
    Refused,
    /// Its effect is taken back.
    Undone,
    /// Its compensation came before any effect.
    Barred,
}

/// What the participant has of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record<A> {
    /// What has become of it.
    pub mark: Mark,
    /// The highest epoch that called.
    pub epoch: u64,
    /// A hash of what the action said; 0 when only a compensation has come.
    pub fingerprint: u64,
    /// What was answered to the action, if it came.
    pub answer: Option<A>,
}

/// A call, as it arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The action or its compensation.
    pub direction: Direction,
    /// That of the driver: see [`super::Ownership`].
    pub epoch: u64,
    /// A hash of what the *action* says, be it the action or its compensation that arrives.
    pub fingerprint: u64,
}

/// What to do with a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict<A> {
    /// Have the effect; store [`Mark::Applied`], or [`Mark::Refused`] if it cannot be had.
    Apply,
    /// Take the effect back; store [`Mark::Undone`].
    Undo,
    /// There is nothing to take back; store [`Mark::Barred`] and answer success.
    Bar,
    /// It was handled: give the same answer, and change nothing.
    Repeat(Option<A>),
    /// It was taken back before it came: decline, and change nothing.
    Barred,
    /// A later driver has taken over: decline, and change nothing.
    Fenced,
    /// The step's key was used for something else: decline, and change nothing.
    Conflict,
}

/// Judges a call by what is on record.
///
/// ```
/// use standfast_tactics::saga::{Arrival, Direction, Mark, Record, Verdict, judge};
///
/// // The call to take 5 was lost on its way, or so it seems: the saga has gone back.
/// let undo = Arrival { direction: Direction::Back, epoch: 1, fingerprint: 5 };
/// assert_eq!(judge::<()>(None, undo), Verdict::Bar);
/// let record = Record::<()> { mark: Mark::Barred, epoch: 1, fingerprint: 0, answer: None };
/// // Now it arrives.
/// let late = Arrival { direction: Direction::Forth, ..undo };
/// assert_eq!(judge(Some(record), late), Verdict::Barred);
/// ```
pub fn judge<A>(record: Option<Record<A>>, arrival: Arrival) -> Verdict<A> {
    let Some(record) = record else {
        return match arrival.direction {
            Direction::Forth => Verdict::Apply,
            Direction::Back => Verdict::Bar,
        };
    };
    if arrival.epoch < record.epoch {
        return Verdict::Fenced;
    }
    if record.fingerprint != 0 && record.fingerprint != arrival.fingerprint {
        return Verdict::Conflict;
    }
    match (arrival.direction, record.mark) {
        (Direction::Forth, Mark::Applied | Mark::Refused) => Verdict::Repeat(record.answer),
        (Direction::Forth, Mark::Undone | Mark::Barred) => Verdict::Barred,
        (Direction::Back, Mark::Applied) => Verdict::Undo,
        (Direction::Back, Mark::Refused) => Verdict::Bar,
        (Direction::Back, Mark::Undone | Mark::Barred) => Verdict::Repeat(None),
    }
}
