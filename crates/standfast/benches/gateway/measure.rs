//! What is measured of each contender in its turn.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use standfast_history::Outcome;
use standfast_loadgen::closed::{self, ClosedPlan};
use standfast_loadgen::{Arrivals, LoadPlan, Scenario, latency, start};
use tokio::time::Instant;

use crate::figures::{Figure, Figures};
use crate::origin::{ANSWER, BULK_BYTES, BULK_PATH, PATH};
use crate::processor_time::processor_us;
use crate::stand::{Contender, Running, Stand};

pub(crate) const CONNECTIONS: [usize; 3] = [1, 16, 64];

/// Far beyond any answer: a request that needs longer is an error, not a figure.
const TIMEOUT: Duration = Duration::from_secs(5);

/// With few connections the scheduler may keep all of a round trip on one core for a while, or not:
/// many short turns see both.
const TURN: Duration = Duration::from_millis(250);

const RATE_PER_S: f64 = 2_000.0;
const RATE_CONNECTIONS: usize = 16;
const RATE_TURN: Duration = Duration::from_millis(500);

/// The generator's thread has to be there when the first attempt is due.
const START_DELAY: Duration = Duration::from_millis(20);

/// Requests per second of closed loops, and what each costs.
pub(crate) async fn requests(stand: &Stand, each: Duration, figures: &mut Figures) -> Result<()> {
    for connections in CONNECTIONS {
        for _ in 0..each.as_millis() / TURN.as_millis() {
            for running in &stand.all {
                closed_turn(running, connections, figures).await?;
            }
        }
    }
    Ok(())
}

async fn closed_turn(running: &Running, connections: usize, figures: &mut Figures) -> Result<()> {
    let (scenario, target) = Scenario::from_url(&format!("http://{}{PATH}", running.address))?;
    let plan =
        ClosedPlan { scenario, target, connections, duration: TURN, timeout: TIMEOUT, seed: 1 };
    let before = cpu_us(running)?;
    let outcome = closed::start(plan)?.finish().await;
    let spent = cpu_us(running)? - before;
    let (name, ok) = (running.contender.name(), outcome.ok);
    let failed = outcome.failed + outcome.info;
    ensure!(ok > 0 && failed == 0, "{name}: {ok} answers and {failed} failures");
    let rate = ok as f64 / outcome.elapsed.as_secs_f64();
    figures.take(Figure::Requests(connections), running.contender, rate);
    if running.child.is_some() {
        figures.take(Figure::RequestCpu(connections), running.contender, spent / ok as f64);
    }
    Ok(())
}

/// Latency and processor time at a moderate fixed rate, in open loop.
pub(crate) async fn rate(stand: &Stand, each: Duration, figures: &mut Figures) -> Result<()> {
    for _ in 0..each.as_millis() / RATE_TURN.as_millis() {
        let mut direct = None;
        for running in &stand.all {
            let (p50, p99, cpu) = rate_turn(running).await?;
            let contender = running.contender;
            figures.take(Figure::RateP50, contender, p50);
            figures.take(Figure::RateP99, contender, p99);
            let (direct_p50, direct_p99) = *direct.get_or_insert((p50, p99));
            if contender != Contender::None {
                figures.take(Figure::RateCpu, contender, cpu);
                figures.take(Figure::AddedP50, contender, p50 - direct_p50);
                figures.take(Figure::AddedP99, contender, p99 - direct_p99);
            }
        }
    }
    Ok(())
}

async fn rate_turn(running: &Running) -> Result<(f64, f64, f64)> {
    let (scenario, target) = Scenario::from_url(&format!("http://{}{PATH}", running.address))?;
    let plan = LoadPlan {
        scenario,
        target,
        rate_per_s: RATE_PER_S,
        arrivals: Arrivals::Constant,
        start: Duration::ZERO,
        duration: RATE_TURN,
        timeout: TIMEOUT,
        connections_max: RATE_CONNECTIONS,
        seed: 1,
    };
    let before = cpu_us(running)?;
    let load = start(vec![plan], Instant::now() + START_DELAY)?;
    let outcome = load.finish().await.pop().context("a plan has an outcome")?;
    let spent = cpu_us(running)? - before;
    let is_ok = |operation: &&standfast_history::Operation| operation.outcome == Outcome::Ok;
    let ok = outcome.operations.iter().filter(is_ok).count();
    let name = running.contender.name();
    ensure!(ok as u64 == outcome.intended, "{name}: {ok} answers of {}", outcome.intended);
    let latencies = latency::of(&outcome.operations);
    let at = |quantile| latencies.value_at_quantile(quantile) as f64;
    Ok((at(0.5), at(0.99), spent / ok as f64))
}

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

/// Time on a processor so far, of the whole process tree. Nothing where nothing stands between.
fn cpu_us(running: &Running) -> Result<f64> {
    total(running, processor_us)
}

/// Memory in kilobytes; pages shared with other processes count in part.
fn memory_kb(running: &Running) -> Result<f64> {
    total(running, |pid| {
        let path = format!("/proc/{pid}/smaps_rollup");
        let text = std::fs::read_to_string(&path).with_context(|| path.clone())?;
        let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        kilobytes.with_context(|| format!("{path} tells no memory"))
    })
}

fn total(running: &Running, of: impl Fn(u32) -> Result<f64>) -> Result<f64> {
    let Some(child) = &running.child else { return Ok(0.0) };
    ensure!(child.is_running(), "{} has ended, see its log", child.name());
    let pids = child.descendants().into_iter().map(|id| id.pid).chain([child.pid()]);
    pids.map(of).sum()
}
