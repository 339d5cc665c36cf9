//! The topics of voted-inventory, read and written beside its services.

#![expect(clippy::unwrap_used, reason = "helpers of a test fail by panicking, as tests do")]

use std::time::Duration;

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::{Message, Offset, TopicPartitionList};
use serde_json::Value;
use tokio::task::spawn_blocking;

use crate::voted::{PATIENCE, Voted};

/// Of all topics: one partition, one order.
const PARTITION: i32 = 0;

fn config(voted: &Voted) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", voted.instance.url("kafka").unwrap())
        .set("group.id", "tests")
        .set("enable.auto.commit", "false");
    config
}

/// The offset that the next record of `topic` will have.
pub(crate) async fn end(voted: &Voted, topic: &'static str) -> i64 {
    let config = config(voted);
    let asked = spawn_blocking(move || {
        let consumer: BaseConsumer = config.create().unwrap();
        consumer.fetch_watermarks(topic, PARTITION, PATIENCE).unwrap().1
    });
    asked.await.unwrap()
}

/// All records of `topic`, in their order; `null` for what is no JSON.
pub(crate) async fn records(voted: &Voted, topic: &'static str) -> Vec<Value> {
    let config = config(voted);
    let read = spawn_blocking(move || {
        let consumer: BaseConsumer = config.create().unwrap();
        let (_, end) = consumer.fetch_watermarks(topic, PARTITION, PATIENCE).unwrap();
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, PARTITION, Offset::Beginning).unwrap();
        consumer.assign(&list).unwrap();
        let mut records = Vec::new();
        while i64::try_from(records.len()).unwrap() < end {
            let message = consumer.poll(PATIENCE).expect("the records are there").unwrap();
            let payload = message.payload().unwrap_or_default();
            records.push(serde_json::from_slice(payload).unwrap_or_default());
        }
        records
    });
    read.await.unwrap()
}

/// Writes a record that no service of ours would; answers its offset.
pub(crate) async fn append(voted: &Voted, topic: &'static str, payload: &str) -> i64 {
    let producer: FutureProducer = config(voted).create().unwrap();
    let record = FutureRecord::to(topic).partition(PARTITION).key("test").payload(payload);
    let patience = Duration::from_secs(10);
    producer.send(record, patience).await.unwrap().offset
}
