//! Brings an instance up: leftovers, tools, ports, template, engines, services.

use std::collections::BTreeMap;
use std::sync::Arc;

use standfast_engines::process::ProcessId;
use standfast_engines::{Installation, Secrets, Tool};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::asked::{Asked, check_services};
use super::build::{Built, Site, build};
use super::engine_set::find_tools;
use super::folder::{InstanceFolder, InstanceLock, InstanceRecord};
use super::hosts::Hosts;
use super::kafka::check_data;
use super::leftovers::{reap_instance, sweep};
use super::options::{Network, ProvisionError, ProvisionOptions, Stage};
use super::ports::{PortPlan, Ports, declared_ports};
use super::routes::Routes;
use super::running::{Instance, InstanceParts};
use super::template::{Template, TemplateRequest};
use crate::spec::{EngineKind, Manager, STORE, System};

impl Instance {
    /// Brings `system` up and answers when all of it is ready. When anything fails, nothing of it
    /// runs any more; an ephemeral folder is kept for its logs until the next start of anything.
    ///
    /// # Errors
    /// Names what is wrong and where to look.
    pub async fn provision(
        system: &Arc<System>,
        options: ProvisionOptions,
    ) -> Result<Self, ProvisionError> {
        Asked::of(&options).check(system)?;
        check_services(system, &options)?;
        let mut stages = Stages::begin();
        let home = options.home.clone();
        home.prepare()?;
        tokio::task::spawn_blocking(move || sweep(&home)).await.expect("a sweep cannot panic");
        let folder = InstanceFolder::of(&options.home, &options.name);
        let lock = take(&folder)?;
        stages.end("leftovers");

        let tools = find_tools(system, &options.external, &options.home)?;
        check_data(system, &folder)?;
        check_manager(system, &folder)?;
        let ports = choose_ports(system, &options, &folder)?;
        write_record(system, &options, &folder, &ports)?;
        stages.end("tools and ports");
        // After the record: a folder without one is nobody's to delete.
        let hosts = Hosts::make(system, &options).await?;
        if options.own_hosts {
            stages.end("hosts");
        }

        let secrets = provide_data(system, &options, &folder, &tools).await?;
        stages.end("data");

        let routes = Routes::open(system, &options, &ports, &hosts).await?;
        let site = Site {
            system,
            options: &options,
            folder: &folder,
            tools: &tools,
            ports: &ports,
            hosts: &hosts,
            routes: &routes,
        };
        let Built { registry, addresses, keepers, roles, levers, tasks } = build(&site, &secrets)?;
        let instance = Self::new(InstanceParts {
            system: Arc::clone(system),
            folder,
            lock,
            ports,
            registry,
            addresses,
            hosts,
            routes,
            keepers,
            roles,
            levers,
            tasks,
            events: options.events,
            without: options.without,
        });
        // From here on a failure drops the instance, and with it every process.
        instance.start_engines().await.map_err(ProvisionError::Start)?;
        stages.end("engines");
        instance.start_services().await.map_err(ProvisionError::Start)?;
        stages.end("services");
        Ok(instance.with_stages(stages.done))
    }
}

struct Stages {
    since: Instant,
    done: Vec<Stage>,
}

impl Stages {
    fn begin() -> Self {
        Self { since: Instant::now(), done: Vec::new() }
    }

    fn end(&mut self, name: &str) {
        self.done.push(Stage { name: name.to_owned(), took: self.since.elapsed() });
        self.since = Instant::now();
    }
}

fn take(folder: &InstanceFolder) -> Result<InstanceLock, ProvisionError> {
    folder.prepare()?;
    let Some(lock) = folder.lock()? else {
        let record = folder.record().ok().flatten();
        let pid = record.and_then(|record| record.supervisor).map(|supervisor| supervisor.pid);
        return Err(ProvisionError::AlreadyRunning { name: folder.name().to_owned(), pid });
    };
    reap_instance(folder);
    Ok(lock)
}

/// Each manager keeps roles in its own place: the other one would not know who is primary. Patroni
/// keeps them in etcd, the data of which stay with those of the servers.
fn check_manager(system: &System, folder: &InstanceFolder) -> Result<(), ProvisionError> {
    let is_theirs = system.engines.contains_key(STORE);
    let has_data = system.clusters_of_postgres().any(|name| folder.data(name).exists());
    let made_for = match folder.data(STORE).exists() {
        true => Manager::Patroni,
        false => Manager::Watchdog,
    };
    let is_declared = is_theirs && system.manager == Manager::Watchdog;
    if !has_data || is_declared || made_for == system.manager {
        return Ok(());
    }
    let (name, asked_for) = (folder.name().to_owned(), system.manager);
    Err(ProvisionError::OtherManager { name, made_for, asked_for })
}

/// An instance that was here before keeps its ports, unless others are asked for.
fn choose_ports(
    system: &System,
    options: &ProvisionOptions,
    folder: &InstanceFolder,
) -> Result<PortPlan, ProvisionError> {
    let mut declared = declared_ports(system);
    declared.retain(|name, _| !options.external.contains_key(name));
    if matches!(options.ports, Ports::Automatic | Ports::Recorded)
        && let Some(record) = folder.record()?
        && record.ports.keys().eq(declared.keys())
    {
        match (PortPlan::again(record.ports), options.ports) {
            (Err(_), Ports::Automatic) => {}
            // Whoever starts what was there wants it back where it was, or to be told why not.
            (plan, _) => return Ok(plan?),
        }
    }
    Ok(PortPlan::choose(&declared, options.ports)?)
}

fn write_record(
    system: &System,
    options: &ProvisionOptions,
    folder: &InstanceFolder,
    ports: &PortPlan,
) -> Result<(), ProvisionError> {
    let record = InstanceRecord {
        name: options.name.clone(),
        system: system.name.clone(),
        folder: system
            .source
            .folder()
            .map(|folder| std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned())),
        ports: ports.all().clone(),
        without: options.without.clone(),
        environment: options.environment.clone(),
        brokers: system.brokers,
        manager: system.manager,
        only: system.is_part().then(|| system.start_order.clone()),
        external: options.external.clone(),
        own_hosts: options.own_hosts,
        is_direct: options.network == Network::Direct,
        ephemeral: options.ephemeral,
        supervisor: ProcessId::own(),
    };
    Ok(folder.write_record(&record)?)
}

/// Sees to it that every engine of this machine has its data, and answers the passwords.
async fn provide_data(
    system: &Arc<System>,
    options: &ProvisionOptions,
    folder: &InstanceFolder,
    tools: &BTreeMap<Tool, Installation>,
) -> Result<Secrets, ProvisionError> {
    let engines = with_data(system, options);
    let missing: Vec<&String> = engines.iter().filter(|name| !folder.data(name).exists()).collect();
    let secrets = folder.secrets();
    if missing.is_empty() {
        return Ok(Secrets::load_or_create(&secrets)?);
    }
    // A replica fits its primary only when both come from one template.
    if missing.len() < engines.len() {
        let (name, engine) = (options.name.clone(), missing[0].clone());
        return Err(ProvisionError::OtherData { name, engine });
    }
    // Parts of a system share the template of all of it, so that none of them has to wait for one.
    let whole = Arc::new(system.whole().clone());
    let tools = match system.is_part() {
        true => &find_tools(&whole, &options.external, &options.home)?,
        false => tools,
    };
    let request = TemplateRequest {
        engines: with_data(&whole, options),
        system: whole,
        tools: tools.clone(),
        home: options.home.clone(),
        spawner: options.spawner.clone(),
        events: options.events.clone(),
    };
    let template = Arc::new(Template::ensure(&request).await?);
    let kept = template.secrets()?;
    kept.save(&secrets)?;
    let mut copies = JoinSet::new();
    for engine in engines {
        let (template, to) = (Arc::clone(&template), folder.data(&engine));
        copies.spawn(async move { template.copy(&engine, &to).await });
    }
    while let Some(copied) = copies.join_next().await {
        copied.expect("a copy cannot panic").map_err(super::template::TemplateError::from)?;
    }
    Ok(kept)
}

/// The engines of this machine whose data come from a template. What managers agree upon begins
/// anew with an instance.
fn with_data(system: &System, options: &ProvisionOptions) -> Vec<String> {
    let keeps = |kind: EngineKind| !kind.is_proxy() && kind != EngineKind::Etcd;
    let engines = system.engines.iter().filter(|(_, engine)| keeps(engine.kind));
    let names = engines.map(|(name, _)| name);
    names.filter(|name| !options.external.contains_key(*name)).cloned().collect()
}
