//! A database server of the model: a log, a process, a folder, and commits that wait for replicas.

use std::collections::VecDeque;

use standfast_failover::core::{Cover, NodeId, Position};

/// A write of a client: where in the log, and which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Write {
    pub(super) index: usize,
    pub(super) id: u32,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Server {
    /// Writes by their ids. What is here survives a kill: only processes die in this model.
    pub(super) log: Vec<u32>,
    pub(super) timeline: u32,
    pub(super) is_up: bool,
    pub(super) is_frozen: bool,
    /// Until then it recovers from its crash.
    pub(super) ready_at: u64,
    /// What its folder says.
    pub(super) is_standby: bool,
    /// Some engines come up read-only, whatever they are.
    pub(super) is_closed: bool,
    pub(super) enforced: Cover,
    pub(super) follows: Option<NodeId>,
    pub(super) is_cut: bool,
    /// As a primary: how much each replica has confirmed.
    pub(super) confirmed: Vec<usize>,
    pub(super) waiting: VecDeque<Write>,
    /// Requests that arrived while it was frozen.
    pub(super) unread: u32,
    /// Tells processes of one server apart.
    pub(super) incarnation: u32,
    /// Until then its actuator is busy with it.
    pub(super) actuator_busy_until: u64,
}

impl Server {
    pub(super) fn of(nodes: usize) -> Self {
        Self { timeline: 1, confirmed: vec![0; nodes], is_up: true, ..Self::default() }
    }

    pub(super) fn position(&self) -> Position {
        Position::Log { timeline: self.timeline, offset: self.log.len() as u64 }
    }

    pub(super) fn is_ready(&self, now: u64) -> bool {
        self.is_up && !self.is_frozen && now >= self.ready_at
    }

    /// Would a client's write be taken, now or when it thaws?
    pub(super) fn is_open(&self) -> bool {
        self.is_up && !self.is_standby && !self.is_closed
    }

    pub(super) fn holds(&self, write: Write) -> bool {
        self.log.get(write.index) == Some(&write.id)
    }

    /// Ids are unique, so that one equal entry means equal logs up to there.
    pub(super) fn extends(&self, other: &Self) -> bool {
        match other.log.len() {
            0 => true,
            length => self.log.get(length - 1) == other.log.last(),
        }
    }

    pub(super) fn kill(&mut self) {
        (self.is_up, self.is_frozen, self.unread) = (false, false, 0);
        self.waiting.clear();
        self.incarnation += 1;
    }

    pub(super) fn append(&mut self, id: u32) {
        self.waiting.push_back(Write { index: self.log.len(), id });
        self.log.push(id);
    }

    /// Commits that need not wait any more, in order.
    pub(super) fn released(&mut self) -> Vec<Write> {
        let mut released = Vec::new();
        while let Some(write) = self.waiting.front() {
            let has = |node: &NodeId| self.confirmed[node.index()] > write.index;
            let copies = self.enforced.members.iter().filter(has).count();
            if copies < usize::from(self.enforced.copies) {
                break;
            }
            released.extend(self.waiting.pop_front());
        }
        released
    }
}
