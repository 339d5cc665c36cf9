//! A thousand clients that ask for one cold key at once, key after key.
//!
//! The database is asked twice how often it was read: by the service's own counter, and by the log
//! of PostgreSQL, which knows nothing of the service's good intentions.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_postgres::NoTls;

use crate::figures::{Figure, Figures};
use crate::http;
use crate::rig::Rig;

const CLIENTS: usize = 1_000;
const KEYS: u32 = 25;

/// Above every price, so that each limit makes a new key and no search easier.
const MAX_PRICE_FROM: u32 = 5_000_000;

const ANSWER_WITHIN: Duration = Duration::from_secs(10);
const LOG_WITHIN: Duration = Duration::from_secs(5);
const LOG_POLL: Duration = Duration::from_millis(20);

/// How one client fared.
#[derive(Clone, Copy, Debug)]
struct Fared {
    is_ok: bool,
    took: Duration,
}

pub(crate) async fn run(rig: &Rig, figures: &mut Figures) -> Result<()> {
    let servers = ["primary", "replica"];
    for server in servers {
        log_statements(rig.instance.admin_url(server).context("no URL")?).await?;
    }
    let logs = servers.map(|server| rig.instance.log(server));
    let mut clients = connect(rig.address).await?;
    // One key to begin with: the servers take up the new setting at some time after they were told.
    until_logged(rig, &logs, MAX_PRICE_FROM).await?;
    for max_price in (MAX_PRICE_FROM + 1..).take(KEYS as usize) {
        let before = rig.counted().await?;
        let path = cold_path(max_price);
        let (back, fared) = ask_all(clients, http::request(&path, rig.address)).await?;
        clients = back;
        let counted = rig.counted().await?;
        let failures = fared.iter().filter(|fared| !fared.is_ok).count();
        let mut took_ms: Vec<f64> =
            fared.iter().map(|fared| fared.took.as_secs_f64() * 1000.0).collect();
        took_ms.sort_by(f64::total_cmp);
        figures.take(Figure::ReadsByService, counted.database_reads - before.database_reads);
        figures.take(Figure::ReadsByPostgres, logged(&logs, max_price)? as f64);
        figures.take(Figure::StampedeFailures, failures as f64);
        figures.take(Figure::StampedeMedian, took_ms[took_ms.len() / 2]);
        figures.take(Figure::StampedeSlowest, took_ms[took_ms.len() - 1]);
    }
    Ok(())
}

fn cold_path(max_price: u32) -> String {
    format!("/offers?city=1&check_in=2027-03-01&nights=3&guests=2&max_price={max_price}")
}

/// Lets a server log every statement with its parameters.
async fn log_statements(admin_url: &str) -> Result<()> {
    let (client, connection) = tokio_postgres::connect(admin_url, NoTls).await?;
    let mut tasks = JoinSet::new();
    tasks.spawn(connection);
    client.simple_query("ALTER SYSTEM SET log_statement = 'all'").await?;
    client.simple_query("SELECT pg_reload_conf()").await?;
    Ok(())
}

/// Asks for fresh keys until one of them shows up in a log.
async fn until_logged(rig: &Rig, logs: &[PathBuf; 2], max_price: u32) -> Result<()> {
    let begun = Instant::now();
    // Other keys than those that are measured.
    for max_price in (1..max_price).rev() {
        let mut probe = vec![TcpStream::connect(rig.address).await?];
        let request = http::request(&cold_path(max_price), rig.address);
        (probe, _) = ask_all(probe, request).await?;
        drop(probe);
        sleep(LOG_POLL).await;
        if logged(logs, max_price)? > 0 {
            return Ok(());
        }
        ensure!(begun.elapsed() < LOG_WITHIN, "PostgreSQL does not log its statements");
    }
    Ok(())
}

/// How often the search with this limit was executed, by the logs of all servers.
fn logged(logs: &[PathBuf; 2], max_price: u32) -> Result<usize> {
    // The limit is the fifth parameter of `search.sql`.
    let parameter = format!("$5 = '{max_price}'");
    let mut count = 0;
    for log in logs {
        let text = std::fs::read(log).with_context(|| log.display().to_string())?;
        count += String::from_utf8_lossy(&text).matches(&parameter).count();
    }
    Ok(count)
}

async fn connect(address: SocketAddr) -> Result<Vec<TcpStream>> {
    let mut clients = Vec::with_capacity(CLIENTS);
    for _ in 0..CLIENTS {
        let stream = TcpStream::connect(address).await.context("is `ulimit -n` below 2,100?")?;
        stream.set_nodelay(true)?;
        clients.push(stream);
    }
    Ok(clients)
}

/// Sends `request` on all connections at once, and waits for every answer.
async fn ask_all(
    clients: Vec<TcpStream>,
    request: Vec<u8>,
) -> Result<(Vec<TcpStream>, Vec<Fared>)> {
    let count = clients.len();
    let request: Arc<[u8]> = request.into();
    let (go, gone) = watch::channel(None);
    let mut asking = JoinSet::new();
    for mut stream in clients {
        let (request, mut gone) = (Arc::clone(&request), gone.clone());
        asking.spawn(async move {
            let begun: Option<Instant> = *gone.wait_for(Option::is_some).await?;
            let begun = begun.context("the start is set")?;
            let status = timeout(ANSWER_WITHIN, ask(&mut stream, &request)).await??;
            anyhow::Ok((stream, Fared { is_ok: status == 200, took: begun.elapsed() }))
        });
    }
    go.send(Some(Instant::now()))?;
    let (mut clients, mut fared) = (Vec::with_capacity(count), Vec::with_capacity(count));
    while let Some(asked) = asking.join_next().await {
        let (stream, one) = asked??;
        clients.push(stream);
        fared.push(one);
    }
    Ok((clients, fared))
}

/// Answers the status.
async fn ask(stream: &mut TcpStream, request: &[u8]) -> Result<u16> {
    stream.write_all(request).await?;
    let mut answer = Vec::with_capacity(16 * 1024);
    loop {
        let read = stream.read_buf(&mut answer).await?;
        ensure!(read > 0, "the service hung up");
        if let Some(head) = http::head(&answer)?
            && answer.len() >= head.length
        {
            return Ok(head.status);
        }
    }
}
