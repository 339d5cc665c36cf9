//! Which log it is, and how long, as its brokers say.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use tokio::task::spawn_blocking;

use super::client::{LogContext, LogSettings};
use super::error::LogError;
use super::topics::Topic;

/// What an answer may take.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(2);

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
    consumer: Arc<BaseConsumer<LogContext>>,
}

impl Survey {
    pub(crate) fn try_new(settings: &LogSettings) -> Result<Self, LogError> {
        let consumer = settings.config().create_with_context(LogContext);
        Ok(Self { consumer: Arc::new(consumer.map_err(LogError::Client)?) })
    }

    /// Where `topic` begins and ends.
    pub(crate) async fn bounds(&self, topic: Topic) -> Result<Bounds, LogError> {
        let answer =
            self.ask(move |consumer| consumer.fetch_watermarks(topic.name(), 0, ANSWER_TIME_MAX));
        let (first, end) = answer.await.map_err(LogError::Away)?;
        Ok(Bounds { first, end })
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
