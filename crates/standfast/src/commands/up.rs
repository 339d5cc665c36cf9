//! `standfast up`: brings a system up and keeps it up, in the foreground or in the background.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use standfast_lab::control::{self, LogFollower};
use standfast_lab::instance::{
    Asked, Clock, EventSink, Instance, InstanceFolder, Network, ProvisionError, ProvisionOptions,
};
use standfast_lab::spec::{EngineKind, Manager, SYSTEM_FILE, System, SystemSource, nearest};
use standfast_systems::CATALOGUE;

use super::session::{self, Session};
use super::up_options::UpOptions;
use super::{background, signals, status};
use crate::cli::UpArguments;
use crate::exit::{Answer, Exit, Failure};
use crate::output;

/// Chance in the faults that somebody tries by hand need not be chosen.
const SEED: u64 = 1;

pub(super) async fn run(arguments: UpArguments) -> Answer {
    let system = System::load(find(&arguments.system)?).map_err(session::bad_file)?;
    let external = external(&arguments.engine)?;
    let system = with_brokers(system, &arguments, &external)?;
    let system = with_manager(system, arguments.manager)?;
    let system = Arc::new(with_only(system, &arguments.only)?);
    let asked = UpOptions::asked(&arguments, &system, external);
    check(&asked, &system)?;
    let session = Session::start()?;
    if InstanceFolder::of(&session.home, &asked.name).is_supervised() {
        return up_already(&session, &asked).await;
    }
    let wanted = session::tools_of_all_but(&system, &asked.external);
    session.bring(&wanted, arguments.yes).await?;
    if arguments.detach {
        return background::launch(&session, &asked).await;
    }
    if arguments.supervise {
        background::leave_the_terminal()?;
    }
    let (events, stream) = EventSink::channel(Clock::started());
    let options = provision_options(asked, &session, events);
    output::note(format!("Bringing {} up …", system.name));
    let mut interrupt = signals::interrupt()?;
    let instance = tokio::select! {
        instance = Instance::provision(&system, options) => {
            instance.map_err(not_provisioned)?
        }
        // Dropping the provisioning ends what it has started.
        _ = interrupt.recv() => return Ok(Exit::Interrupted),
    };
    supervise(instance, stream, &arguments).await
}

/// Nothing is installed or written for what cannot come up.
fn check(asked: &UpOptions, system: &System) -> Result<(), Failure> {
    let UpOptions { name, without, external, .. } = asked;
    Asked { name, without, external }.check(system).map_err(not_provisioned)
}

fn not_provisioned(error: ProvisionError) -> Failure {
    let exit = if error.is_mistake() { Exit::Usage } else { Exit::Unavailable };
    Failure::new(exit, error)
}

/// Whoever asks for what runs has it; whoever asks for something else must not think so.
async fn up_already(session: &Session, asked: &UpOptions) -> Answer {
    let name = &asked.name;
    let record = InstanceFolder::of(&session.home, name).record();
    let record = record.map_err(|error| Failure::new(Exit::Unavailable, error))?;
    // One that is just coming up has none yet.
    if record.is_some_and(|record| !asked.are_those_of(&record)) {
        return Err(Failure::usage(format!(
            "`{name}` is up with other options; `standfast down --instance {name}` first"
        )));
    }
    output::note(format!("`{name}` is up already"));
    status::print(&session.home, name).await
}

fn provision_options(asked: UpOptions, session: &Session, events: EventSink) -> ProvisionOptions {
    ProvisionOptions {
        name: asked.name,
        home: session.home.clone(),
        ports: asked.ports,
        without: asked.without,
        environment: BTreeMap::new(),
        external: asked.external,
        network: if asked.is_direct { Network::Direct } else { Network::All },
        own_hosts: asked.own_hosts,
        seed: SEED,
        ephemeral: false,
        serve_binary: session.binary.clone(),
        spawner: session.spawner.clone(),
        events,
    }
}

/// Serves the instance until a signal or a request ends it.
async fn supervise(
    instance: Instance,
    events: tokio::sync::mpsc::Receiver<standfast_history::Event>,
    arguments: &UpArguments,
) -> Answer {
    let (mut interrupt, mut terminate) = (signals::interrupt()?, signals::terminate()?);
    let folder = instance.folder().clone();
    output::result(status::table(&instance.processes()));
    let mut logs = tokio::task::JoinSet::new();
    if !arguments.supervise {
        output::note("Ctrl-C stops it and keeps the data.\n");
        let follower = LogFollower::new(&folder, None);
        logs.spawn(super::logs::follow(follower));
    }
    let shutdown = async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        output::note("\nStopping …");
    };
    control::serve(instance, events, shutdown).await.map_err(Failure::unavailable)?;
    logs.shutdown().await;
    Ok(Exit::Held)
}

/// A shipped system by its name, or a folder.
fn find(named: &str) -> Result<SystemSource, Failure> {
    if let Some(files) = CATALOGUE.iter().find(|files| files.name == named) {
        return Ok(session::source_of(files));
    }
    let path = Path::new(named);
    let folder = match path.is_file() && path.ends_with(SYSTEM_FILE) {
        true => path.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new(".")),
        false => path,
    };
    if folder.join(SYSTEM_FILE).is_file() {
        let folder = folder.canonicalize().map_err(|error| Failure::new(Exit::Usage, error))?;
        return Ok(SystemSource::Folder(folder));
    }
    let known: Vec<&str> = CATALOGUE.iter().map(|files| files.name).collect();
    let hint = nearest(named, known.iter().copied()).map_or_else(
        || format!("shipped are {}", known.join(", ")),
        |word| format!("did you mean `{word}`?"),
    );
    let text = format!("`{named}` is no shipped system and no folder with a {SYSTEM_FILE}; {hint}");
    Err(Failure::usage(text))
}

fn external(engines: &[String]) -> Result<BTreeMap<String, String>, Failure> {
    let pair = |text: &String| match text.split_once('=') {
        // Of Kafka, host and port; whether it names a place at all is checked with the system.
        Some((name, url)) if !name.is_empty() && url.contains(':') => {
            Ok((name.to_owned(), url.to_owned()))
        }
        _ => Err(Failure::usage(format!("`--engine {text}` is not of the form NAME=URL"))),
    };
    engines.iter().map(pair).collect()
}

fn with_brokers(
    system: System,
    arguments: &UpArguments,
    external: &BTreeMap<String, String>,
) -> Result<System, Failure> {
    let Some(brokers) = arguments.brokers else { return Ok(system) };
    let is_broker = |name: &&String| system.engine_kind(name) == Some(EngineKind::Kafka);
    if let Some(elsewhere) = external.keys().find(is_broker) {
        return Err(Failure::usage(format!(
            "`{elsewhere}` runs elsewhere, and has the brokers that it has there: give either \
             --brokers or --engine {elsewhere}=…"
        )));
    }
    system.with_brokers(brokers).map_err(|error| Failure::new(Exit::Usage, error))
}

fn with_manager(system: System, manager: Manager) -> Result<System, Failure> {
    system.with_manager(manager).map_err(|error| Failure::new(Exit::Usage, error))
}

fn with_only(system: System, only: &[String]) -> Result<System, Failure> {
    if only.is_empty() {
        return Ok(system);
    }
    let is_known = |name: &str| system.processes().any(|known| known == name);
    if let Some(unknown) = only.iter().find(|name| !is_known(name)) {
        let hint = nearest(unknown, system.processes()).map_or_else(
            || format!("known: {}", system.processes().collect::<Vec<_>>().join(", ")),
            |word| format!("did you mean `{word}`?"),
        );
        let name = &system.name;
        let text = format!("`{unknown}` is no engine or service of {name}; {hint}");
        return Err(Failure::usage(text));
    }
    Ok(system.with_only(only, &BTreeMap::new()))
}
