//! A blocking connection that asks and waits: the least that any client can do, so that what is
//! measured is the server. The same one asks Valkey and the service, or the two could not be
//! compared.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::time::Instant;

/// A server that is silent for so long is not being measured any more.
const SILENCE_MAX: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(crate) struct Wire {
    stream: TcpStream,
    answer: Vec<u8>,
}

impl Wire {
    pub(crate) fn connect(address: SocketAddr) -> Result<Self> {
        let stream =
            TcpStream::connect(address).with_context(|| format!("cannot connect to {address}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(SILENCE_MAX))?;
        Ok(Self { stream, answer: Vec::new() })
    }

    /// Sends `request` and reads one whole answer, whose end `length_of` finds.
    pub(crate) fn exchange(
        &mut self,
        request: &[u8],
        length_of: impl Fn(&[u8]) -> Result<Option<usize>>,
    ) -> Result<&[u8]> {
        const CHUNK: usize = 64 * 1024;
        self.stream.write_all(request)?;
        let mut filled = 0;
        loop {
            if self.answer.len() < filled + CHUNK {
                self.answer.resize(filled + CHUNK, 0);
            }
            let read = self.stream.read(&mut self.answer[filled..])?;
            ensure!(read > 0, "the server hung up");
            filled += read;
            if let Some(length) = length_of(&self.answer[..filled])? {
                ensure!(length == filled, "the server said more than it was asked");
                return Ok(&self.answer[..filled]);
            }
        }
    }

    /// The p50 in microseconds of asking `request` again and again `for_long`.
    pub(crate) fn p50_us(
        &mut self,
        request: &[u8],
        length_of: impl Fn(&[u8]) -> Result<Option<usize>> + Copy,
        for_long: Duration,
    ) -> Result<f64> {
        let begun = Instant::now();
        let mut trips_ns = Vec::new();
        loop {
            let sent = Instant::now();
            self.exchange(request, length_of)?;
            let answered = Instant::now();
            trips_ns.push(answered.duration_since(sent).as_nanos());
            if answered.duration_since(begun) >= for_long {
                break;
            }
        }
        let middle = trips_ns.len() / 2;
        let (_, p50_ns, _) = trips_ns.select_nth_unstable(middle);
        Ok(*p50_ns as f64 / 1000.0)
    }
}
