//! Whose requests are refused first.

/// How much a request matters, the most important first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Refused last: payments.
    Critical,
    /// What a user has decided to do: reservations.
    High,
    /// What a user waits for: reading what is theirs.
    Normal,
    /// What can be repeated, or done without: searches, reports.
    Low,
}

/// How many classes there are.
pub(super) const CLASSES: usize = 4;

impl Priority {
    /// All of them, the most important first.
    pub const ALL: [Self; CLASSES] = [Self::Critical, Self::High, Self::Normal, Self::Low];

    pub(super) fn index(self) -> usize {
        match self {
            Self::Critical => 0,
            Self::High => 1,
            Self::Normal => 2,
            Self::Low => 3,
        }
    }

    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::High => "high",
            Self::Normal => "normal",
            Self::Low => "low",
        }
    }

    /// Whether it is held back while what is usual is looked up.
    pub(super) fn is_held_back_by_drain(self) -> bool {
        matches!(self, Self::Normal | Self::Low)
    }
}
