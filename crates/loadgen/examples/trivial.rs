//! The endpoint of generator benchmarks: it answers every request with the same few bytes, and can
//! freeze for a while, so that what a generator reports can be compared with what must be true.
//!
//! `cargo run --release -p standfast-loadgen --example trivial -- --port 8099 --freeze-at 3`

#![expect(clippy::print_stdout, reason = "the address is this program's result")]

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::OnceLock;
use std::time::Duration;

use clap::Parser;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

const ANSWER: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n\
      {\"trivial\":true}";

/// A request of a generator is smaller; one that is larger ends its connection.
const REQUEST_BYTES_MAX: usize = 16 * 1024;

#[derive(Debug, Parser)]
struct Arguments {
    /// Port on loopback; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Seconds from the first request to the freeze.
    #[arg(long)]
    freeze_at: Option<f64>,
    /// Seconds that the freeze lasts.
    #[arg(long, default_value_t = 2.0)]
    freeze_for: f64,
}

/// When answers are held back, counted from the first request.
#[derive(Debug)]
struct Freeze {
    span: Option<(Duration, Duration)>,
    first_request: OnceLock<Instant>,
}

impl Freeze {
    async fn wait(&self) {
        let Some((at, length)) = self.span else { return };
        let begin = *self.first_request.get_or_init(Instant::now) + at;
        let now = Instant::now();
        if now >= begin && now < begin + length {
            sleep_until(begin + length).await;
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let arguments = Arguments::parse();
    let length = Duration::from_secs_f64(arguments.freeze_for);
    let span = arguments.freeze_at.map(|at| (Duration::from_secs_f64(at), length));
    let freeze: &'static Freeze =
        Box::leak(Box::new(Freeze { span, first_request: OnceLock::new() }));
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, arguments.port));
    let listener = TcpListener::bind(address).await?;
    println!("http://{}/", listener.local_addr()?);
    let mut clients = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (stream, _) = accepted?;
                clients.spawn(serve(stream, freeze));
            }
            // A client that went away is no reason to stop.
            Some(_) = clients.join_next() => {}
        }
    }
}

async fn serve(mut stream: TcpStream, freeze: &Freeze) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut request = [0; REQUEST_BYTES_MAX];
    let mut filled = 0;
    loop {
        let read = stream.read(&mut request[filled..]).await?;
        if read == 0 {
            return Ok(());
        }
        filled += read;
        // No pipelining: a generator sends its next request after the answer.
        if request[..filled].ends_with(b"\r\n\r\n") {
            freeze.wait().await;
            stream.write_all(ANSWER).await?;
            filled = 0;
        }
    }
}
