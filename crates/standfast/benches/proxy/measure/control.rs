//! How long control calls take while an upstream is paused, its backlog full, and a thousand
//! clients wait for it: what a stopped database under load looks like to a proxy.

use std::net::SocketAddr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, SockaddrIn, bind, getsockname, listen, socket,
};
use serde_json::json;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::figures::{Figure, Figures};
use crate::stand::{Attempt, Call, Contender, Control, Programs};

const CLIENTS: usize = 1_000;

/// Toxiproxy takes up to two minutes. Nobody needs to wait for that to see the difference.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Connections within a backlog stand at once; one beyond it does not within this.
const CONNECT_WITHIN: Duration = Duration::from_millis(500);
const FILLERS_MAX: usize = 64;

const PROXY: &str = "paused";

pub(crate) async fn round(
    programs: &Programs,
    contender: Contender,
    figures: &mut Figures,
) -> Result<()> {
    // A server of its own: Toxiproxy's cannot be used for anything else afterwards.
    let Some((child, control)) = programs.server(contender).await? else { return Ok(()) };
    let paused = PausedServer::start().await?;
    let attempts = attempts(control, paused.address).await?;
    child.kill_tree().await?;
    let name = contender.name();
    for failed in attempts.iter().filter(|attempt| !attempt.is_ok()) {
        println!("  {name} with a paused upstream: {failed}");
    }
    let slowest = attempts.iter().max_by_key(|attempt| attempt.took).context("no call")?;
    println!("  {name} with a paused upstream, the longest of {} calls: {slowest}", attempts.len());
    figures.take(Figure::ControlMax, contender, slowest.took.as_secs_f64() * 1e3);
    let failed = attempts.iter().filter(|attempt| !attempt.is_ok()).count();
    figures.take(Figure::ControlFailed, contender, failed as f64);
    Ok(())
}

/// Walks through the API with a thousand clients waiting; stops at the first call that outlasts
/// our patience.
async fn attempts(control: Control, upstream: SocketAddr) -> Result<Vec<Attempt>> {
    let listen = control.create(PROXY, upstream).await?;
    let mut clients = waiting_clients(listen).await;
    ensure!(clients.len() == CLIENTS, "only {} clients could connect", clients.len());
    let mut attempts = Vec::new();
    for call in walk(upstream, listen) {
        if call.method == "DELETE" {
            // Disabling has closed those of before. After a call that failed there may be nobody to
            // take them.
            clients = waiting_clients(listen).await;
        }
        let attempt = control.attempt(call, PATIENCE).await?;
        let is_answered = attempt.status.is_some();
        attempts.push(attempt);
        if !is_answered {
            break;
        }
    }
    drop(clients);
    Ok(attempts)
}

fn walk(upstream: SocketAddr, listen: SocketAddr) -> Vec<Call> {
    let proxy = format!("/proxies/{PROXY}");
    let toxic = format!("{proxy}/toxics/latency");
    let (upstream, listen) = (upstream.to_string(), listen.to_string());
    let again = json!([{ "name": PROXY, "listen": listen, "upstream": upstream }]);
    let enable = |enabled: bool| Call::new("POST", &proxy).with(json!({ "enabled": enabled }));
    vec![
        Call::new("GET", "/version"),
        Call::new("GET", "/proxies"),
        Call::new("GET", &proxy),
        Call::add_toxic(PROXY, "latency", json!({ "latency": 100 })),
        Call::new("GET", format!("{proxy}/toxics")),
        Call::new("POST", &toxic).with(json!({ "attributes": { "latency": 50 } })),
        Call::new("GET", &toxic),
        Call::new("DELETE", &toxic),
        Call::new("POST", "/populate").with(again),
        Call::new("POST", "/reset"),
        enable(false),
        Call::new("GET", "/proxies"),
        enable(true),
        Call::new("DELETE", &proxy),
        Call::new("GET", "/proxies"),
    ]
}

async fn waiting_clients(listen: SocketAddr) -> Vec<TcpStream> {
    let mut clients = Vec::with_capacity(CLIENTS);
    while clients.len() < CLIENTS
        && let Ok(Ok(client)) = timeout(CONNECT_WITHIN, TcpStream::connect(listen)).await
    {
        clients.push(client);
    }
    clients
}

/// Listens, never accepts, and has a backlog that is full.
#[derive(Debug)]
struct PausedServer {
    address: SocketAddr,
    _listener: OwnedFd,
    _fillers: Vec<TcpStream>,
}

impl PausedServer {
    async fn start() -> Result<Self> {
        let listener = socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
        bind(listener.as_raw_fd(), &SockaddrIn::new(127, 0, 0, 1, 0))?;
        listen(&listener, Backlog::new(1)?)?;
        let bound: SockaddrIn = getsockname(listener.as_raw_fd())?;
        let address = SocketAddr::from((bound.ip(), bound.port()));
        let mut fillers = Vec::new();
        while let Ok(filler) = timeout(CONNECT_WITHIN, TcpStream::connect(address)).await {
            fillers.push(filler?);
            ensure!(fillers.len() < FILLERS_MAX, "the backlog does not fill up");
        }
        Ok(Self { address, _listener: listener, _fillers: fillers })
    }
}
