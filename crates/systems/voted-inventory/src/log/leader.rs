//! Which broker takes what is written, as the writer's client knows it.
//!
//! An experiment that kills a broker of several proves something else when it was the leader than
//! when it was not. The client learns of a new leader by itself, and tells it with its statistics.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::statistics::Statistics;

use super::client::LogContext;
use super::topics::Topic;

/// As fine as experiments look. Each time costs some kilobytes of JSON.
pub(super) const STATISTICS_EVERY_MS: &str = "250";

/// What the client says when there is none, or it does not know.
const NOBODY: i64 = -1;

/// The number of the broker that leads the events.
#[derive(Clone, Debug)]
pub(super) struct Leader(Arc<AtomicI64>);

impl Leader {
    pub(super) fn broker(&self) -> Option<i64> {
        let broker = self.0.load(Ordering::Relaxed);
        (broker != NOBODY).then_some(broker)
    }
}

impl Default for Leader {
    fn default() -> Self {
        Self(Arc::new(AtomicI64::new(NOBODY)))
    }
}

/// Takes what the client of a writer has to say.
#[derive(Clone, Debug)]
pub(super) struct WriterContext {
    pub(super) leader: Leader,
}

impl ClientContext for WriterContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        LogContext.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        LogContext.error(error, reason);
    }

    fn stats(&self, statistics: Statistics) {
        let topic = statistics.topics.get(Topic::Orders.name());
        let partition = topic.and_then(|topic| topic.partitions.get(&0));
        let leader = partition.map_or(NOBODY, |partition| i64::from(partition.leader));
        self.leader.0.store(leader, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use rdkafka::statistics::{Partition, Topic as Told};

    use super::*;

    #[test]
    fn the_leader_is_that_of_the_events_alone() {
        let context = WriterContext { leader: Leader::default() };
        let leader_of = |topic: Topic, leader: i32| {
            let partition = Partition { leader, ..Partition::default() };
            let told = Told { partitions: HashMap::from([(0, partition)]), ..Told::default() };
            let topics = HashMap::from([(topic.name().to_owned(), told)]);
            context.stats(Statistics { topics, ..Statistics::default() });
            context.leader.broker()
        };
        assert_eq!(context.leader.broker(), None, "nothing was said yet");
        assert_eq!(leader_of(Topic::Orders, 3), Some(3));
        assert_eq!(leader_of(Topic::Orders, -1), None, "between two leaders");
        assert_eq!(leader_of(Topic::Errors, 2), None);
    }
}
