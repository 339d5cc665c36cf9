//! Snapshots of voted-inventory: one that is whole and fits the log saves its beginning, and any
//! other one is refused, after which the log alone gives the same state.

use std::fs;
use std::path::PathBuf;

use sha2::{Digest, Sha256};
use standfast_engines::wait_until;
use standfast_lab::fault::FaultKind;
use standfast_lab::instance::Network;
use tokio::time::timeout;

use crate::voted::{Draft, PATIENCE, Voted};

const SNAPSHOT_EVERY: usize = 5;

/// Not a multiple of it, so that some are behind the last snapshot.
const ORDERS: u64 = 12;

const REPLICA: &str = "inventory-2";

/// Where a snapshot names its log: behind the magic and the length of that name.
const LOG_AT: usize = 12;

const DIGEST_LENGTH: usize = 32;

fn file(voted: &Voted) -> PathBuf {
    voted.instance.folder().data(REPLICA).join("inventory.snapshot")
}

/// Waits until the replica has kept a snapshot since its start.
async fn keeps_a_snapshot(voted: &Voted) {
    let kept = wait_until(PATIENCE, || async {
        let metrics = voted.instance.scrape(REPLICA).await.ok()?;
        (metrics.get("inventory_snapshots_total") >= Some(1.0)).then_some(())
    });
    assert!(kept.await.is_some(), "it keeps none");
}

/// Kills the replica, changes its snapshot, and lets it come back; answers how many orders it has
/// applied since.
async fn comes_back(voted: &Voted, change: impl FnOnce(Vec<u8>) -> Vec<u8>) -> f64 {
    let crash = voted.inject(FaultKind::Kill, REPLICA).await;
    let bytes = fs::read(file(voted)).expect("there is a snapshot");
    fs::write(file(voted), change(bytes)).expect("it can be written");
    voted.heal(crash).await;
    assert_eq!(voted.taken_of("PROD-001").await, ORDERS, "the state is the same");
    let applied = "inventory_events_total{outcome=\"reserved\"}";
    voted.metrics(REPLICA).await.get(applied).unwrap_or(0.0)
}

/// Why the replica says that it has ignored a snapshot; the next time that it does.
async fn ignored(voted: &mut Voted) -> String {
    let search = async {
        while let Some(event) = voted.events.recv().await {
            let state = event.fields.get("state");
            if event.source == REPLICA && state.is_some_and(|state| state == "snapshot_ignored") {
                return event.fields["reason"].as_str().expect("a text").to_owned();
            }
        }
        panic!("the events end");
    };
    timeout(PATIENCE, search).await.expect("it says so")
}

/// Puts the digest right after `bytes` were changed: only the content is wrong.
fn signed(mut bytes: Vec<u8>, change: impl FnOnce(&mut [u8])) -> Vec<u8> {
    bytes.truncate(bytes.len() - DIGEST_LENGTH);
    change(&mut bytes);
    let digest = Sha256::digest(&bytes);
    bytes.extend_from_slice(&digest);
    bytes
}

/// Where the offset stands that was applied last.
fn applied_at(content: &[u8]) -> usize {
    let length: [u8; 4] = content[LOG_AT - 4..LOG_AT].try_into().expect("four bytes");
    // The name of the log, and two numbers of the catalogue.
    LOG_AT + usize::try_from(u32::from_le_bytes(length)).expect("a short name") + 8
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_is_torn_foreign_or_ahead_of_the_log_is_refused() {
    let mut voted = Voted::up(SNAPSHOT_EVERY, Network::Direct).await;
    for _ in 0..ORDERS {
        let order = voted.order(Draft { product: "PROD-001", quantity: 1 }).await;
        voted.decided(order).await;
    }
    keeps_a_snapshot(&voted).await;
    let behind = comes_back(&voted, |bytes| bytes).await;
    assert!(behind < ORDERS as f64, "a whole one saves the log's beginning: {behind}");

    let torn = comes_back(&voted, |bytes| bytes[..bytes.len() / 2].to_vec()).await;
    assert!((torn - ORDERS as f64).abs() < 0.5, "all of the log: {torn}");
    assert_eq!(ignored(&mut voted).await, "it is torn or damaged");

    keeps_a_snapshot(&voted).await;
    let foreign = |bytes| signed(bytes, |content| content[LOG_AT] ^= 1);
    assert!((comes_back(&voted, foreign).await - ORDERS as f64).abs() < 0.5);
    assert_eq!(ignored(&mut voted).await, "it is of another log or catalogue");

    keeps_a_snapshot(&voted).await;
    let ahead = |bytes| {
        signed(bytes, |content| {
            let at = applied_at(content);
            content[at..at + 8].copy_from_slice(&1000_i64.to_le_bytes());
        })
    };
    assert!((comes_back(&voted, ahead).await - ORDERS as f64).abs() < 0.5);
    let why = ignored(&mut voted).await;
    assert_eq!(why, format!("it is at 1001, and the log ends at {ORDERS}"));
    voted.down().await;
}
