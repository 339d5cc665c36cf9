//! What can go wrong with the log.

use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode as Code;

use crate::serve::ServeError;

/// Why something could not be read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LogError {
    #[error("the client of the log cannot be made")]
    Client(#[source] KafkaError),
    #[error("topic `{topic}` could not be made: {source}")]
    Topic {
        topic: &'static str,
        #[source]
        source: KafkaError,
    },
    #[error("the log does not answer: {0}")]
    Away(#[source] KafkaError),
    /// As many records wait for the log as may.
    #[error("the queue to the log is full")]
    Full,
    /// The record will not be taken, however often it is sent.
    #[error("the log refuses the record: {0}")]
    Refused(#[source] KafkaError),
    #[error("offset {offset} of topic `{topic}` is not there, nor will it be")]
    OutOfRange { topic: &'static str, offset: i64 },
}

impl LogError {
    /// Of a client that cannot be made, as the mistake in the configuration that it is.
    pub(crate) fn as_configuration(&self) -> ServeError {
        let reason = std::error::Error::source(self).map_or_else(String::new, ToString::to_string);
        ServeError::unusable("KAFKA_BOOTSTRAP_SERVERS", format!("{self}: {reason}"))
    }

    /// Of a record that was sent.
    pub(super) fn of_append(error: KafkaError) -> Self {
        match error.rdkafka_error_code() {
            Some(Code::QueueFull) => Self::Full,
            Some(
                Code::MessageSizeTooLarge
                | Code::InvalidMessage
                | Code::InvalidMessageSize
                | Code::InvalidRecord
                | Code::InvalidArgument,
            ) => Self::Refused(error),
            Some(_) | None => Self::Away(error),
        }
    }
}
