//! Writes records, so that each is in the log once and in the order in which they were given.
//!
//! A record is acknowledged when all copies in sync have it. The producer is idempotent: its own
//! retries neither double a record nor change the order.

use std::future::Future;
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rdkafka::error::KafkaError;
use rdkafka::producer::future_producer::DeliveryFuture;
use rdkafka::producer::{FutureProducer, FutureRecord, Producer};
use tokio::task::spawn_blocking;

use super::client::LogSettings;
use super::error::LogError;
use super::leader::{Leader, STATISTICS_EVERY_MS, WriterContext};
use super::topics::Topic;

/// How a writer goes about it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WriterOptions {
    /// A record that is not acknowledged by then has failed, and may be in the log all the same.
    /// Without it, records wait as long as it takes.
    pub(crate) give_up_after: Option<Duration>,
    /// How long a record waits for others to travel with. Many small requests cost the brokers, and
    /// all who read, far more than few larger ones.
    pub(crate) linger: Duration,
    /// More records do not wait at once.
    pub(crate) queue_max: usize,
}

/// A record to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) topic: Topic,
    pub(crate) key: String,
    pub(crate) payload: Vec<u8>,
}

/// Writes to the log; made once for each service.
pub(crate) struct LogWriter {
    settings: LogSettings,
    options: WriterOptions,
    producer: Mutex<FutureProducer<WriterContext>>,
    leader: Leader,
}

impl LogWriter {
    pub(crate) fn try_new(
        settings: &LogSettings,
        options: WriterOptions,
    ) -> Result<Self, LogError> {
        let leader = Leader::default();
        let producer = Mutex::new(producer(settings, options, &leader)?);
        Ok(Self { settings: settings.clone(), options, producer, leader })
    }

    /// The number of the broker that leads the events, by the last that was heard of it.
    pub(crate) fn leader(&self) -> Option<i64> {
        self.leader.broker()
    }

    /// Queues `entry`. What comes back completes when the record is in the log; the record is
    /// written whether somebody waits for that or not.
    pub(crate) fn append(&self, entry: &Entry) -> Result<Appending, LogError> {
        let producer = self.usable()?;
        let record = FutureRecord::to(entry.topic.name())
            .partition(0)
            .key(entry.key.as_str())
            .payload(entry.payload.as_slice());
        let delivery = producer.send_result(record);
        delivery.map(Appending).map_err(|(error, _)| LogError::of_append(error))
    }

    /// The producer; a new one in its place when it has come to a state that it cannot leave, such
    /// as after the brokers have lost what they had acknowledged.
    fn usable(&self) -> Result<FutureProducer<WriterContext>, LogError> {
        let mut current = self.producer.lock().expect("nothing panics while it is held");
        if let Some((code, reason)) = current.client().fatal_error() {
            tracing::error!(%code, reason, "the producer is replaced");
            let new = producer(&self.settings, self.options, &self.leader)?;
            let broken = std::mem::replace(&mut *current, new);
            // It waits for its thread.
            drop(spawn_blocking(move || drop(broken)));
        }
        Ok(current.clone())
    }
}

impl std::fmt::Debug for LogWriter {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("LogWriter").field("options", &self.options).finish_non_exhaustive()
    }
}

fn producer(
    settings: &LogSettings,
    options: WriterOptions,
    leader: &Leader,
) -> Result<FutureProducer<WriterContext>, LogError> {
    let give_up_ms = options.give_up_after.map_or(0, |time| time.as_millis()).to_string();
    settings
        .config()
        .set("acks", "all")
        .set("enable.idempotence", "true")
        .set("message.timeout.ms", &give_up_ms)
        .set("request.timeout.ms", "2000")
        .set("queue.buffering.max.messages", options.queue_max.to_string())
        .set("linger.ms", options.linger.as_millis().to_string())
        .set("statistics.interval.ms", STATISTICS_EVERY_MS)
        .create_with_context(WriterContext { leader: leader.clone() })
        .map_err(LogError::Client)
}

/// A record on its way; completes with its offset.
pub(crate) struct Appending(DeliveryFuture);

impl Future for Appending {
    type Output = Result<i64, LogError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(match ready!(Pin::new(&mut self.0).poll(context)) {
            Ok(Ok(delivery)) => Ok(delivery.offset),
            Ok(Err((error, _))) => Err(LogError::of_append(error)),
            // Its producer was replaced.
            Err(_) => Err(LogError::Away(KafkaError::Canceled)),
        })
    }
}

impl std::fmt::Debug for Appending {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Appending")
    }
}
