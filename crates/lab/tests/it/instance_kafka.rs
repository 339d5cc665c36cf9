//! Brokers in a system: one cluster, whose clients stay on the links that they were given.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;

use standfast_lab::fault::{Fault, FaultKind, Hold};
use standfast_lab::instance::{Data, Instance, Network, ProcessState};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::instance_bench::{Bench, state, wait_until};

/// A cluster of three, and somebody who knows one of them.
const LOG: &str = r#"name = "log"
title = "A log"
[engine.kafka]
kind = "kafka"
port = 9092
[engine.kafka-2]
kind = "kafka"
port = 9094
cluster_of = "kafka"
[engine.kafka-3]
kind = "kafka"
port = 9096
cluster_of = "kafka"
[service.client]
run = ["sleep", "600"]
env = { BROKERS = "{kafka.url}" }
"#;

/// Where a broker that is asked at `address` sends its clients.
async fn told_by(address: &str) -> Option<BTreeSet<String>> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    // Metadata, version 1, correlation 7, no client, no topic.
    let question = [0, 0, 0, 14, 0, 3, 0, 1, 0, 0, 0, 7, 0xff, 0xff, 0, 0, 0, 0];
    stream.write_all(&question).await.ok()?;
    let (_length, _correlation) = (stream.read_u32().await.ok()?, stream.read_u32().await.ok()?);
    let mut brokers = BTreeSet::new();
    for _ in 0..stream.read_u32().await.ok()? {
        let _node = stream.read_u32().await.ok()?;
        let mut host = vec![0; usize::from(stream.read_u16().await.ok()?)];
        stream.read_exact(&mut host).await.ok()?;
        let port = stream.read_u32().await.ok()?;
        assert_eq!(stream.read_i16().await.ok()?, -1, "none of ours is in a rack");
        brokers.insert(format!("{}:{port}", String::from_utf8(host).unwrap()));
    }
    Some(brokers)
}

fn brokers_of(url: &str) -> BTreeSet<String> {
    url.split(',').map(str::to_owned).collect()
}

fn told_to_the_client(instance: &Instance) -> String {
    let path = format!("/proc/{}/environ", instance.pid("client").unwrap());
    let environment = std::fs::read_to_string(path).unwrap();
    let told = environment.split('\0').find_map(|pair| pair.strip_prefix("BROKERS="));
    told.unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn three_brokers_are_one_cluster_and_a_client_stays_behind_its_listeners() {
    let bench = Bench::new(LOG);
    let (mut options, _events) = bench.options("log");
    options.network = Network::All;
    let instance = bench.provision(options).await.unwrap();

    let links = instance.links();
    let edges: Vec<String> = links.iter().map(|link| link.edge.to_string()).collect();
    assert_eq!(edges, ["client:kafka", "client:kafka-2", "client:kafka-3"]);
    let listeners: BTreeSet<String> =
        links.iter().map(|link| format!("127.0.0.1:{}", link.port)).collect();
    let told = told_to_the_client(&instance);
    assert_eq!(brokers_of(&told), listeners, "{told}");
    let own = instance.url("kafka").unwrap();
    let direct = brokers_of(own);
    assert!(direct.len() == 3 && direct.is_disjoint(&listeners), "{own}");

    // Whoever is asked, and however: a client stays where it came in.
    let agree = async || {
        for (asked, expected) in [(&listeners, &listeners), (&direct, &direct)] {
            for address in asked {
                if told_by(address).await.as_ref() != Some(expected) {
                    return false;
                }
            }
        }
        true
    };
    wait_until("all brokers know each other", agree).await;

    let kill = Fault::new(FaultKind::Kill, "kafka");
    let killed = instance.inject(&kill, Hold::UntilHealed).await.unwrap();
    let rest = async || {
        let told = told_by(listeners.iter().find(|at| !told.starts_with(*at)).unwrap()).await;
        told.is_some_and(|brokers| brokers.len() == 2 && brokers.is_subset(&listeners))
    };
    wait_until("the others notice and go on", rest).await;
    instance.heal(killed).await.unwrap();
    wait_until("the cluster is whole again", agree).await;
    assert_eq!(state(&instance, "kafka"), ProcessState::Ready);
    instance.shutdown(Data::Delete).await.unwrap();
}
