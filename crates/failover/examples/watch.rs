//! A watchdog for a PostgreSQL cluster that somebody else started: two URLs, an HAProxy, a program.
//!
//! `watch FOLDER HAPROXY_SOCKET BACKEND PROGRAM NAME=URL NAME=URL…`: the first node is primary when
//! there is no journal in FOLDER yet; commands are taken at FOLDER/control.sock. It fails over as
//! often as there is a reason, so that it can be tried.

#![expect(clippy::print_stdout, reason = "an example speaks to whoever runs it")]

use std::path::PathBuf;
use std::sync::Arc;

use standfast_failover::actuator::CommandActuator;
use standfast_failover::core::{NodeId, Options};
use standfast_failover::database::postgres::Postgres;
use standfast_failover::database::{Database, Members};
use standfast_failover::router::HaProxy;
use standfast_failover::watchdog::Watchdog;
use tokio::net::UnixListener;

type AnyError = Box<dyn std::error::Error>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), AnyError> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, socket, backend, program, nodes @ ..] = arguments.as_slice() else {
        return Err("usage: watch FOLDER HAPROXY_SOCKET BACKEND PROGRAM NAME=URL NAME=URL…".into());
    };
    let mut members = Vec::new();
    let mut urls = Vec::new();
    for node in nodes {
        let (name, url) = node.split_once('=').ok_or("a node is NAME=URL")?;
        let address = Postgres::address_of(url)?.ok_or("a URL names an address")?;
        members.push((name.to_owned(), address));
        urls.push(url);
    }
    let members = Members::new(members);
    let databases = urls
        .iter()
        .map(|url| Ok(Arc::new(Postgres::new(url, members.clone())?) as Arc<dyn Database>))
        .collect::<Result<Vec<_>, AnyError>>()?;
    let folder = PathBuf::from(folder);
    std::fs::create_dir_all(&folder)?;
    let control = folder.join("control.sock");
    drop(std::fs::remove_file(&control));
    let watchdog = Watchdog {
        cluster: backend.clone(),
        router: Arc::new(HaProxy::new(socket.into(), backend.clone(), members.names())),
        actuator: Arc::new(CommandActuator::new(program.clone(), Vec::new())),
        options: Options { failovers_max: 1000, ..Options::of(nodes.len()) },
        first_primary: NodeId::new(0),
        members,
        databases,
        folder,
    };
    let start = tokio::time::Instant::now();
    let events = Box::new(move |line: standfast_failover::watchdog::EventLine| {
        let at = start.elapsed().as_secs_f64();
        println!("{at:.3} {} {} {}", line.event, line.node, serde_json::json!(line.fields));
    });
    watchdog.run(UnixListener::bind(control)?, events, std::future::pending()).await?;
    Ok(())
}
