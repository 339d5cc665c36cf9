//! What a latency toxic of 100 ms adds to requests of a thousand connections.
//!
//! The requests are spread over time: at one instant, the queue for two cores would be measured.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use crate::figures::{Figure, Figures, quantile};
use crate::stand::{ANSWER, Call, Origin, REQUEST, Stand};

const CONNECTIONS: u32 = 1_000;
pub(crate) const LATENCY_MS: f64 = 100.0;
const SPACING: Duration = Duration::from_millis(2);
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

pub(crate) async fn round(stand: &Stand, origin: &Origin, figures: &mut Figures) -> Result<()> {
    for running in &stand.all {
        let Some(control) = running.control else { continue };
        let listen = control.create("latency", origin.answers).await?;
        let clients = connect(listen).await?;
        let (clients, mut without) = ask(clients).await?;
        let attributes = json!({ "latency": LATENCY_MS as u32 });
        control.call(&Call::add_toxic("latency", "latency", attributes)).await?;
        let (clients, mut with) = ask(clients).await?;
        drop(clients);
        control.call(&Call::delete("latency")).await?;
        let without = quantile(&mut without, 0.5).context("nobody answered")?;
        for (figure, share) in [(Figure::ToxicP50, 0.5), (Figure::ToxicP99, 0.99)] {
            let with = quantile(&mut with, share).context("nobody answered")?;
            figures.take(figure, running.contender, with - without);
        }
    }
    Ok(())
}

async fn connect(address: SocketAddr) -> Result<Vec<TcpStream>> {
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut client = TcpStream::connect(address).await?;
        client.set_nodelay(true)?;
        // Once before it counts: the proxy may still be dialling.
        exchange(&mut client).await?;
        clients.push(client);
    }
    Ok(clients)
}

/// One request on every connection, one after the other; answers milliseconds.
async fn ask(clients: Vec<TcpStream>) -> Result<(Vec<TcpStream>, Vec<f64>)> {
    let begun = Instant::now();
    let mut asking = JoinSet::new();
    for (index, mut client) in (0_u32..).zip(clients) {
        asking.spawn(async move {
            sleep_until(begun + SPACING * index).await;
            let sent = Instant::now();
            timeout(ANSWER_WITHIN, exchange(&mut client)).await??;
            anyhow::Ok((client, sent.elapsed().as_secs_f64() * 1e3))
        });
    }
    let (mut clients, mut took_ms) = (Vec::new(), Vec::new());
    while let Some(asked) = asking.join_next().await {
        let (client, took) = asked??;
        clients.push(client);
        took_ms.push(took);
    }
    Ok((clients, took_ms))
}

async fn exchange(client: &mut TcpStream) -> Result<()> {
    client.write_all(REQUEST).await?;
    let mut answer = [0; ANSWER.len()];
    client.read_exact(&mut answer).await?;
    Ok(())
}
