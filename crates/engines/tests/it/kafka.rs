//! Kafka: one broker, its acknowledged records, its crashes.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};
use standfast_engines::process::last_lines;
use standfast_engines::{EdgeListener, Engine, EngineError, EngineKind, copy_tree};

use crate::place::{Place, steady_port};

/// For whatever ends soon on an idle machine, on a busy one.
const SOON: Duration = Duration::from_secs(30);

/// A client that reconnects soon: otherwise it, and not the broker, decides how long an outage is.
pub(crate) fn client(brokers: &str) -> ClientConfig {
    let mut client = ClientConfig::new();
    client
        .set("bootstrap.servers", brokers)
        .set("reconnect.backoff.ms", "50")
        .set("reconnect.backoff.max.ms", "500")
        .set("retry.backoff.ms", "50")
        .set("topic.metadata.refresh.fast.interval.ms", "100");
    client
}

pub(crate) fn producer(brokers: &str) -> FutureProducer {
    let mut client = client(brokers);
    client.set("enable.idempotence", "true").set("acks", "all").set("linger.ms", "0");
    client.set("message.timeout.ms", "60000").create().unwrap()
}

pub(crate) async fn make_topic(brokers: &str, topic: &str, copies: i32) {
    let admin: AdminClient<DefaultClientContext> = client(brokers).create().unwrap();
    let topic = NewTopic::new(topic, 1, TopicReplication::Fixed(copies));
    let options = AdminOptions::new().operation_timeout(Some(SOON)).request_timeout(Some(SOON));
    let made = admin.create_topics([&topic], &options).await.unwrap();
    made.into_iter().next().unwrap().unwrap();
}

/// Sends a number and returns when it is acknowledged.
pub(crate) async fn send(producer: &FutureProducer, topic: &str, number: u32) {
    let payload = number.to_string();
    let record = FutureRecord::<(), _>::to(topic).payload(&payload);
    producer.send(record, SOON).await.unwrap();
}

/// All numbers of the topic, in the order of the log, up to its end.
pub(crate) async fn numbers(brokers: &str, topic: &str) -> Vec<u32> {
    let (brokers, topic) = (brokers.to_owned(), topic.to_owned());
    tokio::task::spawn_blocking(move || read(&brokers, &topic)).await.unwrap()
}

fn read(brokers: &str, topic: &str) -> Vec<u32> {
    let mut client = client(brokers);
    let consumer: BaseConsumer = client.set("group.id", "reader").create().unwrap();
    let (_, end) = consumer.fetch_watermarks(topic, 0, SOON).unwrap();
    let mut places = TopicPartitionList::new();
    places.add_partition_offset(topic, 0, Offset::Beginning).unwrap();
    consumer.assign(&places).unwrap();
    let mut numbers = Vec::new();
    let mut next = 0;
    while next < end {
        let Some(record) = consumer.poll(SOON) else { panic!("nothing after {next} of {end}") };
        // Errors are about connections, which it makes again by itself.
        let Ok(record) = record else { continue };
        numbers.push(std::str::from_utf8(record.payload().unwrap()).unwrap().parse().unwrap());
        next = record.offset() + 1;
    }
    numbers
}

async fn started(place: &Place) -> Engine {
    let engine = place.create(place.spec("kafka", EngineKind::Kafka)).await;
    engine.start().await.unwrap();
    engine
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acknowledged_record_survives_a_stop_a_kill_and_a_move() {
    let place = Place::new("kafka-data");
    let engine = started(&place).await;
    let brokers = engine.url();
    make_topic(&brokers, "kept", 1).await;
    let producer = producer(&brokers);
    send(&producer, "kept", 1).await;
    assert!(!engine.stop().await.unwrap().killed, "it complies with a stop");
    engine.start().await.unwrap();
    send(&producer, "kept", 2).await;
    engine.kill().await.unwrap();
    engine.start().await.unwrap();
    assert_eq!(numbers(&brokers, "kept").await, [1, 2]);
    engine.stop().await.unwrap();

    let mut spec = engine.spec().clone();
    spec.data = place.root.join("data/copy");
    spec.port = steady_port();
    copy_tree(&engine.spec().data, &spec.data).unwrap();
    let copy = place.adopt(spec);
    copy.start().await.unwrap();
    assert_ne!(copy.url(), brokers);
    assert_eq!(numbers(&copy.url(), "kept").await, [1, 2], "a template is moved to other ports");
    let log = last_lines(&engine.spec().log, 1000);
    assert!(log.lines().count() < 100, "one line per change of state, not all settings: {log}");
    copy.remove().await.unwrap();
    assert!(!place.root.join("data/copy").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_broker_hangs_and_a_resumed_one_goes_on_where_it_was() {
    let place = Place::new("kafka-pause");
    let engine = started(&place).await;
    make_topic(&engine.url(), "kept", 1).await;
    let producer = producer(&engine.url());
    send(&producer, "kept", 1).await;
    engine.pause().await.unwrap();
    let mut record = Box::pin(send(&producer, "kept", 2));
    let hangs = tokio::time::timeout(Duration::from_millis(300), &mut record).await;
    assert!(hangs.is_err(), "no answer and no error: the connection stays");
    assert!(matches!(engine.ready().await.unwrap_err(), EngineError::NoAnswer { .. }));
    assert!(engine.is_running());
    engine.resume().await.unwrap();
    record.await;
    engine.ready().await.unwrap();
    assert_eq!(numbers(&engine.url(), "kept").await, [1, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_comes_through_a_proxy_is_sent_on_to_the_proxy() {
    let place = Place::new("kafka-edge");
    let mut spec = place.spec("kafka", EngineKind::Kafka);
    let proxy = SocketAddrV4::new(Ipv4Addr::LOCALHOST, steady_port());
    let edge = EdgeListener { edge: "orders".to_owned(), advertised: proxy };
    spec.kafka.edges.push(edge);
    let engine = place.create(spec).await;
    engine.start().await.unwrap();
    let behind = engine.spec().edge_address("orders").unwrap();
    assert_eq!(engine.spec().edge_address("others"), None);
    let sent_to = advertised(&behind.to_string()).await;
    assert_eq!(sent_to, BTreeSet::from([proxy.to_string()]));
    let sent_to = advertised(&engine.url()).await;
    assert_eq!(sent_to, BTreeSet::from([engine.url()]), "who comes directly stays so");
}

/// Where the broker sends its clients.
async fn advertised(brokers: &str) -> BTreeSet<String> {
    let consumer: BaseConsumer = client(brokers).create().unwrap();
    let asked = tokio::task::spawn_blocking(move || consumer.fetch_metadata(None, SOON).unwrap());
    let metadata = asked.await.unwrap();
    let brokers = metadata.brokers().iter();
    brokers.map(|broker| format!("{}:{}", broker.host(), broker.port())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_cannot_start_shows_why() {
    let place = Place::new("kafka-broken");
    let mut spec = place.spec("kafka", EngineKind::Kafka);
    drop(place.create(spec.clone()).await);
    let fails = async |key: &str, value: &str| {
        let mut spec = spec.clone();
        spec.settings.insert(key.to_owned(), value.to_owned());
        place.adopt(spec).start().await.unwrap_err().to_string()
    };
    let error = fails("num.io.threads", "a lot").await;
    assert!(error.contains("Invalid value a lot for configuration num.io.threads"), "{error}");
    assert!(error.contains(&spec.log.display().to_string()), "{error}");
    let error = fails("listeners", "PLAINTEXT://:1").await;
    assert_eq!(error, "setting `listeners` of engine `kafka` is decided by standfast");
    let error = fails("heap", "all of it").await;
    assert_eq!(error, "setting `heap` of engine `kafka` is no size such as `256m`");

    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, spec.port)).unwrap();
    let error = place.adopt(spec.clone()).start().await.unwrap_err().to_string();
    let holder =
        format!("port {} of engine `kafka` is held by pid {}", spec.port, std::process::id());
    assert!(error.starts_with(&holder), "{error}");
    drop(listener);
    // An inner listener, too: it is derived from the port.
    spec.kafka.edges.push(EdgeListener {
        edge: "orders".to_owned(),
        advertised: SocketAddrV4::new(Ipv4Addr::LOCALHOST, 1),
    });
    let listener = TcpListener::bind(spec.edge_address("orders").unwrap()).unwrap();
    let error = place.adopt(spec).start().await.unwrap_err();
    let port = listener.local_addr().unwrap().port();
    assert!(matches!(error, EngineError::PortBusy { port: busy, .. } if busy == port), "{error}");
}
