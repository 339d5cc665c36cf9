//! A server that hangs: clients wait, and nobody else does.

use std::net::{SocketAddr, TcpListener as StdListener};
use std::time::Duration;

use nix::sys::socket::{Backlog, listen};
use standfast_faultproxy::toxic::{Down, Latency, ToxicKind};
use standfast_faultproxy::{FaultProxy, Options, ProxyChange, ProxyDeclaration, ToxicChange};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use super::{PATIENCE, Place, downstream, soon, until, upstream};

/// Held by tests that need, or count, most of the descriptors of this process.
pub(super) static MANY_DESCRIPTORS: Mutex<()> = Mutex::const_new(());

const CLIENTS: usize = 1000;

/// Far above the goal of 50 ms, for this test shares its processors; the figure is printed.
const CALL_MAX: Duration = Duration::from_secs(1);

/// A server whose backlog is full: it lets connections hang, as a paused database does.
struct Hung {
    _listener: StdListener,
    _backlog: Vec<TcpStream>,
    address: SocketAddr,
}

impl Hung {
    async fn start() -> Self {
        let listener = StdListener::bind("127.0.0.1:0").expect("a free port");
        listen(&listener, Backlog::new(1).expect("1 is allowed")).expect("it listens already");
        let address = listener.local_addr().expect("it is bound");
        let mut backlog = Vec::new();
        let short = Duration::from_millis(300);
        while let Ok(stream) = timeout(short, TcpStream::connect(address)).await {
            backlog.push(stream.expect("the backlog has room"));
            assert!(backlog.len() < 100, "a backlog of 1 fills up");
        }
        Self { _listener: listener, _backlog: backlog, address }
    }
}

async fn timed<T>(
    longest: &mut (Duration, &'static str),
    what: &'static str,
    call: impl Future<Output = T>,
) -> T {
    let start = Instant::now();
    let answer = soon(what, call).await;
    *longest = (*longest).max((start.elapsed(), what));
    answer
}

#[tokio::test]
async fn no_call_waits_for_a_server_with_a_full_backlog_and_a_thousand_clients() {
    let _alone = MANY_DESCRIPTORS.lock().await;
    let hung = Hung::start().await;
    let proxy = FaultProxy::start(Options::default()).unwrap();
    let declaration = ProxyDeclaration::local("p", hung.address.to_string());
    let view = proxy.create(declaration.clone()).await.unwrap();
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        clients.push(soon("a client", TcpStream::connect(&view.listen)).await.unwrap());
    }
    let waiting = || proxy.get("p").unwrap().counters.connections_live;
    until("all clients wait", || waiting() == CLIENTS as u64).await;

    let mut longest = (Duration::ZERO, "");
    let toxic = downstream(ToxicKind::Latency(Latency { latency: 1, jitter: 0 })).named("t");
    let enabled = |enabled| ProxyChange { enabled: Some(enabled), ..ProxyChange::default() };
    let slot = &mut longest;
    timed(slot, "list", async { proxy.list() }).await;
    timed(slot, "add", async { proxy.add_toxic("p", toxic) }).await.unwrap();
    let change = ToxicChange { toxicity: Some(0.5), ..ToxicChange::default() };
    timed(slot, "change", async { proxy.change_toxic("p", "t", change) }).await.unwrap();
    let adoption = timed(slot, "adopted", proxy.adopted("p", PATIENCE)).await.unwrap();
    assert_eq!((adoption.connections, adoption.is_complete), (CLIENTS, true));
    timed(slot, "remove", async { proxy.remove_toxic("p", "t") }).await.unwrap();
    let other = ProxyDeclaration { name: "q".to_owned(), ..declaration };
    timed(slot, "create", proxy.create(other)).await.unwrap();
    timed(slot, "reset", proxy.reset()).await.unwrap();
    timed(slot, "disable", proxy.update("p", enabled(false))).await.unwrap();
    timed(slot, "enable", proxy.update("p", enabled(true))).await.unwrap();
    timed(slot, "delete", proxy.delete("p")).await.unwrap();
    println!("{CLIENTS} clients wait; the longest call was {} with {:?}", longest.1, longest.0);
    assert!(longest.0 < CALL_MAX, "{longest:?}");

    for client in &mut clients {
        let read = soon("a client is let go", client.read(&mut [0])).await.unwrap();
        assert_eq!(read, 0);
    }
}

#[tokio::test]
async fn a_dial_that_hangs_ends_in_time_and_with_its_client() {
    let hung = Hung::start().await;
    let dial_timeout = Duration::from_millis(200);
    let proxy = FaultProxy::start(Options { dial_timeout, ..Options::default() }).unwrap();
    let declaration = ProxyDeclaration::local("p", hung.address.to_string());
    let view = proxy.create(declaration.clone()).await.unwrap();
    let mut client = TcpStream::connect(&view.listen).await.unwrap();
    assert_eq!(soon("the end of the dial", client.read(&mut [0])).await.unwrap(), 0);
    assert_eq!(proxy.get("p").unwrap().counters.dials_failed, 1);

    // With the usual timeout, longer than this test would wait otherwise.
    let proxy = FaultProxy::start(Options { dial_timeout: PATIENCE * 10, ..Options::default() });
    let proxy = proxy.unwrap();
    let view = proxy.create(declaration).await.unwrap();
    let client = TcpStream::connect(&view.listen).await.unwrap();
    let live = || proxy.get("p").unwrap().counters.connections_live;
    until("it is accepted", || live() == 1).await;
    client.set_zero_linger().unwrap();
    drop(client);
    until("it is noticed that the client has gone", || live() == 0).await;
}

#[tokio::test]
async fn a_cut_holds_back_the_dial_and_what_was_sent() {
    let cut = upstream(ToxicKind::Down(Down {})).named("cut");
    let place = Place::with_toxics(vec![cut]).await;
    let mut client = place.connect().await;
    client.write_all(b"patient").await.unwrap();
    client.shutdown().await.unwrap();
    until("it is accepted", || place.proxy.list()[0].counters.connections_live == 1).await;
    place.adopted().await;
    let quiet = timeout(Duration::from_millis(100), place.server.accept()).await;
    assert!(quiet.is_err(), "nothing reaches the server");
    place.proxy.remove_toxic("p", "cut").unwrap();
    let (mut server, _) = soon("the connection", place.server.accept()).await.unwrap();
    let mut received = String::new();
    soon("what was sent", server.read_to_string(&mut received)).await.unwrap();
    assert_eq!(received, "patient");
}

#[tokio::test]
async fn a_cut_of_a_live_connection_is_silent_and_then_flows_on() {
    let place = Place::new().await;
    let (mut client, mut server) = place.pair().await;
    place.proxy.add_toxic("p", downstream(ToxicKind::Down(Down {})).named("cut")).unwrap();
    place.adopted().await;
    server.write_all(b"late").await.unwrap();
    drop(server);
    let held = || place.proxy.list()[0].counters.downstream.received_bytes;
    until("it was taken", || held() == 4).await;
    let quiet = timeout(Duration::from_millis(100), client.read(&mut [0])).await;
    assert!(quiet.is_err(), "neither bytes nor an end");
    place.proxy.remove_toxic("p", "cut").unwrap();
    let mut received = String::new();
    soon("what was held", client.read_to_string(&mut received)).await.unwrap();
    assert_eq!(received, "late");
}
