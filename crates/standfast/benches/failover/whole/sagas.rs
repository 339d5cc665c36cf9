//! Waits until no saga goes on.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use standfast_engines::wait_until;

use super::connection::Connection;

/// A saga that gets no outcome is taken back after a minute.
const SETTLED_WITHIN: Duration = Duration::from_secs(120);

/// How many sagas are open when nothing changes any more: zero, or they are stuck.
pub(super) async fn open_at_the_end(middleware: SocketAddr) -> Result<usize> {
    let settled = || async { (open(middleware).await.ok()? == 0).then_some(()) };
    match wait_until(SETTLED_WITHIN, settled).await {
        Some(()) => Ok(0),
        None => open(middleware).await,
    }
}

async fn open(middleware: SocketAddr) -> Result<usize> {
    let mut connection = Connection::open(middleware).await?;
    let mut count = 0;
    for state in ["running", "compensating", "parked"] {
        let path = format!("/sagas?limit=1000&state={state}");
        let request = format!("GET {path} HTTP/1.1\r\nHost: {middleware}\r\n\r\n");
        let answer = connection.exchange(request.as_bytes()).await?;
        let sagas = answer.body.get("sagas").and_then(|sagas| sagas.as_array());
        count += sagas.with_context(|| format!("{path}: {}", answer.status))?.len();
    }
    Ok(count)
}
