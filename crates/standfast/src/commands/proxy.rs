//! `standfast proxy`: a fault proxy with Toxiproxy's HTTP interface, until it is told to stop.
//!
//! Bytes go through threads of the proxy's own; only the interface runs here.

use std::net::SocketAddr;

use anyhow::Context;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use standfast_engines::process::holder_of_port;
use standfast_faultproxy::api::{self, ApiOptions};
use standfast_faultproxy::{FaultProxy, Options, ProxyDeclaration, ProxyError, ProxyView, config};
use tokio::net::{TcpListener, lookup_host};

use super::signals;
use crate::cli::ProxyArguments;
use crate::exit::{Answer, Exit, Failure};
use crate::output;

pub(super) async fn run(arguments: ProxyArguments) -> Answer {
    let (mut terminate, mut interrupt) = (signals::terminate()?, signals::interrupt()?);
    let read = arguments.config.as_deref().map(config::read).transpose();
    let declarations = read.map_err(|error| Failure::new(Exit::Usage, error))?.unwrap_or_default();
    let listener = listen(&arguments.listen).await?;
    let address = listener.local_addr().map_err(Failure::unavailable)?;
    raise_descriptors();
    let options = Options { seed: arguments.seed, ..Options::default() };
    let proxy = FaultProxy::start(options).map_err(Failure::unavailable)?;
    for declaration in declarations {
        tell(&create(&proxy, declaration).await?);
    }
    output::note(format!(
        "Toxiproxy's interface is at http://{address}, ours below /standfast/v1/; seed {}",
        proxy.seed()
    ));
    let shutdown = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    let served = api::serve(listener, proxy, ApiOptions::default(), shutdown).await;
    served.map_err(Failure::unavailable)?;
    Ok(Exit::Held)
}

/// A connection has two sockets, and the usual soft limit of 1024 is for programs with `select`.
fn raise_descriptors() {
    let raised = getrlimit(Resource::RLIMIT_NOFILE)
        .and_then(|(_soft, hard)| setrlimit(Resource::RLIMIT_NOFILE, hard, hard));
    if let Err(error) = raised {
        tracing::warn!(%error, "the number of open connections stays limited by `ulimit -n`");
    }
}

async fn listen(given: &str) -> Result<TcpListener, Failure> {
    let found = lookup_host(given)
        .await
        .with_context(|| format!("`{given}` is no address to listen on, such as 127.0.0.1:8474"));
    let addresses: Vec<SocketAddr> =
        found.map_err(|error| Failure::new(Exit::Usage, error))?.collect();
    TcpListener::bind(&addresses[..]).await.map_err(|error| {
        let port = addresses.first().map(SocketAddr::port);
        let cannot = format!("the HTTP interface cannot listen on {given}{}", held_by(port));
        Failure::unavailable(anyhow::Error::new(error).context(cannot))
    })
}

async fn create(proxy: &FaultProxy, declaration: ProxyDeclaration) -> Result<ProxyView, Failure> {
    let (name, listen) = (declaration.name.clone(), declaration.listen.clone());
    proxy.create(declaration).await.map_err(|error| {
        let is_bad_file = matches!(error, ProxyError::Address { .. });
        let port = listen.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
        let holder = if is_bad_file { String::new() } else { held_by(port) };
        let exit = if is_bad_file { Exit::Usage } else { Exit::Unavailable };
        Failure::new(exit, anyhow::Error::msg(format!("proxy `{name}`: {error}{holder}")))
    })
}

/// Who holds a port, when that can be known.
fn held_by(port: Option<u16>) -> String {
    let holder = port.filter(|port| *port != 0).and_then(holder_of_port);
    holder.map_or_else(String::new, |holder| format!("; the port is held by {holder}"))
}

fn tell(proxy: &ProxyView) {
    let ProxyView { name, listen, upstream, enabled, toxics, .. } = proxy;
    let state = if *enabled { "" } else { " (disabled)" };
    let toxics = match toxics.len() {
        0 => String::new(),
        count => format!(", {count} toxic{}", if count == 1 { "" } else { "s" }),
    };
    output::note(format!("proxy `{name}`: {listen} -> {upstream}{toxics}{state}"));
}
