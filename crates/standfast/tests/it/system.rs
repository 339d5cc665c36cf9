//! A shipped system as the lab brings it up for a run, for tests that look deeper than a command.

#![expect(clippy::unwrap_used, reason = "helpers of a test fail by panicking, as tests do")]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use standfast_engines::process::{Guardian, Spawner};
use standfast_history::Event;
use standfast_lab::instance::{Clock, EventSink, Instance, Network, Ports, ProvisionOptions};
use standfast_lab::spec::{System, SystemSource};
use tokio::sync::mpsc;
use tokio_postgres::{Client, NoTls};

use crate::place::Place;

/// What is brought up.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(crate) system: &'static str,
    /// Variables per service.
    pub(crate) environment: BTreeMap<String, BTreeMap<String, String>>,
    pub(crate) network: Network,
}

/// Brings it up with these settings of the service, and answers its events as well.
pub(crate) async fn cache_fallback(
    place: &Place,
    times: &[(&str, Duration)],
    clock: &Clock,
) -> (Instance, mpsc::Receiver<Event>) {
    linked_cache_fallback(place, times, clock, Network::Direct).await
}

/// The same with links through the fault proxy.
pub(crate) async fn linked_cache_fallback(
    place: &Place,
    times: &[(&str, Duration)],
    clock: &Clock,
    network: Network,
) -> (Instance, mpsc::Receiver<Event>) {
    let setting =
        |(name, time): &(&str, Duration)| ((*name).to_owned(), format!("{}ms", time.as_millis()));
    let environment = [("offers".to_owned(), times.iter().map(setting).collect())].into();
    bring_up(place, Wanted { system: "cache-fallback", environment, network }, clock).await
}

/// Brings a shipped system up.
pub(crate) async fn bring_up(
    place: &Place,
    wanted: Wanted,
    clock: &Clock,
) -> (Instance, mpsc::Receiver<Event>) {
    let binary = PathBuf::from(env!("CARGO_BIN_EXE_standfast"));
    let guardian =
        Guardian::Program { program: binary.clone(), arguments: vec![OsString::from("guard")] };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../systems").join(wanted.system);
    let system = Arc::new(System::load(SystemSource::Folder(folder)).unwrap());
    let (sink, events) = EventSink::channel(clock.clone());
    let options = ProvisionOptions {
        name: "tested".to_owned(),
        home: place.home(),
        ports: Ports::Automatic,
        without: Vec::new(),
        environment: wanted.environment,
        external: BTreeMap::new(),
        network: wanted.network,
        own_hosts: false,
        seed: 1,
        ephemeral: true,
        serve_binary: binary,
        spawner: Spawner::start(guardian).unwrap(),
        events: sink,
    };
    (Instance::provision(&system, options).await.unwrap(), events)
}

/// A connection beside those of the service; `None` when there is none to be had.
pub(crate) async fn connect(instance: &Instance, database: &str) -> Option<Client> {
    let url = instance.admin_url(database)?;
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.ok()?;
    // It ends with the client.
    tokio::spawn(connection);
    Some(client)
}
