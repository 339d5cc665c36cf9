//! What is measured of each contender beside its requests: a long answer, and idle connections.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::time::Instant;

use crate::contest::requests::TIMEOUT;
use crate::contest::{cpu_us, memory_kb};
use crate::figures::{Figure, Figures};
use crate::origin::{ANSWER, BULK_BYTES, BULK_PATH, PATH};
use crate::stand::Stand;

/// How fast a long answer passes, what it costs, and what is held of it.
pub(crate) async fn bulk(stand: &Stand, each: Duration, figures: &mut Figures) -> Result<()> {
    for running in &stand.all {
        let (before, begun) = (cpu_us(running)?, Instant::now());
        let mut bytes = 0.0;
        while begun.elapsed() < each {
            let address = running.address;
            let taken = tokio::task::spawn_blocking(move || take(address)).await?;
            taken.with_context(|| running.contender.name())?;
            bytes += BULK_BYTES as f64;
        }
        let rate = bytes / 1e6 / begun.elapsed().as_secs_f64();
        figures.take(Figure::Bulk, running.contender, rate);
        if running.child.is_some() {
            let spent = cpu_us(running)? - before;
            figures.take(Figure::BulkCpu, running.contender, (spent / 1e3) / (bytes / 1e9));
            figures.take(Figure::BulkMemory, running.contender, memory_kb(running)? / 1e3);
        }
    }
    Ok(())
}

fn take(address: SocketAddr) -> Result<()> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    let request = format!("GET {BULK_PATH} HTTP/1.1\r\nHost: origin\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let (mut bytes, mut buffer) = (0, vec![0; 256 * 1024]);
    // Some bytes more than these are its head.
    while bytes < BULK_BYTES {
        let read = stream.read(&mut buffer)?;
        ensure!(read > 0, "the answer ended after {bytes} bytes");
        bytes += read;
    }
    Ok(())
}

/// What idle connections keep in memory, after each has had one request answered.
pub(crate) async fn idle(stand: &Stand, connections: usize, figures: &mut Figures) -> Result<()> {
    for running in stand.all.iter().filter(|running| running.child.is_some()) {
        let (before, address) = (memory_kb(running)?, running.address);
        let opened = tokio::task::spawn_blocking(move || open(address, connections)).await?;
        let idle = opened.with_context(|| running.contender.name())?;
        let each = (memory_kb(running)? - before) / connections as f64;
        drop(idle);
        figures.take(Figure::Fresh, running.contender, before / 1e3);
        figures.take(Figure::IdleConnection, running.contender, each);
    }
    Ok(())
}

fn open(address: SocketAddr, connections: usize) -> Result<Vec<TcpStream>> {
    let request = format!("GET {PATH} HTTP/1.1\r\nHost: origin\r\n\r\n");
    let exchange = || -> Result<TcpStream> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.write_all(request.as_bytes())?;
        let (mut answer, mut buffer) = (Vec::new(), [0; 4096]);
        while !answer.ends_with(ANSWER.as_bytes()) {
            let read = stream.read(&mut buffer)?;
            ensure!(read > 0, "the connection ended");
            answer.extend_from_slice(&buffer[..read]);
        }
        Ok(stream)
    };
    let one = |number| exchange().with_context(|| format!("connection {number} of {connections}"));
    (1..=connections).map(one).collect()
}
