//! How patient a move is, and which of its rules a test breaks on purpose.

use std::time::Duration;

/// The bounds of a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// How long writers of the moving slots may have to wait. What takes longer is taken back.
    pub pause_max: Duration,
    /// Before a pause is begun, a mark must have come through in this time.
    pub lag_max: Duration,
    /// How often a pause is tried before the move is aborted.
    pub pauses_max: u32,
    /// Between two tries; it doubles, up to sixteen times this.
    pub backoff: Duration,
    /// How long the follower may take to come within `lag_max`, or to show the marks of an owner
    /// that is closed already.
    pub catch_up_max: Duration,
    /// Between two looks at the copy.
    pub look_every: Duration,
    /// How often in a row something may fail before the coordinator gives up.
    pub failures_max: u32,
    /// How often a move may start over because a server was replaced.
    pub restarts_max: u32,
    /// How long the old owner follows after the move, so that a rollback loses nothing. A move may
    /// ask for more.
    pub keep: Duration,
    /// Of tests: which rule is broken.
    pub sabotage: Option<Sabotage>,
}

/// A rule that is broken so that a test can see whether that is noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// The old owner is closed without a look whether the new one has everything.
    MarkNotAwaited,
    /// The map is switched while the old owner is still open.
    SwitchedBeforeClosed,
    /// The new owner is opened before the old one is closed.
    OpenedBeforeSwitched,
    /// The reverse subscription begins where its slot was made.
    ReverseNotAdvanced,
    /// The forward subscription is kept when the reverse one is made.
    ForwardKept,
    /// Rows are deleted while they are published.
    EmptiedWhilePublished,
    /// Shards take orders of coordinators that were replaced.
    FenceIgnored,
    /// A coordinator that takes a move up again begins with marks that it has written before.
    MarksRepeated,
    /// Nobody looks whether a follower was replaced by its replica.
    FailoverIgnored,
    /// Shards refuse nothing: whoever has an old map writes to the old owner.
    GuardLeftOut,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            pause_max: Duration::from_millis(200),
            lag_max: Duration::from_millis(50),
            pauses_max: 20,
            backoff: Duration::from_millis(100),
            catch_up_max: Duration::from_secs(600),
            look_every: Duration::from_millis(100),
            failures_max: 8,
            restarts_max: 8,
            keep: Duration::ZERO,
            sabotage: None,
        }
    }
}
