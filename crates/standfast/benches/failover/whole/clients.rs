//! Clients at full speed: each posts one order after the other over a connection that it keeps, and
//! asks for each under the same key until it knows what became of it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use standfast_lab::instance::Clock;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use super::connection::{Answer, Connection};
use super::door;
use super::promises::{Promises, Told};
use crate::ledger::{Acknowledged, Failed, Ledger};

/// Longer than Nginx waits for the middleware, which answers after 5 s at the latest.
const ANSWER_WITHIN: Duration = Duration::from_secs(12);

/// After an answer that says nothing, so that nobody storms the door.
const PAUSE: Duration = Duration::from_millis(20);

/// After the last fault each order is decided soon.
const LAST_ORDERS_WITHIN: Duration = Duration::from_secs(60);

/// They order until they are told to end.
#[derive(Debug)]
pub(super) struct Clients {
    is_over: Arc<AtomicBool>,
    tasks: JoinSet<()>,
}

/// Where clients write down what they see.
#[derive(Clone, Debug)]
pub(super) struct Records {
    pub(super) ledger: Ledger,
    pub(super) promises: Promises,
    pub(super) clock: Clock,
}

impl Clients {
    pub(super) fn start(door: SocketAddr, records: &Records) -> Self {
        let is_over: Arc<AtomicBool> = Arc::default();
        let mut tasks = JoinSet::new();
        for client in 0..records.promises.marks().len() {
            let (records, is_over) = (records.clone(), Arc::clone(&is_over));
            // Another run may use the same numbers.
            let name = Uuid::now_v7();
            let client = Client { client, name, door, records, is_over, kept: None };
            tasks.spawn(client.order_always());
        }
        Self { is_over, tasks }
    }

    /// Lets each learn of its last order.
    pub(super) async fn end(mut self) -> Result<()> {
        self.is_over.store(true, Ordering::Relaxed);
        let all = async { while self.tasks.join_next().await.is_some() {} };
        timeout(LAST_ORDERS_WITHIN, all).await.context("a client never learns of its last order")
    }
}

struct Client {
    client: usize,
    name: Uuid,
    door: SocketAddr,
    records: Records,
    is_over: Arc<AtomicBool>,
    kept: Option<Connection>,
}

impl Client {
    async fn order_always(mut self) {
        for place in 0.. {
            if self.is_over.load(Ordering::Relaxed) {
                return;
            }
            let wanted = door::wanted(self.client, place);
            let request = door::request(self.door, &format!("{}-{place}", self.name), &wanted);
            let place = self.records.promises.ask(self.client, wanted);
            self.insist(place, &request).await;
        }
    }

    /// Asks until it is certain what becomes of an order.
    async fn insist(&mut self, place: usize, request: &[u8]) {
        let (client, clock) = (self.client, self.records.clock.clone());
        let first_us = clock.now_us();
        loop {
            let sent_us = clock.now_us();
            let asked = timeout(ANSWER_WITHIN, self.ask(request)).await;
            let at_us = clock.now_us();
            let (told, why) = match asked {
                Ok(Ok(answer)) => door::told(&answer),
                Ok(Err(error)) => (Told::Nothing, Some(error.kind().to_string())),
                Err(_elapsed) => (Told::Nothing, Some("no answer in time".to_owned())),
            };
            if let Some(why) = why {
                self.records.ledger.fail(Failed { sent_us, at_us, why });
            }
            if told == Told::Nothing {
                sleep(PAUSE).await;
                continue;
            }
            let is_made = matches!(told, Told::Made(_));
            self.records.promises.tell(client, place, told);
            if is_made {
                let row = Acknowledged { sent_us: first_us, at_us, sequence: place as u64 };
                self.records.ledger.acknowledge(client, row);
            }
            return;
        }
    }

    /// One request. A connection that broke is not used again.
    async fn ask(&mut self, request: &[u8]) -> Result<Answer, std::io::Error> {
        let mut connection = match self.kept.take() {
            Some(kept) => kept,
            None => Connection::open(self.door).await?,
        };
        let answer = connection.exchange(request).await?;
        self.kept = Some(connection).filter(|connection| !connection.is_over());
        Ok(answer)
    }
}
