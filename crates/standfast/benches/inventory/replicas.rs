//! A client that asks over connections which it keeps: one service, or all replicas at once, as
//! somebody would who votes without a voter.

use std::net::SocketAddr;

use anyhow::{Result, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::http;

/// No answer of a benchmark is longer.
const ANSWER_LENGTH_MAX: usize = 16 * 1024;

/// A connection, and what is asked on it.
#[derive(Debug)]
pub(crate) struct Line {
    stream: TcpStream,
    request: Vec<u8>,
    answer: Vec<u8>,
}

impl Line {
    pub(crate) async fn open(address: SocketAddr, path: &str) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let request = http::request(path, address);
        Ok(Self { stream, request, answer: Vec::with_capacity(ANSWER_LENGTH_MAX) })
    }

    /// The same in the runtime that this is called from.
    pub(crate) fn moved(self) -> Result<Self> {
        let stream = TcpStream::from_std(self.stream.into_std()?)?;
        Ok(Self { stream, ..self })
    }

    async fn send(&mut self) -> Result<()> {
        self.answer.clear();
        Ok(self.stream.write_all(&self.request).await?)
    }

    /// Reads to the end of the answer. Cancel-safe: what was read is kept.
    async fn receive(&mut self) -> Result<()> {
        loop {
            if let Some(length) = http::length_of(&self.answer)? {
                ensure!(length == self.answer.len(), "the server said more than it was asked");
                return Ok(());
            }
            ensure!(self.stream.read_buf(&mut self.answer).await? > 0, "the server hung up");
        }
    }

    /// Microseconds until the answer.
    pub(crate) async fn ask(&mut self) -> Result<f64> {
        let sent = Instant::now();
        self.send().await?;
        self.receive().await?;
        Ok(us_since(sent))
    }
}

/// Microseconds until the second of three answers. The third is waited for as well, but not
/// counted.
pub(crate) async fn ask_all(lines: &mut [Line; 3]) -> Result<f64> {
    let sent = Instant::now();
    for line in lines.iter_mut() {
        line.send().await?;
    }
    let [one, two, three] = lines;
    let (mut answered, mut second) = ([false; 3], 0.0);
    for count in 1..=3 {
        tokio::select! {
            done = one.receive(), if !answered[0] => { done?; answered[0] = true; }
            done = two.receive(), if !answered[1] => { done?; answered[1] = true; }
            done = three.receive(), if !answered[2] => { done?; answered[2] = true; }
        }
        if count == 2 {
            second = us_since(sent);
        }
    }
    Ok(second)
}

fn us_since(sent: Instant) -> f64 {
    sent.elapsed().as_nanos() as f64 / 1000.0
}
