//! What may differ from cluster to cluster, with defaults for databases on this machine.

use std::time::Duration;

use super::cover::Copies;

/// Limits and choices of a core.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many nodes there are.
    pub nodes: usize,
    pub copies: Copies,
    pub reintegration: Reintegration,
    /// Probes in a row without an answer after which a server counts as hung.
    pub misses_max: u32,
    /// The same while a connection that is held can still write: logins hang, clients do not. More
    /// patient, because an overloaded server looks the same.
    pub misses_max_while_writing: u32,
    /// Tiny writes in a row that failed, after which the server counts as unable to write.
    pub write_misses_max: u32,
    /// A replica that is missing this long no longer holds commits up.
    pub shrink_after: Duration,
    /// A replica that is behind and has not moved this long counts as missing.
    pub stall_max: Duration,
    /// A replica that follows this long, and is near, is made synchronous.
    pub grow_after: Duration,
    /// How near: bytes of log, or transactions. Commits wait while it comes the rest of the way.
    pub near_max: u64,
    /// A replica that follows this long and did not get near is made synchronous all the same,
    pub grow_late: Duration,
    /// when it is as near as this.
    pub near_max_late: u64,
    /// The primary is dead and too few replicas have answered the last look: how long until the
    /// primary is started again. A watchdog that has just come has not looked at anybody yet.
    pub answer_wait: Duration,
    /// The primary is dead and its successor not heard: how long until the primary is tried again.
    pub candidate_wait: Duration,
    /// After that, for how long no failover is tried.
    pub hold_after_rollback: Duration,
    /// How long a server that was just started may take to answer.
    pub start_grace: Duration,
    /// How long a switchover waits for running transactions.
    pub drain_max: Duration,
    /// Before it believes that idle sessions are idle: one that logs in is not seen yet.
    pub drain_rest: Duration,
    /// A switchover that is not past its point of no return by then is given up.
    pub switchover_max: Duration,
    /// More automatic failovers than this within the window, and the primary is restarted instead.
    pub failovers_max: usize,
    pub failover_window: Duration,
    /// Between tries of the same thing; doubles up to `retry_last`.
    pub retry_first: Duration,
    pub retry_last: Duration,
    /// A replica that runs and follows nobody is told to follow after this,
    pub stray_after: Duration,
    /// and set up anew after this.
    pub rebuild_after: Duration,
    /// A fenced node that runs as a replica may be on its way back: it is left alone for this long.
    pub return_grace: Duration,
    /// A watchdog that was not running for this long judges nobody by what it missed.
    pub own_stall_max: Duration,
    /// What to leave out on purpose, to show what it is good for: the simulation, and control arms.
    #[doc(hidden)]
    pub sabotage: Vec<Sabotage>,
}

/// Who decides that an old primary comes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reintegration {
    #[default]
    Automatic,
    /// It waits for a command.
    Manual,
}

/// Each breaks one rule. The simulation has to notice.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// Takes a fence for proved without asking for it, and fences nobody later.
    FenceSkipped,
    /// Takes a failed fence for a proof.
    FenceUnproved,
    /// Claims a replica as soon as it is enforced.
    CatchUpSkipped,
    /// Claims a replica before it is enforced.
    ClaimedBeforeEnforced,
    /// Loosens the rule before the claim.
    LoosenedBeforeJournaled,
    /// Promotes a replica that is not in the claim.
    PromotedFromOutside,
    /// Promotes the first that is heard of several.
    PromotedFirstHeard,
    /// Acts on what is not on disk yet.
    JournalNotAwaited,
    /// Lets clients write to a candidate that is not journaled as primary.
    RoutedBeforeJournaled,
    /// Claims whoever follows, and has no commit wait for it: asynchronous replication.
    CommitsDoNotWait,
}

impl Options {
    /// The defaults for a cluster of `nodes`.
    pub fn of(nodes: usize) -> Self {
        let ms = Duration::from_millis;
        Self {
            nodes,
            copies: Copies::All,
            reintegration: Reintegration::Automatic,
            misses_max: 3,
            misses_max_while_writing: 12,
            write_misses_max: 3,
            shrink_after: ms(100),
            stall_max: ms(1000),
            grow_after: ms(300),
            near_max: 1 << 20,
            grow_late: ms(4000),
            near_max_late: 16 << 20,
            answer_wait: ms(500),
            candidate_wait: ms(2000),
            hold_after_rollback: ms(10_000),
            start_grace: ms(60_000),
            drain_max: ms(500),
            drain_rest: ms(200),
            switchover_max: ms(2000),
            failovers_max: 3,
            failover_window: ms(600_000),
            retry_first: ms(200),
            retry_last: ms(5000),
            stray_after: ms(1000),
            rebuild_after: ms(30_000),
            return_grace: ms(3000),
            own_stall_max: ms(1000),
            sabotage: Vec::new(),
        }
    }

    pub(super) fn is_sabotaged(&self, by: Sabotage) -> bool {
        self.sabotage.contains(&by)
    }
}
