//! The topics: made by whichever service finds one missing.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};

use super::client::{COPIES_MAX, LogContext, LogSettings};
use super::error::LogError;

/// What brokers may take to answer, or to make a topic.
const ADMINISTRATION_TIME_MAX: Duration = Duration::from_secs(3);

/// Brokers that are named and not there yet are waited for as long as this: with how many copies a
/// topic is made is how many it has for ever.
const BROKERS_WITHIN: Duration = Duration::from_secs(3);

const LOOK_EVERY: Duration = Duration::from_millis(100);

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
    let admin = Arc::new(admin);
    let since = Instant::now();
    loop {
        let asked = Arc::clone(&admin);
        let looked = move || asked.inner().fetch_metadata(None, ADMINISTRATION_TIME_MAX);
        let metadata = spawn_blocking(looked).await.expect("asking for metadata does not panic");
        let metadata = metadata.map_err(LogError::Away)?;
        let known: Vec<&str> = metadata.topics().iter().map(|topic| topic.name()).collect();
        let missing = Topic::ALL.into_iter().filter(|topic| !known.contains(&topic.name()));
        let missing: Vec<Topic> = missing.collect();
        let mut brokers: Vec<i32> = metadata.brokers().iter().map(|broker| broker.id()).collect();
        brokers.sort_unstable();
        let wanted = settings.copies(settings.brokers_named());
        if missing.is_empty() || brokers.len() >= wanted || since.elapsed() >= BROKERS_WITHIN {
            for topic in missing {
                create(&admin, topic, settings.copies(brokers.len()), &brokers).await?;
            }
            return Ok(());
        }
        sleep(LOOK_EVERY).await;
    }
}

async fn create(
    admin: &AdminClient<LogContext>,
    topic: Topic,
    copies: usize,
    brokers: &[i32],
) -> Result<(), LogError> {
    let name = topic.name();
    // All but one copy: a record survives the loss of a broker, and so does the topic's use.
    let copies_in_sync_min = copies.saturating_sub(1).max(1).to_string();
    // Of few brokers the first one leads, so that whoever breaks one knows which it is. Of many,
    // the cluster knows better who has room.
    let first: Vec<i32> = brokers.iter().take(copies).copied().collect();
    let assignment = [first.as_slice()];
    let replication = match brokers.len() <= COPIES_MAX {
        true => TopicReplication::Variable(&assignment),
        false => TopicReplication::Fixed(i32::try_from(copies).expect("there are few copies")),
    };
    let new = NewTopic::new(name, 1, replication)
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
