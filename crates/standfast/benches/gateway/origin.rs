//! The service behind all contenders: it answers with as little work as a server can do, so that
//! what is measured is what stands in front of it.

use std::net::SocketAddr;
use std::thread;

use anyhow::{Context, Result};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

/// What is asked: a search, as a storefront makes it.
pub(crate) const PATH: &str = "/api/offers?city=Lima&check_in=2027-03-01&nights=3&guests=2";

/// What is asked for a long answer.
pub(crate) const BULK_PATH: &str = "/assets/large";

/// Of a long answer.
pub(crate) const BULK_BYTES: usize = 64 << 20;

/// An answer of one offer.
pub(crate) const ANSWER: &str = "{\"offers\":[{\"offer_id\":7,\"name\":\"Casa Lima\",\
    \"price\":{\"cents\":12900,\"currency\":\"EUR\"}}],\"answer\":{\"kind\":\"fresh\"}}";

/// A request of any client here is smaller, with all that a proxy adds.
const REQUEST_BYTES_MAX: usize = 4096;

/// What the long answer is written in.
const BLOCK_BYTES: usize = 256 * 1024;

/// Runs on a thread of its own until it is dropped.
#[derive(Debug)]
pub(crate) struct Origin {
    pub(crate) address: SocketAddr,
    _stop: oneshot::Sender<()>,
}

impl Origin {
    pub(crate) fn start() -> Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        thread::Builder::new()
            .name("origin".to_owned())
            .spawn(move || runtime.block_on(serve(listener, stopped)))
            .context("no thread for the origin")?;
        Ok(Self { address, _stop: stop })
    }
}

async fn serve(listener: std::net::TcpListener, mut stopped: oneshot::Receiver<()>) -> Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let mut clients = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => drop(clients.spawn(answer(accepted?.0))),
            // A client that went away is no reason to stop.
            Some(_) = clients.join_next() => {}
            _ = &mut stopped => return Ok(()),
        }
    }
}

async fn answer(mut client: TcpStream) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    let kind = "Content-Type: application/json\r\nX-Answer: fresh";
    let length = ANSWER.len();
    let short = format!("HTTP/1.1 200 OK\r\n{kind}\r\nContent-Length: {length}\r\n\r\n{ANSWER}");
    let mut seen = 0;
    let mut request = [0; REQUEST_BYTES_MAX];
    loop {
        client.readable().await?;
        match client.try_read(&mut request[seen..]) {
            Ok(0) => return Ok(()),
            Ok(read) => seen += read,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error),
        }
        // No pipelining: clients send their next request after the answer.
        if !request[..seen].ends_with(b"\r\n\r\n") {
            continue;
        }
        if request[..seen].windows(BULK_PATH.len()).any(|part| part == BULK_PATH.as_bytes()) {
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {BULK_BYTES}\r\n\r\n");
            client.write_all(head.as_bytes()).await?;
            let block = vec![b'x'; BLOCK_BYTES];
            for _ in 0..BULK_BYTES / BLOCK_BYTES {
                client.write_all(&block).await?;
            }
        } else {
            client.write_all(short.as_bytes()).await?;
        }
        seen = 0;
    }
}
