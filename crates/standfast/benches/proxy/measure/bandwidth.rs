//! How near a bandwidth toxic comes to the rate that it says.

use std::io::Read;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tokio::time::Instant;

use crate::figures::{Figure, Figures};
use crate::stand::{Call, Origin, Stand};

/// In KB/s of 1,000 bytes.
pub(crate) const RATES: [u32; 4] = [100, 1_000, 10_000, 100_000];

/// The slowest rate comes in pieces of a tenth of a second: shorter would measure the pieces.
const MEASURED: Duration = Duration::from_secs(2);
const READ_BYTES: usize = 256 * 1024;
const SILENCE_MAX: Duration = Duration::from_secs(5);

pub(crate) async fn round(stand: &Stand, origin: &Origin, figures: &mut Figures) -> Result<()> {
    for rate in RATES {
        for running in &stand.all {
            let Some(control) = running.control else { continue };
            let listen = control.create("bandwidth", origin.streams).await?;
            let attributes = json!({ "rate": rate });
            control.call(&Call::add_toxic("bandwidth", "bandwidth", attributes)).await?;
            let taken = tokio::task::spawn_blocking(move || bytes_per_s(listen)).await?;
            let taken = taken.with_context(|| format!("{} at {rate}", running.contender.name()))?;
            control.call(&Call::delete("bandwidth")).await?;
            let share = taken / (f64::from(rate) * 1e3);
            figures.take(Figure::Bandwidth(rate), running.contender, share);
        }
    }
    Ok(())
}

/// From the first piece to the last: the first only starts the clock, and each after it took its
/// time to come.
fn bytes_per_s(address: SocketAddr) -> Result<f64> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(SILENCE_MAX))?;
    let mut buffer = vec![0; READ_BYTES];
    let mut read = || -> Result<u64> {
        let read = stream.read(&mut buffer)?;
        ensure!(read > 0, "the stream ended");
        Ok(read as u64)
    };
    read()?;
    let first = Instant::now();
    let mut bytes = 0;
    loop {
        bytes += read()?;
        let last = Instant::now();
        if last.duration_since(first) >= MEASURED {
            return Ok(bytes as f64 / last.duration_since(first).as_secs_f64());
        }
    }
}
