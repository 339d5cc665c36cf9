//! `standfast up`: brings a system up and keeps it up, in the foreground or in the background.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use standfast_lab::control::{self, LogFollower};
use standfast_lab::instance::{
    Clock, EventSink, Instance, InstanceFolder, Network, Ports, ProvisionOptions,
};
use standfast_lab::spec::{EngineKind, Manager, SYSTEM_FILE, System, SystemSource, nearest};
use standfast_systems::CATALOGUE;

use super::session::{self, Session};
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
    let name = instance_name(&arguments, &system);
    let session = Session::start()?;
    if InstanceFolder::of(&session.home, &name).is_supervised() {
        output::note(format!("`{name}` is up already"));
        return status::print(&session.home, &name).await;
    }
    let wanted = session::tools_of_all_but(&system, &external);
    session.bring(&wanted, arguments.yes).await?;
    if arguments.detach {
        return background::start(&session, &arguments, &name).await;
    }
    if arguments.supervise {
        background::leave_the_terminal()?;
    }
    let (events, stream) = EventSink::channel(Clock::started());
    let options = ProvisionOptions {
        name: name.clone(),
        home: session.home.clone(),
        ports: match arguments.port_base {
            Some(base) => Ports::Base(base),
            None if arguments.ports_again => Ports::Recorded,
            None => Ports::Declared,
        },
        without: arguments.without.clone(),
        environment: BTreeMap::new(),
        external,
        network: match arguments.direct || arguments.hosts {
            true => Network::Direct,
            false => Network::All,
        },
        own_hosts: arguments.hosts,
        seed: SEED,
        ephemeral: false,
        serve_binary: session.binary.clone(),
        spawner: session.spawner.clone(),
        events,
    };
    output::note(format!("Bringing {} up …", system.name));
    let mut interrupt = signals::interrupt()?;
    let instance = tokio::select! {
        instance = Instance::provision(&system, options) => {
            instance.map_err(Failure::unavailable)?
        }
        // Dropping the provisioning ends what it has started.
        _ = interrupt.recv() => return Ok(Exit::Interrupted),
    };
    supervise(instance, stream, &arguments).await
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

fn instance_name(arguments: &UpArguments, system: &System) -> String {
    match (&arguments.name, arguments.port_base) {
        (Some(name), _) => name.clone(),
        (None, Some(base)) => format!("{}-{base}", system.name),
        (None, None) => system.name.clone(),
    }
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

/// The arguments that bring a known instance up again, as one would type them.
pub(super) fn again(record: &standfast_lab::instance::InstanceRecord) -> Vec<String> {
    let folder = |folder: &PathBuf| folder.display().to_string();
    let mut words = vec!["up".to_owned()];
    words.push(record.folder.as_ref().map_or_else(|| record.system.clone(), folder));
    words.extend(["--name".to_owned(), record.name.clone(), "--ports-again".to_owned()]);
    for tactic in &record.without {
        words.extend(["--without".to_owned(), tactic.clone()]);
    }
    for (engine, url) in &record.external {
        words.extend(["--engine".to_owned(), format!("{engine}={url}")]);
    }
    if let Some(brokers) = record.brokers {
        words.extend(["--brokers".to_owned(), brokers.to_string()]);
    }
    if record.manager != Manager::default() {
        words.extend(["--manager".to_owned(), record.manager.to_string()]);
    }
    if let Some(only) = &record.only {
        words.extend(["--only".to_owned(), only.join(",")]);
    }
    if record.is_direct {
        words.push("--direct".to_owned());
    }
    if record.own_hosts {
        words.push("--hosts".to_owned());
    }
    words
}

#[cfg(test)]
mod tests {
    use standfast_lab::instance::InstanceRecord;

    use super::*;

    #[test]
    fn an_instance_comes_up_again_as_it_was() {
        let record = InstanceRecord {
            name: "shop".to_owned(),
            system: "voted-inventory".to_owned(),
            folder: None,
            ports: BTreeMap::new(),
            without: vec!["vote".to_owned()],
            environment: BTreeMap::new(),
            brokers: "3".parse().ok(),
            manager: Manager::Patroni,
            only: Some(vec!["postgres".to_owned(), "inventory".to_owned()]),
            external: BTreeMap::from([("postgres".to_owned(), "postgresql://a@b/c".to_owned())]),
            is_direct: true,
            own_hosts: false,
            ephemeral: false,
            supervisor: None,
        };
        let expected = "up voted-inventory --name shop --ports-again --without vote \
                        --engine postgres=postgresql://a@b/c --brokers 3 --manager patroni \
                        --only postgres,inventory --direct";
        assert_eq!(again(&record).join(" "), expected);
    }
}
