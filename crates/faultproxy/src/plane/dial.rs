//! Connecting to an upstream.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

/// Connects to `upstream` within `within`, the look-up of its name included.
pub(super) async fn dial(upstream: &str, within: Duration) -> io::Result<TcpStream> {
    let stream = timeout(within, connect(upstream)).await.map_err(|_elapsed| {
        let text = format!("no connection to {upstream} within {within:?}");
        io::Error::new(io::ErrorKind::TimedOut, text)
    })??;
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn connect(upstream: &str) -> io::Result<TcpStream> {
    // The resolver has threads and locks of its own: addresses do not go there.
    if let Ok(address) = upstream.parse::<SocketAddr>() {
        return TcpStream::connect(address).await;
    }
    if let Some(Ok(port)) = upstream.strip_prefix(':').map(str::parse::<u16>) {
        return TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await;
    }
    let mut failure = None;
    for address in lookup_host(upstream).await? {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = Some(error),
        }
    }
    Err(failure.unwrap_or_else(|| io::Error::other(format!("no address of {upstream} is known"))))
}
