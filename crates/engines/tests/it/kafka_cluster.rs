//! Three brokers that are one cluster: it goes on without any one of them, and loses nothing.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use standfast_engines::{Engine, EngineKind, KafkaSpec, Member, wait_until};

use crate::kafka::{make_topic, numbers, producer, send};
use crate::place::{Place, steady_port};

const BROKERS: u32 = 3;

/// A leader is chosen anew seconds after the old one died, and this machine may be busy.
const GOES_ON_WITHIN: Duration = Duration::from_secs(45);

/// Acknowledged records between two steps: so many that some are on their way when a broker dies.
const RECORDS: u32 = 50;

async fn cluster(place: &Place) -> Vec<Engine> {
    let members: Vec<Member> = (1..=BROKERS)
        .map(|node| Member { node, address: Ipv4Addr::LOCALHOST, port: steady_port() })
        .collect();
    let specs = members.iter().map(|member| {
        let mut spec = place.spec(&format!("kafka-{}", member.node), EngineKind::Kafka);
        spec.port = member.port;
        spec.kafka = KafkaSpec { node: member.node, members: members.clone(), edges: Vec::new() };
        spec
    });
    let mut engines = Vec::new();
    for spec in specs {
        engines.push(place.create(spec).await);
    }
    engines
}

async fn all_ready(engines: &[Engine]) {
    for engine in engines {
        let ready = || async { engine.ready().await.ok() };
        wait_until(GOES_ON_WITHIN, ready).await.expect("every member of a cluster answers in time");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_acknowledged_record_is_lost_when_any_broker_is_killed() {
    let place = Place::new("kafka-cluster");
    let engines = cluster(&place).await;
    // One after the other, as a supervisor does: the first one cannot answer before the second is
    // there, and must not be waited for in vain.
    for engine in &engines {
        engine.start().await.unwrap();
    }
    all_ready(&engines).await;
    let brokers = engines[0].url();
    assert_eq!(brokers.split(',').count(), engines.len(), "clients may begin anywhere: {brokers}");
    make_topic(&brokers, "kept", 3).await;

    let acknowledged = AtomicU32::new(0);
    let done = AtomicU32::new(0);
    let clients = async {
        let producer = producer(&brokers);
        while done.load(Ordering::Relaxed) == 0 {
            send(&producer, "kept", acknowledged.load(Ordering::Relaxed)).await;
            acknowledged.fetch_add(1, Ordering::Relaxed);
        }
    };
    let some_more = || async {
        let enough = acknowledged.load(Ordering::Relaxed) + RECORDS;
        let written = || async { (acknowledged.load(Ordering::Relaxed) >= enough).then_some(()) };
        wait_until(GOES_ON_WITHIN, written).await.expect("records are acknowledged again");
    };
    let faults = async {
        // Each in turn: one of them leads the topic, and one the cluster.
        for engine in &engines {
            some_more().await;
            engine.kill().await.unwrap();
            some_more().await;
            engine.start().await.unwrap();
            all_ready(&engines).await;
        }
        some_more().await;
        done.store(1, Ordering::Relaxed);
    };
    tokio::join!(clients, faults);

    let expected: Vec<u32> = (0..acknowledged.load(Ordering::Relaxed)).collect();
    assert_eq!(numbers(&brokers, "kept").await, expected, "every one, once, in order");
    for engine in &engines {
        engine.stop().await.unwrap();
    }
}
