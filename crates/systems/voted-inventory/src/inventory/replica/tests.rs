//! What a replica tells the log about records, good and bad.

use std::net::Ipv4Addr;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::*;
use crate::serve::ServeOptions;
use crate::service::environment::Environment;

fn replica() -> Replica {
    let pairs = [("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9"), ("SERVICE_NAME", "inventory-1")];
    let options = ServeOptions {
        bind: Ipv4Addr::LOCALHOST,
        port: 0,
        instance: "1".to_owned(),
        clock_scale: None,
    };
    Replica::new(Settings::read(&Environment::of(&pairs), &options).unwrap())
}

fn record(offset: i64, payload: &str) -> Record {
    Record { offset, payload: payload.as_bytes().to_vec() }
}

const RESERVE: &str = r#"{"event_id":"01935b00-0000-7000-8000-000000000001","kind":"reserve",
    "order_id":"01935b00-0000-7000-8000-000000000002","product_id":"PROD-001","quantity":5}"#;

fn told(entries: &[Entry]) -> Vec<(Topic, Value)> {
    let parse = |entry: &Entry| serde_json::from_slice(&entry.payload).unwrap();
    entries.iter().map(|entry| (entry.topic, parse(entry))).collect()
}

#[test]
fn an_event_is_replied_to_and_its_product_gets_its_version() {
    let replica = replica();
    let told = told(&replica.apply(&record(4, RESERVE)));
    let [(Topic::Replies, reply)] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!((&reply["outcome"], &reply["offset"]), (&json!("reserved"), &json!(4)));
    let product = Product { stock: 999_995, version: 4 };
    assert_eq!(replica.product("PROD-001"), Some((product, 4)));
}

#[test]
fn an_unknown_product_is_an_error_and_still_decides_its_order() {
    let replica = replica();
    let unknown = RESERVE.replace("PROD-001", "PROD-X");
    let told = told(&replica.apply(&record(0, &unknown)));
    let [(Topic::Errors, refusal), (Topic::Replies, reply)] = told.as_slice() else {
        panic!("{told:?}")
    };
    assert_eq!(refusal["reason"], "unknown product `PROD-X`");
    assert_eq!(refusal["event"]["product_id"], "PROD-X");
    assert_eq!(reply["outcome"], "rejected");
}

#[test]
fn what_is_no_event_is_passed_over_and_told() {
    let replica = replica();
    for (offset, payload) in (0..).zip(["", "{", "[]", "{\"kind\":\"reserve\"}"]) {
        let told = told(&replica.apply(&record(offset, payload)));
        let [(Topic::Errors, refusal)] = told.as_slice() else { panic!("{told:?}") };
        assert_eq!(
            (&refusal["source"], &refusal["offset"]),
            (&json!("inventory-1"), &json!(offset))
        );
    }
    assert_eq!(replica.reading().applied, 3);
}

#[tokio::test(start_paused = true)]
async fn a_reader_waits_for_a_version_until_its_deadline() {
    let replica = replica();
    replica.apply(&record(0, RESERVE));
    let deadline = Deadline::after(Instant::now(), Duration::from_millis(200));
    assert!(replica.wait_for(0, deadline).await);
    let (reached, ()) = tokio::join!(replica.wait_for(1, deadline), async {
        tokio::task::yield_now().await;
        replica.apply(&record(1, "no event"));
    });
    assert!(reached);
    assert!(!replica.wait_for(2, deadline).await);
    assert!(deadline.has_passed(Instant::now()));
}
