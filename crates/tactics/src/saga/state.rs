//! One saga as plain data: journal entries come in, calls go out, answers come back.

use std::sync::Arc;

use tokio::time::Instant;

use super::definition::Definition;
use super::entry::{Cause, Direction, Entry, OutOfOrder};

/// A call that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// Its step's place in the definition.
    pub step: usize,
    /// Its action or its compensation.
    pub direction: Direction,
    /// 1 for the first since this process drives the saga.
    pub tries: u32,
}

/// What a participant made of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer<A> {
    /// It is done, now or earlier under the same key.
    Done(A),
    /// It is not done, and never will be under this key.
    Refused {
        /// Why, in the participant's words.
        reason: String,
    },
    /// Nobody knows: no answer, a broken connection, a participant that is away.
    Unknown,
}

/// How a saga ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Every step is done.
    Completed,
    /// Nothing is left of it.
    Compensated,
}

/// Where a saga is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Towards its end.
    Forth,
    /// Back to where it began.
    Back,
    /// At its end.
    Ended(Outcome),
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next<A> {
    /// Make these entries durable, all or none, then [`Saga::apply`] each. When that fails, it is
    /// not known whether they are in the journal: read it again, or stop.
    Journal(Vec<Entry<A>>),
    /// Make this call, and bring its answer to [`Saga::answered`].
    Call(Call),
    /// Ask again at this time, or after [`Saga::resume`].
    Wait(Instant),
    /// A call is out.
    Answer,
    /// Nothing: it has ended.
    End(Outcome),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Mark<A> {
    Untouched,
    /// It may be done.
    Intended,
    Done(A),
    Refused,
    Undone,
}

/// One saga. What is durable of it comes from [`Saga::apply`] alone, so that a process that reads
/// the journal after a crash is where the one that wrote it was.
#[derive(Clone, Debug)]
pub struct Saga<A> {
    definition: Arc<Definition>,
    marks: Vec<Mark<A>>,
    turned_back: Option<(usize, Cause)>,
    is_parked: bool,
    /// Decided, and not durable yet.
    staged: Vec<Entry<A>>,
    tries: u32,
    is_out: bool,
    waits_until: Option<Instant>,
}

impl<A: Clone> Saga<A> {
    /// A saga with an empty journal. One that is taken up after a crash begins so, too: then
    /// [`Saga::apply`] gets all of its entries, before anything else is asked.
    pub fn new(definition: Arc<Definition>) -> Self {
        let marks = vec![Mark::Untouched; definition.steps().len()];
        Self {
            definition,
            marks,
            turned_back: None,
            is_parked: false,
            staged: Vec::new(),
            tries: 0,
            is_out: false,
            waits_until: None,
        }
    }

    /// Takes an entry that is durable.
    ///
    /// # Errors
    /// When it cannot follow those before it. Then it changed nothing.
    pub fn apply(&mut self, entry: &Entry<A>) -> Result<(), OutOfOrder> {
        if !self.may_follow(entry) {
            return Err(entry.out_of_order());
        }
        if !self.staged.is_empty() {
            self.staged.remove(0);
        }
        if !matches!(entry, Entry::Parked { .. }) {
            self.tries = 0;
        }
        match entry {
            Entry::Intended { step } => self.marks[*step] = Mark::Intended,
            Entry::Done { step, answer } => {
                (self.marks[*step], self.is_parked) = (Mark::Done(answer.clone()), false);
            }
            Entry::TurnedBack { step, cause } => {
                if matches!(cause, Cause::Refused { .. }) {
                    self.marks[*step] = Mark::Refused;
                }
                (self.turned_back, self.is_parked) = (Some((*step, cause.clone())), false);
            }
            Entry::Undone { step } => {
                (self.marks[*step], self.is_parked) = (Mark::Undone, false);
            }
            Entry::Parked { .. } => self.is_parked = true,
            Entry::Resumed => self.is_parked = false,
        }
        Ok(())
    }

    /// What to do at `now`.
    pub fn next(&mut self, now: Instant) -> Next<A> {
        if self.is_out {
            return Next::Answer;
        }
        if self.staged.is_empty() {
            self.intend();
        }
        if !self.staged.is_empty() {
            return Next::Journal(self.staged.clone());
        }
        let Some((step, direction)) = self.due() else {
            return match self.standing() {
                Standing::Ended(outcome) => Next::End(outcome),
                Standing::Forth | Standing::Back => unreachable!("what goes on has a due call"),
            };
        };
        if let Some(until) = self.waits_until.filter(|until| now < *until) {
            return Next::Wait(until);
        }
        (self.waits_until, self.is_out) = (None, true);
        Next::Call(Call { step, direction, tries: self.tries + 1 })
    }

    /// Takes the answer to the call that is out. `draw` is a random number from 0 to 1 for the wait
    /// after a failure.
    pub fn answered(&mut self, answer: Answer<A>, now: Instant, draw: f64) {
        let Some((step, direction)) = self.due().filter(|_| self.is_out) else { return };
        self.is_out = false;
        match (direction, answer) {
            (Direction::Forth, Answer::Done(answer)) => {
                self.staged.push(Entry::Done { step, answer });
                if step + 1 < self.marks.len() {
                    // One write for both: the next call follows from this answer.
                    self.staged.push(Entry::Intended { step: step + 1 });
                }
            }
            (Direction::Back, Answer::Done(_)) => self.staged.push(Entry::Undone { step }),
            (Direction::Forth, Answer::Refused { reason }) if self.definition.can_refuse(step) => {
                let cause = Cause::Refused { reason };
                self.staged.push(Entry::TurnedBack { step, cause });
            }
            (_, Answer::Refused { .. } | Answer::Unknown) => {
                self.failed(step, direction, now, draw);
            }
        }
    }

    /// Tries a parked saga at once, and notes that somebody has asked for it. False when there is
    /// nothing to resume.
    pub fn resume(&mut self) -> bool {
        let can_resume = self.is_parked && self.staged.is_empty() && !self.is_out;
        if can_resume {
            self.staged.push(Entry::Resumed);
            self.waits_until = None;
        }
        can_resume
    }

    /// Where it is, as far as that is durable.
    pub fn standing(&self) -> Standing {
        if self.turned_back.is_none() {
            let is_completed = self.marks.iter().all(|mark| matches!(mark, Mark::Done(_)));
            return if is_completed {
                Standing::Ended(Outcome::Completed)
            } else {
                Standing::Forth
            };
        }
        match self.due() {
            Some(_) => Standing::Back,
            None => Standing::Ended(Outcome::Compensated),
        }
    }

    /// Whether somebody should look at it.
    pub fn is_parked(&self) -> bool {
        self.is_parked
    }

    /// The step that did not come about, and why.
    pub fn turned_back(&self) -> Option<(usize, &Cause)> {
        self.turned_back.as_ref().map(|(step, cause)| (*step, cause))
    }

    /// What the participant answered to the action of `step`, unless that was undone.
    pub fn answer(&self, step: usize) -> Option<&A> {
        match self.marks.get(step)? {
            Mark::Done(answer) => Some(answer),
            Mark::Untouched | Mark::Intended | Mark::Refused | Mark::Undone => None,
        }
    }

    /// The step and direction that the saga is at.
    pub fn due(&self) -> Option<(usize, Direction)> {
        if self.turned_back.is_some() {
            let to_undo = |mark: &Mark<A>| matches!(mark, Mark::Intended | Mark::Done(_));
            return self.marks.iter().rposition(to_undo).map(|step| (step, Direction::Back));
        }
        let to_do = |mark: &Mark<A>| !matches!(mark, Mark::Done(_));
        self.marks.iter().position(to_do).map(|step| (step, Direction::Forth))
    }

    /// No action is called that the journal does not know of.
    fn intend(&mut self) {
        if let Some((step, Direction::Forth)) = self.due()
            && matches!(self.marks[step], Mark::Untouched)
        {
            self.staged.push(Entry::Intended { step });
        }
    }

    fn failed(&mut self, step: usize, direction: Direction, now: Instant, draw: f64) {
        self.tries = self.tries.saturating_add(1);
        let retry = &self.definition.steps()[step].retry;
        self.waits_until = Some(now + retry.wait(self.tries, draw));
        if self.tries < retry.tries_max.max(1) {
            return;
        }
        if direction == Direction::Forth && self.definition.can_give_up(step) {
            let cause = Cause::GaveUp { tries: self.tries };
            self.staged.push(Entry::TurnedBack { step, cause });
            self.waits_until = None;
        } else if !self.is_parked {
            self.staged.push(Entry::Parked { step });
        }
    }

    fn may_follow(&self, entry: &Entry<A>) -> bool {
        let due = self.due();
        let is_due = |step: &usize, direction| due == Some((*step, direction));
        let is_marked =
            |step: &usize, mark: fn(&Mark<A>) -> bool| self.marks.get(*step).is_some_and(mark);
        match entry {
            Entry::Intended { step } => {
                is_due(step, Direction::Forth)
                    && is_marked(step, |mark| matches!(mark, Mark::Untouched))
            }
            Entry::Done { step, .. } | Entry::TurnedBack { step, .. } => {
                is_due(step, Direction::Forth)
                    && is_marked(step, |mark| matches!(mark, Mark::Intended))
            }
            Entry::Undone { step } => is_due(step, Direction::Back),
            Entry::Parked { step } => due.is_some_and(|(due, _)| due == *step),
            Entry::Resumed => due.is_some(),
        }
    }
}
