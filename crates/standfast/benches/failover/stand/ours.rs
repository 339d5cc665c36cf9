//! One cluster of order-saga as the lab brings it up: two servers, their HAProxy and their
//! watchdog, which is the service that order-saga has.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use standfast_engines::process::{Guardian, Spawner};
use standfast_engines::{Home, wait_until};
use standfast_failover::watchdog::{Question, Status, ask};
use standfast_history::Event;
use standfast_lab::fault::{Fault, FaultKind, Hold, Injected};
use standfast_lab::instance::{Clock, Data, EventSink, Instance, Network, Ports, ProvisionOptions};
use standfast_lab::spec::{System, SystemSource};
use standfast_systems::CATALOGUE;
use tokio::task::JoinSet;

use super::{Dealt, Rest, Stand, processes};
use crate::options::Options;
use crate::record::Blow;
use crate::target::{Kind, Node, Target, schema};

const SYSTEM: &str = "order-saga";
const SCHEMA_FILE: &str = "bench.sql";

/// Bounds a series that got stuck; each of these takes seconds.
const REST_WITHIN: Duration = Duration::from_secs(180);
const SWITCHED_WITHIN: Duration = Duration::from_secs(60);

/// A watchdog may refuse an order in the moment after it has settled.
const TAKEN_WITHIN: Duration = Duration::from_secs(10);

pub(crate) struct Ours {
    pub(crate) target: Target,
    instance: Instance,
    clock: Clock,
    /// Of the watchdog.
    control: PathBuf,
    events: Arc<Mutex<Vec<Event>>>,
    _collector: JoinSet<()>,
}

impl Ours {
    pub(crate) async fn bring_up(kind: Kind, options: &Options, clock: &Clock) -> Result<Self> {
        let system = Arc::new(System::load(source(kind, &options.settings)?)?);
        let guardian = Guardian::Program {
            program: options.binary.clone(),
            arguments: vec![OsString::from("guard")],
        };
        let watchdog = format!("watchdog-{}", kind.cluster());
        let tireless = ("FAILOVERS_MAX".to_owned(), options.failovers_max.to_string());
        let (sink, mut stream) = EventSink::channel(clock.clone());
        let wanted = ProvisionOptions {
            name: format!("bench-failover-{}-{}", kind.name(), std::process::id()),
            home: Home::locate()?,
            ports: Ports::Automatic,
            without: Vec::new(),
            environment: [(watchdog.clone(), [tireless].into())].into(),
            external: BTreeMap::new(),
            network: Network::Direct,
            own_hosts: false,
            seed: 1,
            ephemeral: true,
            serve_binary: options.binary.clone(),
            spawner: Spawner::start(guardian)?,
            events: sink,
        };
        let instance = Instance::provision(&system, wanted).await?;
        let events: Arc<Mutex<Vec<Event>>> = Arc::default();
        let kept = Arc::clone(&events);
        let mut collector = JoinSet::new();
        collector.spawn(async move {
            while let Some(event) = stream.recv().await {
                kept.lock().expect("nobody panics with it in hand").push(event);
            }
        });
        let control = instance.folder().data(&watchdog).join("watchdog/control.sock");
        let target = target(kind, &instance)?;
        let clock = clock.clone();
        Ok(Self { target, instance, clock, control, events, _collector: collector })
    }

    pub(crate) async fn take_down(self) -> Result<()> {
        Ok(self.instance.shutdown(Data::Delete).await?)
    }

    async fn status(&self) -> Result<Status> {
        let answer = ask(&self.control, &Question::Status).await?;
        Ok(serde_json::from_value(answer)?)
    }

    /// The first of these events about a server since then.
    fn first(&self, names: &[&str], node: Option<&str>, since_us: u64) -> Option<u64> {
        let events = self.events.lock().expect("nobody panics with it in hand");
        let is_it = |event: &&Event| {
            event.at_us >= since_us
                && names.contains(&event.event.as_str())
                && (node.is_none() || event.target.as_deref() == node)
        };
        events.iter().find(is_it).map(|event| event.at_us)
    }

    async fn switch_over(&self) -> Result<Dealt<Injected>> {
        let taken = wait_until(TAKEN_WITHIN, || async {
            let at_us = self.clock.now_us();
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
        let at_us = self.clock.now_us();
        match blow {
            Blow::Kill => {
                let pid = self.instance.pid(primary).context("the primary does not run")?;
                processes::kill(pid)?;
                Ok(Dealt { at_us, held: None })
            }
            Blow::Node => bail!("its watchdog is no agent of a server"),
            Blow::Freeze => {
                let freeze = Fault::new(FaultKind::Pause, primary);
                let held = self.instance.inject(&freeze, Hold::UntilHealed).await?;
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
        self.instance.heal(held).await?;
        Ok(())
    }

    async fn back(&self, node: usize, since_us: u64) -> Result<Option<u64>> {
        Ok(self.first(&["insync"], Some(&self.target.nodes[node].name), since_us))
    }

    fn steps(&self, since_us: u64) -> BTreeMap<String, u64> {
        let events = self.events.lock().expect("nobody panics with it in hand");
        let mut steps = BTreeMap::new();
        let told = events.iter().filter(|event| event.at_us >= since_us);
        for event in told.filter(|event| event.source.starts_with("watchdog-")) {
            steps.entry(event.event.clone()).or_insert(event.at_us);
        }
        steps
    }

    fn told(&self, since_us: u64) -> Vec<String> {
        let events = self.events.lock().expect("nobody panics with it in hand");
        let told = events.iter().filter(|event| event.at_us >= since_us);
        let line = |event: &Event| {
            let detail = event.fields.get("detail")?.as_str()?;
            let is_telling = ["detected", "refused", "rejoined"].contains(&event.event.as_str());
            is_telling.then(|| format!("{}: {detail}", event.event))
        };
        told.filter_map(line).collect()
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

/// Of order-saga, what belongs to one cluster; and our tables.
fn source(kind: Kind, settings: &[(String, String)]) -> Result<SystemSource> {
    let files = CATALOGUE.iter().find(|files| files.name == SYSTEM).context("no such system")?;
    let mut system: toml::Table = toml::from_str(files.system_toml)?;
    let cluster = kind.cluster();
    // A template of its own: that of order-saga is somebody else's.
    let name = format!("bench-failover-{cluster}");
    system.insert("name".to_owned(), name.clone().into());
    system.retain(|key, _| !matches!(key, "tactic" | "scenario"));
    let only = |system: &mut toml::Table, section: &str, kept: &[String]| {
        let table = system.get_mut(section).and_then(toml::Value::as_table_mut);
        let table = table.with_context(|| format!("no [{section}]"))?;
        table.retain(|name, _| kept.iter().any(|kept| kept == name));
        ensure!(table.len() == kept.len(), "[{section}] lacks one of {kept:?}");
        Ok(())
    };
    let engines = ["a", "b", "proxy"].map(|part| format!("{cluster}-{part}"));
    only(&mut system, "engine", &engines)?;
    only(&mut system, "service", &[format!("watchdog-{cluster}")])?;
    let first = server(&mut system, &engines[0])?;
    let scripts = first.get_mut("init").and_then(toml::Value::as_array_mut);
    scripts.context("the first server has no script")?.push(SCHEMA_FILE.into());
    for name in &engines[..2] {
        let settings = settings.iter().map(|(key, value)| (key.clone(), value.clone().into()));
        server(&mut system, name)?
            .insert("settings".to_owned(), settings.collect::<toml::Table>().into());
    }
    let owned = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
    let mut files: Vec<(String, String)> = files.files.iter().map(owned).collect();
    files.push((SCHEMA_FILE.to_owned(), schema(kind)));
    Ok(SystemSource::Embedded { name, text: toml::to_string(&system)?, files })
}

fn server<'a>(system: &'a mut toml::Table, name: &str) -> Result<&'a mut toml::Table> {
    let engines = system.get_mut("engine").and_then(toml::Value::as_table_mut);
    let server = engines.and_then(|engines| engines.get_mut(name));
    server.and_then(toml::Value::as_table_mut).with_context(|| format!("no server {name}"))
}
