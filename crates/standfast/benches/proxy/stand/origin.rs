//! The server behind all contenders: it answers with as little work as a server can do, so that
//! what is measured is what stands in front of it.

use std::net::SocketAddr;
use std::thread;

use anyhow::{Context, Result};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

/// What clients of our own ask; the load generator's requests are answered just so.
pub(crate) const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: origin\r\n\r\n";

pub(crate) const ANSWER: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n\
      {\"trivial\":true}";

/// A request of any client here is smaller.
const REQUEST_BYTES_MAX: usize = 1024;

/// What the stream writes at once: a large file's worth for the kernel, within its buffers.
const BLOCK_BYTES: usize = 256 * 1024;

/// Runs on a thread of its own until it is dropped.
#[derive(Debug)]
pub(crate) struct Origin {
    /// Answers every request with [`ANSWER`].
    pub(crate) answers: SocketAddr,
    /// Sends bytes to whoever connects, as fast as they are taken.
    pub(crate) streams: SocketAddr,
    _stop: oneshot::Sender<()>,
}

/// What has come of a request.
#[derive(Debug)]
enum Request {
    Whole,
    Part,
    /// The client has hung up.
    None,
}

impl Origin {
    pub(crate) fn start() -> Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (answering, streaming) = (bind()?, bind()?);
        let (answers, streams) = (answering.local_addr()?, streaming.local_addr()?);
        let (stop, stopped) = oneshot::channel();
        thread::Builder::new()
            .name("origin".to_owned())
            .spawn(move || runtime.block_on(serve(answering, streaming, stopped)))
            .context("no thread for the origin")?;
        Ok(Self { answers, streams, _stop: stop })
    }
}

fn bind() -> Result<std::net::TcpListener> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

async fn serve(
    answering: std::net::TcpListener,
    streaming: std::net::TcpListener,
    mut stopped: oneshot::Receiver<()>,
) -> Result<()> {
    let (answering, streaming) =
        (TcpListener::from_std(answering)?, TcpListener::from_std(streaming)?);
    let mut clients = JoinSet::new();
    loop {
        tokio::select! {
            accepted = answering.accept() => drop(clients.spawn(answer(accepted?.0))),
            accepted = streaming.accept() => drop(clients.spawn(stream(accepted?.0))),
            // A client that went away is no reason to stop.
            Some(_) = clients.join_next() => {}
            _ = &mut stopped => return Ok(()),
        }
    }
}

async fn answer(mut client: TcpStream) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    loop {
        client.readable().await?;
        match read_request(&client) {
            Ok(Request::Whole) => client.write_all(ANSWER).await?,
            Ok(Request::Part) => {}
            Ok(Request::None) => return Ok(()),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}

/// On the stack, so that ten thousand idle clients do not hold a buffer each.
fn read_request(client: &TcpStream) -> std::io::Result<Request> {
    let mut request = [0; REQUEST_BYTES_MAX];
    let read = client.try_read(&mut request)?;
    // No pipelining: clients send their next request after the answer.
    Ok(match &request[..read] {
        [] => Request::None,
        whole if whole.ends_with(b"\r\n\r\n") => Request::Whole,
        _ => Request::Part,
    })
}

async fn stream(mut client: TcpStream) -> std::io::Result<()> {
    let block = vec![b'x'; BLOCK_BYTES];
    // Ends with an error when the client has enough and hangs up.
    loop {
        client.write_all(&block).await?;
    }
}
