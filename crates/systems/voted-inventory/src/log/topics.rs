//! The topics: made by whichever service finds one missing.

use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;
use tokio::task::spawn_blocking;

use super::client::{LogContext, LogSettings};
use super::error::LogError;

/// What brokers may take to answer, or to make a topic.
const ADMINISTRATION_TIME_MAX: Duration = Duration::from_secs(3);

/// With three copies, one broker may be away and an acknowledged record be on two.
const COPIES_MAX: usize = 3;

/// A topic of this system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Topic {
    /// Events, in the order that counts.
    Orders,
    /// What the replicas say to them.
    Replies,
    /// What nobody could apply.
    Errors,
}

impl Topic {
    const ALL: [Self; 3] = [Self::Orders, Self::Replies, Self::Errors];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Orders => "orders",
            Self::Replies => "inventory.replies",
            Self::Errors => "orders.errors",
        }
    }
}

/// Makes the topics that are missing.
pub(crate) async fn ensure_topics(settings: &LogSettings) -> Result<(), LogError> {
    let admin: AdminClient<LogContext> =
        from_config(settings.config()).map_err(LogError::Client)?;
    let looked = spawn_blocking(move || {
        let metadata = admin.inner().fetch_metadata(None, ADMINISTRATION_TIME_MAX);
        (admin, metadata)
    });
    let (admin, metadata) = looked.await.expect("asking for metadata does not panic");
    let metadata = metadata.map_err(LogError::Away)?;
    let is_there = |topic: &Topic| metadata.topics().iter().any(|one| one.name() == topic.name());
    let copies = metadata.brokers().len().clamp(1, COPIES_MAX);
    for topic in Topic::ALL.iter().filter(|topic| !is_there(topic)) {
        create(&admin, *topic, copies).await?;
    }
    Ok(())
}

async fn create(
    admin: &AdminClient<LogContext>,
    topic: Topic,
    copies: usize,
) -> Result<(), LogError> {
    let name = topic.name();
    // All but one copy: a record survives the loss of a broker, and so does the topic's use.
    let copies_in_sync_min = copies.saturating_sub(1).max(1).to_string();
    let copies = i32::try_from(copies).expect("there are few copies");
    let new = NewTopic::new(name, 1, TopicReplication::Fixed(copies))
        .set("min.insync.replicas", &copies_in_sync_min)
        // A replica that has lost all it had rebuilds itself from the beginning.
        .set("retention.ms", "-1");
    let options = AdminOptions::new()
        .request_timeout(Some(ADMINISTRATION_TIME_MAX))
        .operation_timeout(Some(ADMINISTRATION_TIME_MAX));
    let failed = |source| LogError::Topic { topic: name, source };
    match admin.create_topics([&new], &options).await.map_err(failed)?.pop() {
        // Another service was faster.
        Some(Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists))) | None => Ok(()),
        Some(Err((_, code))) => Err(failed(KafkaError::AdminOp(code))),
    }
}

fn from_config<C>(config: rdkafka::ClientConfig) -> Result<C, KafkaError>
where
    C: rdkafka::config::FromClientConfigAndContext<LogContext>,
{
    config.create_with_context(LogContext)
}
