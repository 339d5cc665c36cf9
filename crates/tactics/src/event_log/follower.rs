//! The consumer's side: what a page means to one that has applied the log up to some number.

/// Rows as they came, each with its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<R> {
    /// The number that was asked from.
    pub since: u64,
    /// The number up to which the log was settled; with no row after the last one here, it is
    /// where the next question starts from.
    pub settled: u64,
    /// By ascending number. Numbers may be missing: a transaction that took one was rolled back.
    pub rows: Vec<(u64, R)>,
}

/// What a page cannot be, if the log is right. Nothing of it is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// It answers another question: rows before it would be missing.
    #[error("the page is of what came since {since}, and {applied} is applied")]
    OtherQuestion {
        /// What it starts from.
        since: u64,
        /// What is applied.
        applied: u64,
    },
    /// Its numbers do not ascend.
    #[error("row {number} of the page is not above {before}")]
    Unordered {
        /// The row.
        number: u64,
        /// The one before it.
        before: u64,
    },
    /// It holds a row above what it calls settled: one below may be missing.
    #[error("row {number} of the page is above {settled}, which is settled")]
    Unsettled {
        /// The row.
        number: u64,
        /// What is settled.
        settled: u64,
    },
    /// A snapshot of earlier than what is applied would undo it.
    #[error("the snapshot is of {at}, and {applied} is applied")]
    OldSnapshot {
        /// What it is of.
        at: u64,
        /// What is applied.
        applied: u64,
    },
}

/// What to do with a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step<R> {
    /// Apply these, and store `cursor` in the same transaction; then [`Follower::applied`].
    Apply {
        /// What was not applied before.
        rows: Vec<(u64, R)>,
        /// The number up to which the log is applied then.
        cursor: u64,
    },
    /// There is nothing new.
    Nothing,
    /// Apply nothing, and ask again.
    Refuse(Broken),
}

/// A consumer that has applied the log up to some number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Follower {
    applied: u64,
    seen_settled: u64,
}

impl Follower {
    /// One that has stored `cursor`; 0 if none.
    pub fn at(cursor: u64) -> Self {
        Self { applied: cursor, seen_settled: cursor }
    }

    /// The number to ask from.
    pub fn since(&self) -> u64 {
        self.applied
    }

    /// How far behind it was, in numbers, when it last saw a page.
    pub fn behind(&self) -> u64 {
        self.seen_settled.saturating_sub(self.applied)
    }

    /// Judges a page.
    ///
    /// The cursor goes to the last row and not to what is settled, for a page may have been cut at
    /// its limit; only an empty page moves it over numbers that will never be.
    pub fn judge<R>(&mut self, page: Page<R>) -> Step<R> {
        if let Err(broken) = self.check(&page) {
            return Step::Refuse(broken);
        }
        self.seen_settled = self.seen_settled.max(page.settled);
        let applied = self.applied;
        let is_empty = page.rows.is_empty();
        let rows: Vec<_> = page.rows.into_iter().filter(|(number, _)| *number > applied).collect();
        let cursor = match rows.last() {
            Some((number, _)) => *number,
            None if is_empty => page.settled.max(applied),
            None => applied,
        };
        if cursor == applied { Step::Nothing } else { Step::Apply { rows, cursor } }
    }

    fn check<R>(&self, page: &Page<R>) -> Result<(), Broken> {
        // From before is fine: the rows in between are repeated, and filtered out.
        if page.since > self.applied {
            return Err(Broken::OtherQuestion { since: page.since, applied: self.applied });
        }
        let mut before = page.since;
        for (number, _) in &page.rows {
            if *number <= before {
                return Err(Broken::Unordered { number: *number, before });
            }
            if *number > page.settled {
                return Err(Broken::Unsettled { number: *number, settled: page.settled });
            }
            before = *number;
        }
        Ok(())
    }

    /// The effect of a step is committed, and `cursor` with it.
    pub fn applied(&mut self, cursor: u64) {
        self.applied = self.applied.max(cursor);
    }

    /// Whether a snapshot of `at` may take the place of what is applied.
    ///
    /// # Errors
    /// When it is older than that.
    pub fn accept_snapshot(&self, at: u64) -> Result<(), Broken> {
        if at < self.applied {
            return Err(Broken::OldSnapshot { at, applied: self.applied });
        }
        Ok(())
    }
}
