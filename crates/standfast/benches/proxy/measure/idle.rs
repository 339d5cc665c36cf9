//! What idle connections keep in memory, after each has had one request answered.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::contest::memory_kb;
use crate::figures::{Figure, Figures};
use crate::stand::{ANSWER, Contender, REQUEST, Stand};

const SILENCE_MAX: Duration = Duration::from_secs(5);

/// The contenders must be fresh: what they had before would count as free room.
pub(crate) async fn run(stand: &Stand, connections: usize, figures: &mut Figures) -> Result<()> {
    for running in &stand.all {
        if running.contender == Contender::None {
            continue;
        }
        let before = memory_kb(running)?;
        let address = running.answers;
        let opened = tokio::task::spawn_blocking(move || open(address, connections)).await?;
        let idle = opened.with_context(|| running.contender.name())?;
        let after = memory_kb(running)?;
        drop(idle);
        let each = (after - before) / connections as f64;
        figures.take(Figure::Fresh, running.contender, before / 1e3);
        figures.take(Figure::IdleConnection, running.contender, each);
    }
    Ok(())
}

fn open(address: SocketAddr, connections: usize) -> Result<Vec<TcpStream>> {
    let mut idle = Vec::with_capacity(connections);
    let mut answer = vec![0; ANSWER.len()];
    for number in 1..=connections {
        let mut exchange = || -> std::io::Result<TcpStream> {
            let mut stream = TcpStream::connect(address)?;
            stream.set_read_timeout(Some(SILENCE_MAX))?;
            stream.write_all(REQUEST)?;
            stream.read_exact(&mut answer)?;
            Ok(stream)
        };
        idle.push(exchange().with_context(|| format!("connection {number} of {connections}"))?);
    }
    Ok(idle)
}
