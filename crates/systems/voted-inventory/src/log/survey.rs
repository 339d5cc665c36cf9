//! Which log it is, and how long, as its brokers say.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use super::client::{LogContext, LogSettings};
use super::error::LogError;
use super::topics::{Topic, ensure_topics};

/// What an answer may take.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(2);

/// How often a topic that is read is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A broker that has just become the leader may not know yet how far its topic goes.
const LOOKS_SHORT_MAX: u32 = 3;

/// The ends of a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// The first offset that is still there.
    pub(crate) first: i64,
    /// The offset that the next record will have.
    pub(crate) end: i64,
}

/// Asks the brokers.
#[derive(Clone)]
pub(crate) struct Survey {
    settings: LogSettings,
    consumer: Arc<BaseConsumer<LogContext>>,
}

impl Survey {
    pub(crate) fn try_new(settings: &LogSettings) -> Result<Self, LogError> {
        let consumer = settings.config().create_with_context(LogContext);
        let consumer = Arc::new(consumer.map_err(LogError::Client)?);
        Ok(Self { settings: settings.clone(), consumer })
    }

    /// Where `topic` begins and ends.
    pub(crate) async fn bounds(&self, topic: Topic) -> Result<Bounds, LogError> {
        let answer =
            self.ask(move |consumer| consumer.fetch_watermarks(topic.name(), 0, ANSWER_TIME_MAX));
        let (first, end) = answer.await.map_err(LogError::Away)?;
        Ok(Bounds { first, end })
    }

    /// Watches that `topic` does not lose what was read of it. `read` answers the offset behind the
    /// last record that was, and `saw` is told where the topic ends. Completes when it ends before
    /// that: its brokers were set up anew, or have lost their disks. A reader alone would wait for
    /// the end to come back.
    pub(crate) async fn watch(
        &self,
        topic: Topic,
        read: impl Fn() -> i64,
        saw: impl Fn(i64),
    ) -> LogError {
        let mut looks_short = 0;
        loop {
            // Asked before the end is: what is read in between must not look like too much.
            let offset = read();
            match self.bounds(topic).await {
                Ok(bounds) => {
                    saw(bounds.end);
                    looks_short = if bounds.end < offset { looks_short + 1 } else { 0 };
                    if looks_short >= LOOKS_SHORT_MAX {
                        return LogError::OutOfRange { topic: topic.name(), offset };
                    }
                }
                // Away, or without the topic: then somebody must make it.
                Err(_) => drop(ensure_topics(&self.settings).await),
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// The name of the cluster, if it has one and answers.
    pub(crate) async fn cluster(&self) -> Option<String> {
        self.ask(|consumer| consumer.client().fetch_cluster_id(ANSWER_TIME_MAX)).await
    }

    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&BaseConsumer<LogContext>) -> T + Send + 'static,
    ) -> T {
        let consumer = Arc::clone(&self.consumer);
        let asked = spawn_blocking(move || {
            // Complaints about absent brokers would pile up where nobody takes them.
            while consumer.poll(Duration::ZERO).is_some() {}
            question(&consumer)
        });
        asked.await.expect("asking does not panic")
    }
}

impl std::fmt::Debug for Survey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Survey")
    }
}
