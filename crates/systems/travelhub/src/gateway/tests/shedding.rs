//! When there is room for little, payments have it; what else was decided on is done later, and
//! what can be repeated is to be repeated.

use hyper::StatusCode;
use standfast_tactics::shed::{Pass, Priority};

use super::stand::Stand;

/// Takes all places that requests of this class may have.
fn fill(stand: &Stand, priority: Priority) -> Vec<Pass> {
    let gate = stand.gateway.gate().expect("the tactic is on");
    std::iter::from_fn(|| gate.enter(priority).ok()).collect()
}

#[tokio::test]
async fn what_matters_goes_first_and_what_was_decided_on_is_not_lost() {
    let stand = Stand::start_limited("20").await;
    let mut client = stand.client().await;
    let mut taken = fill(&stand, Priority::Low);
    let search = client.get("/api/offers").await;
    assert_eq!(search.status, StatusCode::TOO_MANY_REQUESTS, "{search:?}");
    assert!(search.headers.contains_key("retry-after"));
    assert_eq!(stand.search.requests(), 0);
    let reserved = client.post("/api/reservations", "first", "{}").await;
    assert_eq!(reserved.status, StatusCode::CREATED, "searches do not keep it out: {reserved:?}");

    taken.extend(fill(&stand, Priority::High));
    let paid = client.post("/api/reservations/7/payment", "pay", "{}").await;
    assert_eq!(paid.status, StatusCode::CREATED, "nobody keeps it out: {paid:?}");
    let reserved = client.post("/api/reservations", "second", "{}").await;
    assert_eq!(reserved.status, StatusCode::ACCEPTED, "{reserved:?}");
    stand.until("/api/pending/second", |got| got.json()["state"] == "done").await;
    assert_eq!(stand.reservations.seen.keys.lock().unwrap()["second"], 1);
    drop(taken);
}
