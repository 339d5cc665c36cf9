//! One cluster of order-saga as the lab brings it up: two servers, their HAProxy and their
//! watchdog, which is the service that order-saga has.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use standfast_engines::wait_until;
use standfast_failover::watchdog::{Question, Status, ask};
use standfast_history::Event;
use standfast_lab::fault::{Fault, FaultKind, Hold, Injected};
use standfast_lab::instance::{Clock, Instance};

use super::running::{Running, watchdog};
use super::{Dealt, Rest, Stand, processes, source};
use crate::options::Options;
use crate::record::Blow;
use crate::target::{Kind, Node, Target};

/// Bounds a series that got stuck; each of these takes seconds.
const REST_WITHIN: Duration = Duration::from_secs(180);
const SWITCHED_WITHIN: Duration = Duration::from_secs(60);

/// A watchdog may refuse an order in the moment after it has settled.
const TAKEN_WITHIN: Duration = Duration::from_secs(10);

pub(crate) struct Ours {
    pub(crate) target: Target,
    /// Other clusters may be of the same system.
    running: Arc<Running>,
    /// The name of the watchdog, and where it takes orders.
    watchdog: String,
    control: PathBuf,
}

impl Ours {
    pub(crate) async fn bring_up(kind: Kind, options: &Options, clock: &Clock) -> Result<Self> {
        let source = source::cluster(kind, &options.settings)?;
        let running = Running::bring_up(source, &[kind], options, clock).await?;
        Self::of(kind, &Arc::new(running))
    }

    /// One of the clusters that are up.
    pub(super) fn of(kind: Kind, running: &Arc<Running>) -> Result<Self> {
        let watchdog = watchdog(kind);
        let control = running.instance.folder().data(&watchdog).join("watchdog/control.sock");
        let target = target(kind, &running.instance)?;
        Ok(Self { target, running: Arc::clone(running), watchdog, control })
    }

    pub(crate) async fn take_down(self) -> Result<()> {
        let running = Arc::into_inner(self.running).context("others use it still")?;
        running.take_down().await
    }

    async fn status(&self) -> Result<Status> {
        let answer = ask(&self.control, &Question::Status).await?;
        Ok(serde_json::from_value(answer)?)
    }

    /// The first of these events about a server since then.
    fn first(&self, names: &[&str], node: Option<&str>, since_us: u64) -> Option<u64> {
        let is_it = |event: &&Event| {
            names.contains(&event.event.as_str())
                && (node.is_none() || event.target.as_deref() == node)
        };
        let told = self.running.told(&self.watchdog, since_us);
        told.iter().find(is_it).map(|event| event.at_us)
    }

    async fn switch_over(&self) -> Result<Dealt<Injected>> {
        let taken = wait_until(TAKEN_WITHIN, || async {
            let at_us = self.running.clock.now_us();
            let answer = ask(&self.control, &Question::Switchover { to: None }).await.ok()?;
            (answer.get("ok")?.as_bool()?).then_some(at_us)
        });
        let at_us = taken.await.context("the watchdog takes no order to switch over")?;
        Ok(Dealt { at_us, held: None })
    }
}

impl Stand for Ours {
    type Held = Injected;

    fn target(&self) -> &Target {
        &self.target
    }

    async fn at_rest(&self) -> Result<Rest> {
        let rest = wait_until(REST_WITHIN, || async {
            let status = self.status().await.ok()?;
            let primary = self.target.place(&status.primary)?;
            (status.settled && status.fenced.is_empty())
                .then_some(Rest { primary, epoch: status.epoch })
        });
        match rest.await {
            Some(rest) => Ok(rest),
            None => bail!("not at rest: {:#?}", self.status().await),
        }
    }

    async fn deal(&self, blow: Blow, primary: usize) -> Result<Dealt<Injected>> {
        let primary = &self.target.nodes[primary].name;
        let at_us = self.running.clock.now_us();
        match blow {
            Blow::Kill => {
                let pid = self.running.instance.pid(primary).context("the primary does not run")?;
                processes::kill(pid)?;
                Ok(Dealt { at_us, held: None })
            }
            Blow::Node => bail!("its watchdog is no agent of a server"),
            Blow::Freeze => {
                let freeze = Fault::new(FaultKind::Pause, primary);
                let held = self.running.instance.inject(&freeze, Hold::UntilHealed).await?;
                Ok(Dealt { at_us, held: Some(held) })
            }
            Blow::SwitchoverFresh | Blow::SwitchoverKept => self.switch_over().await,
        }
    }

    async fn switched(&self, since_us: u64) -> Result<u64> {
        // Whoever may not fail over starts the old primary again.
        let ends = ["switched", "restarted"];
        let switched =
            wait_until(SWITCHED_WITHIN, || async { self.first(&ends, None, since_us) }).await;
        match switched {
            Some(at_us) => Ok(at_us),
            None => bail!("nobody took over: {:#?}", self.status().await),
        }
    }

    async fn thaw(&self, held: Injected) -> Result<()> {
        self.running.instance.heal(held).await?;
        Ok(())
    }

    async fn back(&self, node: usize, since_us: u64) -> Result<Option<u64>> {
        Ok(self.first(&["insync"], Some(&self.target.nodes[node].name), since_us))
    }

    fn steps(&self, since_us: u64) -> BTreeMap<String, u64> {
        let mut steps = BTreeMap::new();
        for event in self.running.told(&self.watchdog, since_us) {
            steps.entry(event.event).or_insert(event.at_us);
        }
        steps
    }

    fn told(&self, since_us: u64) -> Vec<String> {
        let line = |event: Event| {
            let detail = event.fields.get("detail")?.as_str()?;
            let telling = ["detected", "refused", "drained", "rejoined"];
            let is_telling = telling.contains(&event.event.as_str());
            is_telling.then(|| format!("{}: {detail}", event.event))
        };
        let told = self.running.told(&self.watchdog, since_us);
        told.into_iter().filter_map(line).collect()
    }
}

fn target(kind: Kind, instance: &Instance) -> Result<Target> {
    let cluster = kind.cluster();
    let url = |name: &str| {
        let url = instance.url(name).map(str::to_owned);
        url.with_context(|| format!("{name} has no URL"))
    };
    let node = |letter: char| {
        let name = format!("{cluster}-{letter}");
        let admin_url = instance.admin_url(&name).context("it is ours")?.to_owned();
        anyhow::Ok(Node { url: url(&name)?, admin_url, name })
    };
    let nodes = [node('a')?, node('b')?];
    Ok(Target { kind, proxy: url(&format!("{cluster}-proxy"))?, nodes })
}
