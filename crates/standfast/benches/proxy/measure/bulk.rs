//! How fast a large body passes, and what a gigabyte of it costs the contender.

use std::io::Read;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::contest::cpu_us;
use crate::figures::{Figure, Figures};
use crate::stand::Stand;

pub(crate) const CONNECTIONS: [usize; 2] = [1, 4];

/// What a client asks for at once.
const READ_BYTES: usize = 256 * 1024;

/// A body that stands still for so long is not being measured any more.
const SILENCE_MAX: Duration = Duration::from_secs(5);

pub(crate) async fn round(stand: &Stand, each: Duration, figures: &mut Figures) -> Result<()> {
    for connections in CONNECTIONS {
        for running in &stand.all {
            let before = cpu_us(running)?;
            let begun = Instant::now();
            let mut clients = JoinSet::new();
            for _ in 0..connections {
                let address = running.streams;
                clients.spawn_blocking(move || take(address, begun + each));
            }
            let mut bytes = 0;
            while let Some(taken) = clients.join_next().await {
                bytes += taken?.with_context(|| running.contender.name())?;
            }
            let (took, spent) = (begun.elapsed(), cpu_us(running)? - before);
            let rate = bytes as f64 / 1e6 / took.as_secs_f64();
            figures.take(Figure::Bulk(connections), running.contender, rate);
            if running.child.is_some() {
                let cost = (spent / 1e3) / (bytes as f64 / 1e9);
                figures.take(Figure::BulkCpu(connections), running.contender, cost);
            }
        }
    }
    Ok(())
}

/// Reads until `end` and says how much.
fn take(address: SocketAddr, end: Instant) -> Result<u64> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(SILENCE_MAX))?;
    let mut buffer = vec![0; READ_BYTES];
    let mut bytes = 0;
    while Instant::now() < end {
        let read = stream.read(&mut buffer)?;
        ensure!(read > 0, "the body ended after {bytes} bytes");
        bytes += read as u64;
    }
    Ok(bytes)
}
