//! Patroni with etcd and HAProxy, from this machine's packages, over the same PostgreSQL.

mod bring;
mod ports;
mod settings;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use standfast_engines::process::{Child, ProcessId, Signal, Spawner};
use standfast_engines::wait_until;
use standfast_lab::instance::Clock;
use tokio::time::timeout;

use self::ports::NodePorts;
use super::{Dealt, Rest, Stand, processes};
use crate::client::Link;
use crate::record::Blow;
use crate::target::Target;

pub(crate) use self::bring::Programs;
pub(crate) use self::settings::Variant;

/// Its slowest way back takes two rounds of 30 s, and sometimes there is none.
const REST_WITHIN: Duration = Duration::from_secs(120);
const SWITCHED_WITHIN: Duration = Duration::from_secs(120);
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// Followers that have everything, or get it.
const FOLLOWERS: &str = "SELECT count(*), count(*) FILTER (WHERE sync_state = 'sync') \
                         FROM pg_stat_replication WHERE state = 'streaming' \
                         AND application_name IN ('a', 'b')";

/// A cluster.
pub(crate) struct Patroni {
    target: Target,
    variant: Variant,
    clock: Clock,
    spawner: Spawner,
    programs: Programs,
    folder: PathBuf,
    ports: [NodePorts; 2],
    /// Where an agent is started again.
    agents: [std::sync::Mutex<Option<Child>>; 2],
    others: Vec<Child>,
}

/// What is to be undone once another one is primary.
#[derive(Debug)]
pub(crate) enum Held {
    /// These are frozen.
    Frozen(Vec<ProcessId>),
    /// The agent of this node is gone: whoever runs the machine starts it again.
    Gone(usize),
}

impl Patroni {
    fn postmaster(&self, node: usize) -> Option<u32> {
        let path = self.folder.join(&self.target.nodes[node].name).join("data/postmaster.pid");
        std::fs::read_to_string(path).ok()?.lines().next()?.trim().parse().ok()
    }

    fn agent(&self, node: usize) -> Option<u32> {
        let agent = self.agents[node].lock().expect("nobody panics with it in hand");
        agent.as_ref().filter(|child| child.is_running()).map(Child::pid)
    }

    /// All processes of a node, the agent first: it starts no server again then.
    fn node(&self, node: usize) -> Vec<ProcessId> {
        let roots = [self.agent(node), self.postmaster(node)];
        roots.into_iter().flatten().flat_map(processes::tree).collect()
    }

    async fn rest(&self) -> Option<Rest> {
        for (primary, ports) in self.ports.iter().enumerate() {
            if !ports.is_primary().await {
                continue;
            }
            let asked = async {
                let node = &self.target.nodes[primary];
                let mut link = Link::open(self.target.kind, &node.admin_url).await.ok()?;
                link.pairs(FOLLOWERS).await.ok()?.first().copied()
            };
            let (all, synchronous) = timeout(ANSWER_WITHIN, asked).await.ok().flatten()?;
            let other = self.ports[1 - primary];
            let is_rest = all == 1
                && (!self.variant.is_synchronous
                    || (synchronous == 1 && other.is_synchronous().await));
            return is_rest.then_some(Rest { primary, epoch: 0 });
        }
        None
    }

    pub(crate) async fn take_down(self) -> Result<()> {
        for node in 0..2 {
            for process in self.node(node) {
                process.signal(Signal::SIGKILL);
            }
        }
        let agents = self.agents.into_iter().filter_map(|agent| agent.into_inner().ok().flatten());
        for child in agents.chain(self.others) {
            child.kill_tree().await?;
        }
        std::fs::remove_dir_all(&self.folder).with_context(|| self.folder.display().to_string())
    }
}

impl Stand for Patroni {
    type Held = Held;

    fn target(&self) -> &Target {
        &self.target
    }

    async fn at_rest(&self) -> Result<Rest> {
        let rest = wait_until(REST_WITHIN, || async { self.rest().await }).await;
        rest.with_context(|| format!("no replica after {REST_WITHIN:?}"))
    }

    async fn deal(&self, blow: Blow, primary: usize) -> Result<Dealt<Held>> {
        let at_us = self.clock.now_us();
        let held = match blow {
            Blow::Kill => {
                processes::kill(self.postmaster(primary).context("no server runs")?)?;
                None
            }
            Blow::Node => {
                for process in self.node(primary) {
                    process.signal(Signal::SIGKILL);
                }
                Some(Held::Gone(primary))
            }
            Blow::Freeze => {
                let frozen = self.node(primary);
                for process in &frozen {
                    process.signal(Signal::SIGSTOP);
                }
                Some(Held::Frozen(frozen))
            }
            Blow::SwitchoverFresh | Blow::SwitchoverKept => bail!("not measured of a rival"),
        };
        Ok(Dealt { at_us, held })
    }

    async fn switched(&self, _since_us: u64) -> Result<u64> {
        // It is dead or frozen by now: what gets through, got to another one.
        let through = wait_until(SWITCHED_WITHIN, || async {
            let tried = async {
                let mut link = Link::open(self.target.kind, &self.target.proxy).await.ok()?;
                link.probe(&self.target, 2, self.clock.now_us()).await.ok()
            };
            timeout(ANSWER_WITHIN, tried).await.ok().flatten()?;
            Some(self.clock.now_us())
        });
        through.await.with_context(|| format!("nobody took over within {SWITCHED_WITHIN:?}"))
    }

    async fn thaw(&self, held: Held) -> Result<()> {
        match held {
            Held::Frozen(processes) => {
                for process in processes.iter().rev() {
                    process.signal(Signal::SIGCONT);
                }
            }
            Held::Gone(node) => self.start_agent(node).await?,
        }
        Ok(())
    }

    async fn back(&self, _node: usize, _since_us: u64) -> Result<Option<u64>> {
        // The rest that was waited for is that.
        Ok(Some(self.clock.now_us()))
    }

    fn steps(&self, _since_us: u64) -> BTreeMap<String, u64> {
        BTreeMap::new()
    }

    fn told(&self, _since_us: u64) -> Vec<String> {
        Vec::new()
    }
}
