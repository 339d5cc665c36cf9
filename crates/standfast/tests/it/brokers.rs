//! A log on three brokers, as `--brokers 3` brings it up: what it has acknowledged, it keeps.

#![expect(clippy::unwrap_used, reason = "helpers of a test fail by panicking, as tests do")]

use std::time::Duration;

use rdkafka::Message;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::{Offset, TopicPartitionList};
use standfast_engines::process::is_port_free;
use standfast_engines::wait_until;
use tokio::task::spawn_blocking;

use crate::place::{Place, free_ports};
use crate::processes;

/// Bounds a test that fails.
const PATIENCE: Duration = Duration::from_secs(30);

const LOG: &str =
    "name = \"log\"\ntitle = \"A log\"\n[engine.log]\nkind = \"kafka\"\nport = 9092\n";

const TOPIC: &str = "records";

/// Brokers by their number; the first one leads.
const ASSIGNMENT: [i32; 3] = [1, 2, 3];

/// Enough for some to be on their way when the broker dies.
const RECORDS_EACH: u32 = 200;

fn config(base: u16) -> ClientConfig {
    let servers: Vec<String> = (base..base + 3).map(|port| format!("127.0.0.1:{port}")).collect();
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", servers.join(","))
        .set("group.id", "tests")
        .set("enable.auto.commit", "false")
        .set("reconnect.backoff.max.ms", "500")
        .set("topic.metadata.refresh.fast.interval.ms", "100");
    config
}

async fn make_topic(base: u16) {
    let admin: AdminClient<DefaultClientContext> = config(base).create().unwrap();
    let assignment = [ASSIGNMENT.as_slice()];
    let topic = NewTopic::new(TOPIC, 1, TopicReplication::Variable(&assignment));
    let topic = topic.set("min.insync.replicas", "2");
    let made = admin.create_topics([&topic], &AdminOptions::new()).await.unwrap();
    made.into_iter().for_each(|made| drop(made.unwrap()));
}

/// Writes the records that are called `from` and on, all of which have to be acknowledged; kills a
/// broker when a quarter of them is.
async fn write(place: &Place, base: u16, from: u32, killed: &str) {
    let mut config = config(base);
    let producer: FutureProducer =
        config.set("acks", "all").set("enable.idempotence", "true").create().unwrap();
    let mut on_the_way = Vec::new();
    for number in from..from + RECORDS_EACH {
        let payload = number.to_string();
        let record = FutureRecord::<(), str>::to(TOPIC).partition(0).payload(&payload);
        on_the_way.push(producer.send_result(record).unwrap());
        if number - from == RECORDS_EACH / 4 {
            let kill = ["fault", "kill", "--target", killed, "--for", "2s"];
            place.must(&kill).await.says("the process is gone");
        }
    }
    for acknowledged in on_the_way {
        let acknowledged = tokio::time::timeout(PATIENCE, acknowledged).await;
        acknowledged.expect("the others take over").unwrap().unwrap();
    }
}

/// All records, in their order.
async fn read(base: u16) -> Vec<u32> {
    let config = config(base);
    let read = spawn_blocking(move || {
        let consumer: BaseConsumer = config.create().unwrap();
        let (_, end) = consumer.fetch_watermarks(TOPIC, 0, PATIENCE).unwrap();
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(TOPIC, 0, Offset::Beginning).unwrap();
        consumer.assign(&list).unwrap();
        let mut records = Vec::new();
        while i64::try_from(records.len()).unwrap() < end {
            let message = consumer.poll(PATIENCE).expect("the records are there").unwrap();
            let payload = message.payload().unwrap_or_default();
            records.push(std::str::from_utf8(payload).unwrap().parse().unwrap());
        }
        records
    });
    read.await.unwrap()
}

async fn wait_until_healed(place: &Place) {
    let healed = wait_until(PATIENCE, || async {
        let status = place.must(&["fault", "status"]).await;
        status.stderr.contains("no fault is in effect").then_some(())
    });
    assert!(healed.await.is_some(), "the broker comes back by itself");
}

#[tokio::test]
async fn three_brokers_keep_every_acknowledged_record_whichever_of_them_is_killed() {
    let place = Place::new().await;
    place.write("log/system.toml", LOG);
    let base = free_ports(3);
    let port = base.to_string();
    let up = ["up", "log", "-d", "--name", "log", "--port-base", &port];
    let three = [up.as_slice(), &["--brokers", "3"]].concat();
    place.must(&three).await.says("log-2").says("log-3");
    make_topic(base).await;

    write(&place, base, 0, "log").await;
    wait_until_healed(&place).await;
    write(&place, base, RECORDS_EACH, "log-3").await;
    wait_until_healed(&place).await;
    let written: Vec<u32> = (0..2 * RECORDS_EACH).collect();
    assert_eq!(read(base).await, written, "each once, and in its order");
    place.must(&["logs", "log-2", "-n", "1"]).await;

    // The data of three is none of one.
    place.must(&["down"]).await;
    place.standfast(&up).await.exits(3).says("that of 3 broker(s), not of 1").says("--brokers 3");
    assert!((base..base + 3).all(is_port_free), "nothing was started");
    place.must(&["down", "--data", "--instance", "log"]).await;
    processes::wait_until_none(&place).await;
    assert_eq!(place.instances(), [""; 0]);
}

#[tokio::test]
async fn brokers_that_cannot_be_are_refused_before_anything_is_started() {
    let place = Place::new().await;
    place.write("log/system.toml", LOG);
    let check = async |words: &[&str], says: &str| {
        place.standfast(words).await.exits(2).says(says);
    };
    check(&["up", "cache-fallback", "--brokers", "3"], "has no broker").await;
    check(&["up", "log", "--brokers", "0"], "there are 1, or 3 to 9").await;
    check(&["up", "log", "--brokers", "2"], "no majority; take 3").await;
    check(&["up", "log", "--brokers", "10"], "10 brokers").await;
    let elsewhere = ["up", "log", "--brokers", "3", "--engine", "log=127.0.0.1:1"];
    check(&elsewhere, "`log` runs elsewhere").await;
    check(&["run", "cache-fallback/cache-hit", "--brokers", "3"], "has no broker").await;
    let named = ["run", "voted-inventory/leader-killed", "--brokers", "two"];
    check(&named, "`two` is no number of brokers").await;
    let gone = ["run", "voted-inventory/follower-killed", "--brokers", "1"];
    check(&gone, "`kafka-3` is no engine or service").await;
    assert_eq!(place.instances(), [""; 0]);
}
