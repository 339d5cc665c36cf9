//! Why a watchdog does not do what one might expect: a kind for programs, a text for people.
//!
//! Whoever helps a person on goes by the kind: a text may be worded anew at any time.

use serde::{Deserialize, Serialize};

/// What is refused, and what was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    pub kind: RefusalKind,
    pub text: String,
}

/// What is refused, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefusalKind {
    /// No failover: the primary failed while nobody was in sync.
    NobodySafe,
    /// No failover: of those in sync too few are there.
    TooFewAnswer,
    /// A failover was taken back: those in sync did not tell what they hold.
    TooFewHeard,
    /// No failover for a while after one that was taken back.
    NobodyFound,
    /// No failover: there were too many.
    TooManyFailovers,
    /// No promotion: the old primary may be alive.
    FenceUnproved,
    /// Each replica has what another lacks.
    ReplicasDiverged,
    /// The servers know of a later epoch than the journal.
    JournalOutdated,
    /// There is no journal, and the servers know of a watchdog.
    JournalMissing,
    /// There is no journal, and not the first server is the one that takes writes.
    OtherPrimary,
    JournalUnwritable,
    /// An old primary could not be brought back. It is tried again.
    RejoinFailed,
    /// A switchover was asked for to a replica that may lack something.
    SwitchoverUnsafe,
    /// A switchover was asked for, and it came to a failover.
    SwitchoverPrimaryIll,
    /// A switchover was given up: its watchdog was started again.
    SwitchoverInterrupted,
    /// A switchover was given up: it took too long.
    SwitchoverTooSlow,
}

impl RefusalKind {
    /// The refusal; what was seen is added, if that tells more.
    pub fn because(self, seen: &str) -> Refusal {
        let mut text = self.text().to_owned();
        if !seen.is_empty() {
            text = format!("{text}: {seen}");
        }
        Refusal { kind: self, text }
    }

    /// Is it an answer to the wish for a switchover?
    pub fn is_of_switchover(self) -> bool {
        match self {
            Self::SwitchoverUnsafe
            | Self::SwitchoverPrimaryIll
            | Self::SwitchoverInterrupted
            | Self::SwitchoverTooSlow => true,
            Self::NobodySafe
            | Self::TooFewAnswer
            | Self::TooFewHeard
            | Self::NobodyFound
            | Self::TooManyFailovers
            | Self::FenceUnproved
            | Self::ReplicasDiverged
            | Self::JournalOutdated
            | Self::JournalMissing
            | Self::OtherPrimary
            | Self::JournalUnwritable
            | Self::RejoinFailed => false,
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::NobodySafe => "no failover: no replica is sure to hold every acknowledged write",
            Self::TooFewAnswer => {
                "no failover: too few of the replicas that hold every acknowledged write answer"
            }
            Self::TooFewHeard => {
                "no failover: too few of the replicas that hold everything could be heard"
            }
            Self::NobodyFound => "no failover: the last try found nobody to promote",
            Self::TooManyFailovers => {
                "no failover: too many failovers in a short time; ask for a switchover to go on"
            }
            Self::FenceUnproved => "the fence is not proved",
            Self::ReplicasDiverged => "of the replicas each has what another lacks",
            Self::JournalOutdated => {
                "the servers have seen a later epoch than the journal: it was restored from a \
                 copy, or a second watchdog is at work"
            }
            Self::JournalMissing => {
                "there is no journal, but the servers have seen a watchdog before"
            }
            Self::OtherPrimary => {
                "there is no journal, and another node than the first takes writes"
            }
            Self::JournalUnwritable => "the journal cannot be written",
            Self::RejoinFailed => "could not rejoin",
            Self::SwitchoverUnsafe => {
                "switchover refused: that replica is not known to hold everything"
            }
            Self::SwitchoverPrimaryIll => "switchover refused: the primary is ill",
            Self::SwitchoverInterrupted => {
                "switchover given up: the watchdog was restarted in the middle"
            }
            Self::SwitchoverTooSlow => {
                "switchover given up: the replica did not receive the rest in time"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_has_a_name_for_programs_and_a_text_for_people() {
        let refusal = RefusalKind::FenceUnproved.because("pid 7 lives");
        assert_eq!(refusal.text, "the fence is not proved: pid 7 lives");
        let line = serde_json::to_string(&RefusalKind::NobodySafe.because("")).unwrap();
        assert!(line.starts_with(r#"{"kind":"nobody-safe","text":"no failover: "#), "{line}");
    }
}
