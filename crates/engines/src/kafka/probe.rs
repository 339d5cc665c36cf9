//! The question that proves a broker: take this record, and give it back.
//!
//! Each broker has a topic for it with its only copy on itself, so that the answer is about this
//! broker and no other, and does not depend on how many brokers a system's topics need.

use std::net::SocketAddrV4;

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::create_topics_request::{
    CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig,
};
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{
    ApiKey, BrokerId, CreateTopicsRequest, FetchRequest, MetadataRequest, ProduceRequest, TopicName,
};
use kafka_protocol::protocol::StrBytes;
use kafka_protocol::records::{
    Compression, NO_PARTITION_LEADER_EPOCH, NO_PRODUCER_EPOCH, NO_PRODUCER_ID, NO_SEQUENCE, Record,
    RecordBatchDecoder, RecordBatchEncoder, RecordEncodeOptions, TimestampType,
};
use rand::Rng;

use super::connection::{Connection, check};

/// Versions that know topics by name and that Kafka 4 still speaks.
const CREATE_TOPICS: i16 = 7;
const FETCH: i16 = 12;
const METADATA: i16 = 12;
const PRODUCE: i16 = 9;

/// Kafka's codes for a topic that is not there, and for one that is.
const UNKNOWN_TOPIC_OR_PARTITION: i16 = 3;
const TOPIC_ALREADY_EXISTS: i16 = 36;

/// All copies that are in sync have taken the record.
const ACKNOWLEDGED_BY_ALL: i16 = -1;

const TIMEOUT_MS: i32 = 1000;
const FETCH_BYTES_MAX: i32 = 1 << 16;

/// Its records are of no use after a minute.
const CONFIGURATION: [(&str, &str); 3] =
    [("min.insync.replicas", "1"), ("retention.ms", "60000"), ("segment.bytes", "1048576")];

/// As long as no two questions are ever the same.
const VALUE_BYTES: usize = 16;

/// Asks the broker with number `node` at `address`.
pub(super) async fn ask(address: SocketAddrV4, node: u32) -> Result<(), String> {
    let node = i32::try_from(node).map_err(|error| error.to_string())?;
    let topic = TopicName(StrBytes::from_string(format!("__standfast_ready_{node}")));
    let probe = Probe { topic, node: BrokerId(node) };
    let mut connection = Connection::open(address).await?;
    probe.ensure_topic(&mut connection).await?;
    let mut value = [0_u8; VALUE_BYTES];
    rand::rng().fill_bytes(&mut value);
    let value = Bytes::copy_from_slice(&value);
    let offset = probe.produce(&mut connection, &value).await?;
    probe.fetch(&mut connection, offset, &value).await
}

struct Probe {
    topic: TopicName,
    node: BrokerId,
}

impl Probe {
    /// Makes the topic if it is not there, and checks that this broker leads it.
    async fn ensure_topic(&self, connection: &mut Connection) -> Result<(), String> {
        let topic = MetadataRequestTopic::default().with_name(Some(self.topic.clone()));
        let request = MetadataRequest::default()
            .with_topics(Some(vec![topic]))
            .with_allow_auto_topic_creation(false);
        let answer = connection.ask(&request, METADATA).await?;
        let topic = answer.topics.first().ok_or("it says nothing about its topic")?;
        if topic.error_code == UNKNOWN_TOPIC_OR_PARTITION {
            self.create_topic(connection).await?;
            return Err("its topic has just been made".to_owned());
        }
        check(ApiKey::Metadata, topic.error_code)?;
        let is_leader = topic.partitions.iter().all(|partition| partition.leader_id == self.node);
        if is_leader { Ok(()) } else { Err("it does not lead its topic yet".to_owned()) }
    }

    async fn create_topic(&self, connection: &mut Connection) -> Result<(), String> {
        let configuration = CONFIGURATION.map(|(key, value)| {
            CreatableTopicConfig::default()
                .with_name(StrBytes::from_static_str(key))
                .with_value(Some(StrBytes::from_static_str(value)))
        });
        let topic = CreatableTopic::default()
            .with_name(self.topic.clone())
            .with_num_partitions(-1)
            .with_replication_factor(-1)
            .with_assignments(vec![
                CreatableReplicaAssignment::default().with_broker_ids(vec![self.node]),
            ])
            .with_configs(configuration.into());
        let request =
            CreateTopicsRequest::default().with_topics(vec![topic]).with_timeout_ms(TIMEOUT_MS);
        let answer = connection.ask(&request, CREATE_TOPICS).await?;
        let code = answer.topics.first().map_or(0, |topic| topic.error_code);
        if code == TOPIC_ALREADY_EXISTS { Ok(()) } else { check(ApiKey::CreateTopics, code) }
    }

    /// Writes `value` and says where it stands.
    async fn produce(&self, connection: &mut Connection, value: &Bytes) -> Result<i64, String> {
        let mut batch = BytesMut::new();
        let options = RecordEncodeOptions { version: 2, compression: Compression::None };
        RecordBatchEncoder::encode(&mut batch, [&record(value)], &options)
            .map_err(|error| error.to_string())?;
        let partition = PartitionProduceData::default().with_records(Some(batch.freeze()));
        let topic = TopicProduceData::default()
            .with_name(self.topic.clone())
            .with_partition_data(vec![partition]);
        let request = ProduceRequest::default()
            .with_acks(ACKNOWLEDGED_BY_ALL)
            .with_timeout_ms(TIMEOUT_MS)
            .with_topic_data(vec![topic]);
        let answer = connection.ask(&request, PRODUCE).await?;
        let mut partitions = answer.responses.iter().flat_map(|topic| &topic.partition_responses);
        let partition = partitions.next().ok_or("it says nothing about the record")?;
        check(ApiKey::Produce, partition.error_code)?;
        Ok(partition.base_offset)
    }

    /// Reads back what stands at `offset`, which must be `value`.
    async fn fetch(
        &self,
        connection: &mut Connection,
        offset: i64,
        value: &Bytes,
    ) -> Result<(), String> {
        let partition = FetchPartition::default()
            .with_fetch_offset(offset)
            .with_partition_max_bytes(FETCH_BYTES_MAX);
        let topic =
            FetchTopic::default().with_topic(self.topic.clone()).with_partitions(vec![partition]);
        let request = FetchRequest::default()
            .with_max_wait_ms(TIMEOUT_MS)
            .with_min_bytes(1)
            .with_max_bytes(FETCH_BYTES_MAX)
            .with_topics(vec![topic]);
        let answer = connection.ask(&request, FETCH).await?;
        check(ApiKey::Fetch, answer.error_code)?;
        let mut partitions = answer.responses.into_iter().flat_map(|topic| topic.partitions);
        let partition = partitions.next().ok_or("it gives nothing back")?;
        check(ApiKey::Fetch, partition.error_code)?;
        let sets = RecordBatchDecoder::decode_all(&mut partition.records.unwrap_or_default())
            .map_err(|error| error.to_string())?;
        let mut records = sets.into_iter().flat_map(|set| set.records);
        let found = records.find(|record| record.offset == offset);
        match found.and_then(|record| record.value) {
            Some(found) if found == *value => Ok(()),
            Some(_) => Err(format!("at offset {offset} stands another record than it took")),
            None => Err(format!("the record that it took is not at offset {offset}")),
        }
    }
}

fn record(value: &Bytes) -> Record {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = now.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX));
    Record {
        transactional: false,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: NO_PARTITION_LEADER_EPOCH,
        producer_id: NO_PRODUCER_ID,
        producer_epoch: NO_PRODUCER_EPOCH,
        timestamp_type: TimestampType::Creation,
        offset: 0,
        sequence: NO_SEQUENCE,
        timestamp: now,
        key: None,
        value: Some(value.clone()),
        headers: Default::default(),
    }
}
