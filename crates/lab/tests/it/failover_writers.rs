//! Writers that keep what was acknowledged to them, as services do it: with MySQL they
//! wait for the replica themselves.

#![expect(clippy::unwrap_used, reason = "helpers of a test fail by panicking, as tests do")]

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error, Opts, OptsBuilder};
use tokio::time::{Instant, sleep, timeout};

/// A server that is silent for so long is given up, as services do.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(5);

const STANDING: &str = "SELECT required, @@global.gtid_executed, @@server_uuid \
                        FROM stock.replication_duty WHERE id = 1";

/// A row: of which writer, and which of its rows.
type Row = (u32, u64);

/// What was acknowledged, and when.
#[derive(Clone, Default)]
pub(crate) struct Ledger(Arc<Mutex<Vec<(Instant, Row)>>>);

impl Ledger {
    fn note(&self, row: Row) {
        self.0.lock().unwrap().push((Instant::now(), row));
    }

    pub(crate) fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    pub(crate) fn acknowledged(&self) -> HashSet<Row> {
        self.0.lock().unwrap().iter().map(|(_, row)| *row).collect()
    }

    pub(crate) fn longest_gap_since(&self, start: Instant) -> Duration {
        let entries = self.0.lock().unwrap();
        let times: Vec<Instant> =
            entries.iter().map(|(at, _)| *at).filter(|at| *at >= start).collect();
        times.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or_default()
    }

    /// How many of the acknowledged rows a server lacks; `None` when it does not answer.
    pub(crate) async fn missing_at(&self, url: &str) -> Option<usize> {
        let mut connection = open(url).await.ok()?;
        let query = "SELECT writer, sequence FROM stock.kept";
        let rows: Vec<Row> = connection.query(query).await.ok()?;
        let present: HashSet<Row> = rows.into_iter().collect();
        Some(self.acknowledged().difference(&present).count())
    }

    pub(crate) async fn takes_writes(&self, url: &str) -> bool {
        let mut connection = open(url).await.unwrap();
        connection.query_first("SELECT @@read_only").await.unwrap() == Some(0_u8)
    }
}

/// Where it writes.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) proxy: String,
    /// The servers themselves, when the writer has to ask the replica.
    pub(crate) nodes: Vec<String>,
    /// After each row. A replica of MySQL applies more slowly than writers at full speed write,
    /// so that they would have to wait for it long after each failover.
    pub(crate) pause: Duration,
}

pub(crate) struct Writer {
    number: u32,
    place: Place,
    ledger: Ledger,
    sequence: u64,
    replicas: Vec<(String, Conn)>,
}

impl Writer {
    pub(crate) fn new(number: u32, place: Place, ledger: Ledger) -> Self {
        Self { number, place, ledger, sequence: 0, replicas: Vec::new() }
    }

    pub(crate) async fn write_always(mut self) {
        loop {
            if let Ok(Ok(connection)) = timeout(ANSWER_WITHIN, open(&self.place.proxy)).await {
                self.write(connection).await;
            }
            sleep(PAUSE).await;
        }
    }

    /// Writes until something fails: then whether the last row is there is unknown.
    async fn write(&mut self, mut connection: Conn) {
        loop {
            self.sequence += 1;
            let row = (self.number, self.sequence);
            let insert = format!("INSERT INTO stock.kept VALUES ({}, {})", row.0, row.1);
            match timeout(ANSWER_WITHIN, connection.query_drop(insert)).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) | Err(_) => return,
            }
            let secured = self.secure(&mut connection);
            match timeout(ANSWER_WITHIN, secured).await {
                Ok(Ok(())) => {
                    self.ledger.note(row);
                    sleep(self.place.pause).await;
                }
                Ok(Err(_)) | Err(_) => return self.replicas.clear(),
            }
        }
    }

    /// What `duty` of the reports of order-saga does.
    async fn secure(&mut self, connection: &mut Conn) -> Result<(), Error> {
        if self.place.nodes.is_empty() {
            return Ok(());
        }
        loop {
            let standing: Option<(u8, String, String)> = connection.query_first(STANDING).await?;
            let (required, gtids, primary) = standing.unwrap();
            if required == 0 {
                return Ok(());
            }
            if self.replicas.is_empty() {
                for url in &self.place.nodes {
                    let mut node = open(url).await?;
                    let uuid: Option<String> = node.query_first("SELECT @@server_uuid").await?;
                    self.replicas.push((uuid.unwrap(), node));
                }
            }
            let has = "SELECT WAIT_FOR_EXECUTED_GTID_SET(?, 0.1)";
            for (uuid, node) in &mut self.replicas {
                if *uuid != primary && node.exec_first(has, (&gtids,)).await? == Some(0_u8) {
                    return Ok(());
                }
            }
        }
    }
}

async fn open(url: &str) -> Result<Conn, Error> {
    let options = OptsBuilder::from_opts(Opts::from_url(url)?).prefer_socket(false);
    Conn::new(options).await
}
