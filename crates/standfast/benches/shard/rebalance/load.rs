//! Writes in open loop, at random keys: rows come, change and go.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use super::Shared;
use super::ledger::{Change, Ledger};
use crate::options::Options;
use crate::router::Router;
use crate::stand::Stand;

const UPDATE: usize = 0;
const INSERT: usize = 1;
const DELETE: usize = 2;
const STATEMENTS: [&str; 3] = [
    "UPDATE items SET value = $3 WHERE id = $1 AND slot = $2",
    "INSERT INTO items (id, slot, value, note) \
     VALUES ($1, $2, $3, 'note of ' || $1::bigint || ' ' || repeat('.', 140))",
    "DELETE FROM items WHERE id = $1 AND slot = $2",
];

/// Multiplied by it, numbers below that of the rows are a permutation of themselves.
const PRIME: u64 = 2_654_435_761;

const CONNECTIONS_EACH: usize = 8;
/// More than that are only under way when nothing is answered any more.
const UNDER_WAY_MAX: usize = 60_000;
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// From the begin of the load.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub(super) begin: Duration,
    pub(super) end: Duration,
}

/// One that was acknowledged.
#[derive(Clone, Copy, Debug)]
pub(super) struct Write {
    /// When it was to be sent.
    pub(super) due: Duration,
    /// From then on.
    pub(super) took: Duration,
    pub(super) slot: u16,
    pub(super) refused: u32,
}

pub(super) struct Load {
    begun: Instant,
    stop: Arc<AtomicBool>,
    done: Shared<(Vec<Write>, Ledger)>,
    sending: JoinSet<Result<()>>,
}

impl Load {
    pub(super) async fn start(stand: &Stand, options: &Options) -> Result<Self> {
        let router = Arc::new(Router::open(stand, CONNECTIONS_EACH, &STATEMENTS).await?);
        let (begun, stop) = (Instant::now(), Arc::new(AtomicBool::new(false)));
        let ledger = Ledger::of(options.all_rows.into());
        let done = Arc::new(Mutex::new((Vec::new(), ledger)));
        let mut sending = JoinSet::new();
        let sender = Sender { router, begun, done: Arc::clone(&done), rows: options.all_rows };
        let rate = f64::from(options.rate_per_s);
        sending.spawn(sender.run(rate, Arc::clone(&stop)));
        Ok(Self { begun, stop, done, sending })
    }

    pub(super) fn now(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Lets it go on for a while.
    pub(super) async fn watch(&self, time: Duration) -> Result<()> {
        let end = Instant::now() + time;
        while Instant::now() < end {
            ensure!(!self.stop.load(Ordering::Relaxed), "the load has ended");
            sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// Waits for every answer.
    pub(super) async fn stop(mut self) -> Result<(Vec<Write>, Ledger)> {
        self.stop.store(true, Ordering::Relaxed);
        while let Some(sent) = self.sending.join_next().await {
            sent??;
        }
        let done = Arc::into_inner(self.done).context("somebody writes still")?;
        Ok(done.into_inner().unwrap_or_else(PoisonError::into_inner))
    }
}

#[derive(Clone)]
struct Sender {
    router: Arc<Router>,
    begun: Instant,
    done: Shared<(Vec<Write>, Ledger)>,
    rows: u32,
}

impl Sender {
    async fn run(self, rate_per_s: f64, stop: Arc<AtomicBool>) -> Result<()> {
        let mut under_way = JoinSet::new();
        for number in 0_u32.. {
            let due = Duration::from_secs_f64(f64::from(number) / rate_per_s);
            sleep_until(self.begun + due).await;
            if stop.load(Ordering::Relaxed) || number == self.rows {
                break;
            }
            while let Some(ended) = under_way.try_join_next() {
                ended??;
            }
            ensure!(under_way.len() < UNDER_WAY_MAX, "nothing is answered any more");
            under_way.spawn(self.clone().send(number, due));
        }
        while let Some(ended) = under_way.join_next().await {
            ended??;
        }
        // The rest of the run would be without writes.
        stop.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// No key is written twice, so that an acknowledgement says what the row must be.
    async fn send(self, number: u32, due: Duration) -> Result<()> {
        let (id, value) = (self.key(number), i64::from(number) + 1);
        let (statement, change) = match number % 10 {
            0..=5 => (UPDATE, Change::Set(value)),
            6..=8 => (INSERT, Change::Set(value)),
            _ => (DELETE, Change::Gone),
        };
        let written = match statement {
            DELETE => self.router.write(statement, id, &[]).await,
            _ => self.router.write(statement, id, &[&value]).await,
        };
        let took = self.begun.elapsed().saturating_sub(due);
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        match written {
            Ok(written) => {
                let (slot, refused) = (written.slot, written.refused);
                done.0.push(Write { due, took, slot, refused });
                done.1.acknowledge(id, change, written.rows == 1);
            }
            Err(error) => done.1.fail(id, &error),
        }
        Ok(())
    }

    /// A row that is there, in an order without order; or one that is not.
    fn key(&self, number: u32) -> i64 {
        if (6..=8).contains(&(number % 10)) {
            return i64::from(self.rows) + i64::from(number);
        }
        (u64::from(number) * PRIME % u64::from(self.rows)).cast_signed()
    }
}
