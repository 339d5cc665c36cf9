//! What goes wrong in an episode.

use standfast_failover::core::{Command, Input, NodeId};

use super::world::{Happening, MS, World};

#[derive(Clone, Copy, Debug)]
pub(super) enum Fault {
    Kill(NodeId),
    Freeze(NodeId),
    Thaw(NodeId),
    CutLink(NodeId),
    /// Somebody starts what was dead.
    HandStart(NodeId),
    RouterDies,
    WatchdogDies,
    /// Dies right after asking for so many more things.
    WatchdogDiesAfter(u32),
    WatchdogFreezes(u64),
    /// Whatever is asked for fails with this chance.
    Unreliable(u64),
    Switchover(NodeId),
}

/// When all faults are over.
const FAULTS_END: u64 = 1500 * MS;

impl World {
    /// Schedules the faults of this episode.
    pub(super) fn plan(&mut self) {
        let count = self.dice.between(1, 4);
        let mut at = self.dice.between(10 * MS, 400 * MS);
        for _ in 0..count {
            let fault = self.draw_fault();
            self.schedule(at, Happening::Fault(fault));
            if let Fault::Freeze(node) = fault {
                let thaw = at + self.dice.between(MS, FAULTS_END);
                self.schedule(thaw, Happening::Fault(Fault::Thaw(node)));
            }
            // Faults come in bursts, or long enough apart that the first is half repaired.
            at += if self.dice.percent(50) {
                self.dice.between(0, 30 * MS)
            } else {
                self.dice.between(0, 600 * MS)
            };
        }
        self.schedule(at.max(FAULTS_END), Happening::Heal);
    }

    fn draw_fault(&mut self) -> Fault {
        let node = NodeId::new(self.dice.index(self.servers.len()));
        let primary = self.disk.primary;
        match self.dice.between(1, 100) {
            1..=18 => Fault::Kill(primary),
            19..=28 => Fault::Kill(node),
            29..=38 => Fault::Freeze(primary),
            39..=46 => Fault::Freeze(node),
            47..=53 => Fault::CutLink(node),
            54..=60 => Fault::HandStart(node),
            61..=65 => Fault::RouterDies,
            66..=72 => Fault::WatchdogDies,
            73..=82 => Fault::WatchdogDiesAfter(self.dice.between(1, 14) as u32),
            83..=86 => Fault::WatchdogFreezes(self.dice.between(50 * MS, 1400 * MS)),
            87..=92 => Fault::Unreliable(self.dice.between(5, 60)),
            _ => Fault::Switchover(node),
        }
    }

    pub(super) fn strike(&mut self, fault: Fault) {
        self.note(|| format!("FAULT {fault:?}"));
        match fault {
            Fault::Kill(node) => {
                self.servers[node.index()].kill();
                if self.core.is_some() && self.dice.percent(90) {
                    let input = Box::new(Input::Lost { node });
                    let watchdog = self.watchdog;
                    self.schedule_between(0, 40 * MS, Happening::Tell { input, watchdog });
                }
            }
            Fault::Freeze(node) => {
                let server = &mut self.servers[node.index()];
                server.is_frozen = server.is_up;
            }
            Fault::Thaw(node) => self.thaw(node),
            Fault::CutLink(node) => self.servers[node.index()].is_cut = true,
            Fault::HandStart(node) => self.start(node),
            Fault::RouterDies => {
                self.is_router_up = false;
                let watchdog = self.watchdog;
                let input = Box::new(Input::RouterSeen(Default::default()));
                self.schedule_between(MS, 60 * MS, Happening::Tell { input, watchdog });
            }
            Fault::WatchdogDies => self.stop_watchdog(),
            Fault::WatchdogDiesAfter(count) => self.actions_left = Some(count),
            Fault::WatchdogFreezes(time) => self.watchdog_frozen_until = self.now + time,
            Fault::Unreliable(chance) => self.failure_chance = chance,
            Fault::Switchover(to) => self.tell(Input::Command(Command::Switchover { to })),
        }
    }

    fn thaw(&mut self, node: NodeId) {
        let server = &mut self.servers[node.index()];
        if !std::mem::take(&mut server.is_frozen) {
            return;
        }
        // What clients had sent to a primary that was frozen, it now takes.
        for _ in 0..std::mem::take(&mut self.servers[node.index()].unread) {
            self.write_to(node);
        }
        self.schedule(0, Happening::Pump);
    }

    /// From now on nothing goes wrong any more. What is dead is left to the watchdog.
    pub(super) fn heal(&mut self) {
        self.note(|| "HEAL".to_owned());
        for index in 0..self.servers.len() {
            self.thaw(NodeId::new(index));
            self.servers[index].is_cut = false;
        }
        (self.failure_chance, self.actions_left) = (0, None);
        if !self.is_router_up {
            self.restart_router();
        }
    }
}
