//! What must hold at every step of an episode, whatever the watchdog believes.

use super::server::Write;
use super::world::World;
use standfast_failover::core::{NodeId, Phase};

impl World {
    fn copies_of(&self, write: Write) -> usize {
        let members = self.disk.safe.members.iter();
        members.filter(|node| self.servers[node.index()].holds(write)).count()
    }

    /// What was just acknowledged is where the journal claims that it is.
    pub(super) fn judge_ack(&mut self, write: Write) {
        let copies = self.copies_of(write);
        if copies < usize::from(self.disk.safe.copies) {
            let safe = self.disk.safe;
            self.breach(|| format!("{write:?} is acknowledged with {copies} copies, not {safe:?}"));
        }
    }

    /// All that was acknowledged is where the journal claims that it is.
    pub(super) fn judge_copies(&mut self, when: &str) {
        let least = usize::from(self.disk.safe.copies);
        let missing = self.acked.iter().find(|write| self.copies_of(**write) < least).copied();
        if let Some(write) = missing {
            let safe = self.disk.safe;
            self.breach(|| format!("{when}: {write:?} is not on {safe:?}"));
        }
    }

    /// The journal has changed: its claim holds, and its primary has everything.
    pub(super) fn judge_disk(&mut self) {
        let disk = self.disk.clone();
        self.note(|| format!("   on disk: {disk:?}"));
        self.judge_copies("journaled");
        if disk.phase == Phase::Serving {
            self.judge_primary();
        }
    }

    /// The journaled primary holds everything that was ever acknowledged.
    pub(super) fn judge_primary(&mut self) {
        let primary = self.disk.primary;
        let server = &self.servers[primary.index()];
        let lost = self.acked.iter().filter(|write| !server.holds(**write)).count();
        if lost > 0 {
            let all = self.acked.len();
            self.breach(|| format!("{lost} of {all} acknowledged writes are not on {primary:?}"));
        }
    }

    /// At most one process, running or frozen, would take a client's write.
    pub(super) fn judge_writers(&mut self) {
        let open: Vec<usize> =
            (0..self.servers.len()).filter(|index| self.servers[*index].is_open()).collect();
        if open.len() > 1 {
            self.breach(|| format!("nodes {open:?} all take writes"));
        }
    }

    /// A client's write was taken: by the primary of the journal.
    pub(super) fn judge_write(&mut self, node: NodeId) {
        if self.disk.primary != node {
            let primary = self.disk.primary;
            self.breach(|| format!("{node:?} took a write, and the primary is {primary:?}"));
        }
    }
}
