//! How the brokers are reached, and how soon one that does not answer is given up.

use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::KafkaError;

use super::super::TACTICS;
use crate::serve::ServeError;
use crate::service::environment::Environment;

/// A broker that hangs is left for another one after this. Below it, a pause of the machine would
/// look like a hang.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(2);

/// With three copies, one broker may be away and an acknowledged record be on two.
pub(super) const COPIES_MAX: usize = 3;

/// Where the log is, and who asks.
#[derive(Clone, Debug)]
pub(crate) struct LogSettings {
    brokers: String,
    client: String,
    /// On how many brokers a record is kept, when there are as many.
    copies_max: usize,
}

impl LogSettings {
    /// Reads `KAFKA_BOOTSTRAP_SERVERS`; `client` is the name that the brokers see.
    pub(crate) fn read(environment: &Environment<'_>, client: &str) -> Result<Self, ServeError> {
        const VARIABLE: &str = "KAFKA_BOOTSTRAP_SERVERS";
        let brokers: String = environment.required(VARIABLE)?;
        let brokers: Vec<&str> = brokers.split(',').map(str::trim).collect();
        if let Some(broker) = brokers.iter().find(|broker| !is_address(broker)) {
            return Err(ServeError::Configuration {
                variable: VARIABLE.to_owned(),
                problem: format!("names `{broker}`, which is no host:port"),
            });
        }
        let is_replicated = !environment.without(TACTICS)?.contains("replication");
        Ok(Self {
            brokers: brokers.join(","),
            client: client.to_owned(),
            copies_max: if is_replicated { COPIES_MAX } else { 1 },
        })
    }

    /// What producers, consumers and administration have in common.
    pub(super) fn config(&self) -> ClientConfig {
        let request_ms_max = REQUEST_TIME_MAX.as_millis().to_string();
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.brokers)
            .set("client.id", &self.client)
            // A broker that is back should be found at once: there are few clients, so no herd.
            .set("reconnect.backoff.ms", "50")
            .set("reconnect.backoff.max.ms", "500")
            .set("retry.backoff.ms", "50")
            .set("retry.backoff.max.ms", "500")
            .set("topic.metadata.refresh.fast.interval.ms", "100")
            .set("socket.connection.setup.timeout.ms", &request_ms_max)
            .set("socket.timeout.ms", &request_ms_max)
            .set("socket.nagle.disable", "true")
            .set_log_level(RDKafkaLogLevel::Notice);
        config
    }

    /// How many copies of a record to keep, on so many brokers.
    pub(super) fn copies(&self, brokers: usize) -> usize {
        brokers.clamp(1, self.copies_max)
    }

    /// How many brokers there are at least, by the names that it was given.
    pub(super) fn brokers_named(&self) -> usize {
        self.brokers.split(',').count()
    }

    /// The client's name, for settings that need one.
    pub(super) fn client(&self) -> &str {
        &self.client
    }
}

fn is_address(text: &str) -> bool {
    text.rsplit_once(':').is_some_and(|(host, port)| {
        !host.is_empty() && !host.contains('/') && port.parse::<u16>().is_ok()
    })
}

/// Takes what the client library has to say. It is full of connections that come and go while a
/// broker is away, which is known already.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LogContext;

impl ClientContext for LogContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!(?level, facility, message, "kafka client");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "kafka client");
    }
}

impl ConsumerContext for LogContext {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_kept_on_three_brokers_where_there_are_three() {
        let settings = |without| {
            let pairs = [("KAFKA_BOOTSTRAP_SERVERS", "a:1,b:2"), ("STANDFAST_WITHOUT", without)];
            LogSettings::read(&Environment::of(&pairs), "test").unwrap()
        };
        let copies = |without, brokers| settings(without).copies(brokers);
        assert_eq!([0, 1, 2, 3, 9].map(|brokers| copies("", brokers)), [1, 1, 2, 3, 3]);
        assert_eq!(copies("replication", 3), 1);
        assert_eq!(settings("").brokers_named(), 2);
    }

    #[test]
    fn brokers_are_checked_before_the_start() {
        let read = |value: &str| {
            let pairs = [("KAFKA_BOOTSTRAP_SERVERS", value)];
            LogSettings::read(&Environment::of(&pairs), "test").map(|settings| settings.brokers)
        };
        assert_eq!(read("127.0.0.1:9092").unwrap(), "127.0.0.1:9092");
        assert_eq!(read("a:1, b:2").unwrap(), "a:1,b:2");
        for wrong in ["", "localhost", "a:1,b", "kafka://a:1", ":9092", "a:99999"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
