//! A server that behaves as a test wants it to.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep, sleep_until};

/// What the server does with a request.
#[derive(Clone, Debug)]
pub(crate) enum Behaviour {
    Answer(&'static str),
    /// Answers, then closes although the answer did not say so.
    AnswerAndClose(&'static str),
    AnswerAfter(Duration, &'static str),
    /// Answers nothing from `at` after its start until `at + length`, and then all of it.
    Freeze {
        at: Duration,
        length: Duration,
    },
    /// Closes with bytes unread, which is a reset.
    Reset,
    Hang,
    /// Takes these in turn, request by request.
    Turns(Vec<Behaviour>),
    /// Answers with the request as `head` of a JSON object.
    Echo,
}

pub(crate) const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A running server; dropping it closes everything.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) connections: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub(crate) async fn start(behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
        let address = listener.local_addr().expect("a listener has an address");
        let connections = Arc::<AtomicU64>::default();
        let task = tokio::spawn(accept(listener, behaviour, Arc::clone(&connections)));
        Self { address, connections, task }
    }
}

/// An address at which nobody listens.
pub(crate) async fn refusing_address() -> SocketAddr {
    // The listener is gone when this returns.
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
    listener.local_addr().expect("a listener has an address")
}

/// A listener that accepts nobody: the kernel makes one or two connections in its place, and lets
/// the handshakes of the others go unanswered.
pub(crate) fn deaf_listener() -> (TcpListener, SocketAddr) {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("loopback has free ports");
    let listener = socket.listen(1).expect("a bound socket can listen");
    let address = listener.local_addr().expect("a listener has an address");
    (listener, address)
}

async fn accept(listener: TcpListener, behaviour: Behaviour, connections: Arc<AtomicU64>) {
    let requests = Arc::<AtomicU64>::default();
    let begun = Instant::now();
    let mut clients = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.expect("few clients");
        connections.fetch_add(1, Ordering::Relaxed);
        clients.spawn(serve(stream, behaviour.clone(), Arc::clone(&requests), begun));
    }
}

async fn serve(
    mut stream: TcpStream,
    behaviour: Behaviour,
    requests: Arc<AtomicU64>,
    begun: Instant,
) -> std::io::Result<()> {
    let mut request = Vec::new();
    loop {
        request.clear();
        while !is_whole(&request) {
            if stream.read_buf(&mut request).await? == 0 {
                return Ok(());
            }
        }
        let number = requests.fetch_add(1, Ordering::Relaxed);
        let behaviour = if let Behaviour::Turns(turns) = &behaviour {
            &turns[usize::try_from(number).expect("a small number") % turns.len()]
        } else {
            &behaviour
        };
        match behaviour {
            Behaviour::Answer(answer) => stream.write_all(answer.as_bytes()).await?,
            Behaviour::AnswerAndClose(answer) => {
                return stream.write_all(answer.as_bytes()).await;
            }
            Behaviour::AnswerAfter(delay, answer) => {
                sleep(*delay).await;
                stream.write_all(answer.as_bytes()).await?;
            }
            Behaviour::Freeze { at, length } => {
                let now = Instant::now();
                if now >= begun + *at && now < begun + *at + *length {
                    sleep_until(begun + *at + *length).await;
                }
                stream.write_all(OK.as_bytes()).await?;
            }
            Behaviour::Reset => {
                stream.set_zero_linger()?;
                return Ok(());
            }
            Behaviour::Hang => std::future::pending().await,
            Behaviour::Echo => {
                let head = String::from_utf8_lossy(&request);
                let body = serde_json::json!({ "head": head }).to_string();
                let answer =
                    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
                stream.write_all(answer.as_bytes()).await?;
            }
            Behaviour::Turns(_) => unreachable!("turns do not nest"),
        }
    }
}

/// The requests of these tests have no body or `{}`.
fn is_whole(request: &[u8]) -> bool {
    request.ends_with(b"\r\n\r\n") || request.ends_with(b"\r\n\r\n{}")
}
