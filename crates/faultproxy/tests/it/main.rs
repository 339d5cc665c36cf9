//! The fault proxy on real sockets: what its peers see, and what its callers wait for.

mod api_limits;
mod api_ours;
mod api_server;
mod api_table;
mod bytes;
mod collection;
mod ends;
mod hold;
mod leftovers;
mod seed;
mod toxics;

use std::time::Duration;

use standfast_faultproxy::toxic::{Direction, Toxic, ToxicKind};
use standfast_faultproxy::{FaultProxy, Options, ProxyDeclaration, ProxyView};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout};

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A proxy, its server, and where clients connect.
struct Place {
    proxy: FaultProxy,
    server: TcpListener,
    view: ProxyView,
}

impl Place {
    /// A proxy called `p` before a server of the test's own.
    async fn new() -> Self {
        Self::with_toxics(Vec::new()).await
    }

    async fn with_toxics(toxics: Vec<Toxic>) -> Self {
        let server = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let upstream = server.local_addr().expect("it is bound").to_string();
        let proxy = start();
        let declaration = ProxyDeclaration { toxics, ..ProxyDeclaration::local("p", upstream) };
        let view = proxy.create(declaration).await.expect("a free port");
        Self { proxy, server, view }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(&self.view.listen).await.expect("the port is open")
    }

    /// Both ends of a new connection: the client's and the server's.
    async fn pair(&self) -> (TcpStream, TcpStream) {
        let client = self.connect().await;
        let accepted = soon("the connection to the server", self.server.accept()).await;
        let (server, _) = accepted.expect("a socket");
        (client, server)
    }

    async fn adopted(&self) {
        let adoption = self.proxy.adopted("p", PATIENCE).await.expect("it is there");
        assert!(adoption.is_complete, "{adoption:?}");
    }
}

fn start() -> FaultProxy {
    FaultProxy::start(Options { threads: Some(2), ..Options::default() }).expect("threads")
}

fn upstream(kind: ToxicKind) -> Toxic {
    Toxic::new(kind, Direction::Upstream)
}

fn downstream(kind: ToxicKind) -> Toxic {
    Toxic::new(kind, Direction::Downstream)
}

/// Waits until `condition` holds, and fails when it does not for long.
async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Within the patience of these tests, so that one that hangs names itself.
async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("not within {PATIENCE:?}: {what}"))
}
