//! Reads a topic from an offset on, for as long as the service lives.
//!
//! There is no consumer group: who reads knows where it stands better than the brokers, since it
//! keeps its position together with what it made of the records. Brokers that die, hang and come
//! back are the client library's business: reading goes on where it was.

use std::sync::Arc;

use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{Consumer, StreamConsumer};
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode as Code;
use rdkafka::{Message, Offset, TopicPartitionList};

use super::client::{LogContext, LogSettings};
use super::error::LogError;
use super::topics::Topic;

/// After so many records others get a turn: a long log must not keep requests waiting.
const RECORDS_PER_TURN: u32 = 64;

/// A record that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) offset: i64,
    pub(crate) payload: Vec<u8>,
}

/// What comes next in a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    Record(Record),
    /// For the moment there is no more.
    End,
}

/// Reads one topic.
pub(crate) struct LogReader {
    topic: Topic,
    consumer: Arc<StreamConsumer<LogContext>>,
    next: i64,
    turn: u32,
}

impl LogReader {
    /// Begins with the record at `from`. Whether it is there shows when it is read.
    pub(crate) fn start(settings: &LogSettings, topic: Topic, from: i64) -> Result<Self, LogError> {
        let mut config = settings.config();
        config
            // The library wants a name for every consumer that is assigned a partition by hand.
            .set("group.id", settings.client())
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("enable.partition.eof", "true")
            .set("auto.offset.reset", "error")
            // A broker misses now and then to wake a reader that waits, which is then behind by all
            // of this time, while the voter waits 300 ms at most.
            .set("fetch.wait.max.ms", "50")
            .set("fetch.error.backoff.ms", "50")
            .set("fetch.queue.backoff.ms", "10")
            // Bounds what is read ahead, hence memory.
            .set("queued.max.messages.kbytes", "8192");
        let consumer = StreamConsumer::from_config_and_context(&config, LogContext);
        let consumer: StreamConsumer<LogContext> = consumer.map_err(LogError::Client)?;
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic.name(), 0, Offset::Offset(from))
            .and_then(|()| consumer.assign(&list))
            .map_err(LogError::Client)?;
        Ok(Self { topic, consumer: Arc::new(consumer), next: from, turn: 0 })
    }

    /// The next record, or the news that there is none for now. Waits as long as the brokers are
    /// away. Cancel-safe: what was not returned comes next time.
    ///
    /// # Errors
    /// When the record that should come next has been deleted, or never was.
    pub(crate) async fn next(&mut self) -> Result<Item, LogError> {
        if self.turn >= RECORDS_PER_TURN {
            self.turn = 0;
            tokio::task::yield_now().await;
        }
        loop {
            match self.consumer.recv().await {
                Ok(message) => {
                    self.turn += 1;
                    let offset = message.offset();
                    let payload = message.payload().unwrap_or_default().to_vec();
                    self.next = offset + 1;
                    return Ok(Item::Record(Record { offset, payload }));
                }
                Err(KafkaError::PartitionEOF(_)) => return Ok(Item::End),
                Err(error) if is_out_of_range(&error) => {
                    let topic = self.topic.name();
                    return Err(LogError::OutOfRange { topic, offset: self.next });
                }
                Err(error) => tracing::debug!(topic = self.topic.name(), %error, "reading"),
            }
        }
    }
}

impl std::fmt::Debug for LogReader {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut debug = formatter.debug_struct("LogReader");
        debug.field("topic", &self.topic).field("next", &self.next).finish_non_exhaustive()
    }
}

impl Drop for LogReader {
    fn drop(&mut self) {
        // Closing waits for the library's threads; where there is no runtime, it may as well.
        let consumer = Arc::clone(&self.consumer);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            drop(runtime.spawn_blocking(move || drop(consumer)));
        }
    }
}

fn is_out_of_range(error: &KafkaError) -> bool {
    matches!(error.rdkafka_error_code(), Some(Code::AutoOffsetReset | Code::OffsetOutOfRange))
}
