//! No user sees that a service has failed, in whatever way, and all of it is over once it is back.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use hyper::{Request, StatusCode};
use tokio::task::JoinSet;
use tokio::time::interval;

use super::origin::Behaviour;
use super::stand::Stand;

const CLIENTS: usize = 10;
const REQUESTS: usize = 150;

/// Has many clients search, and reserve nothing, while the search service is so.
async fn check(behaviour: Behaviour) {
    let stand = Arc::new(Stand::start().await);
    let known = "/api/offers?city=Lima";
    assert_eq!(stand.client().await.get(known).await.grade(), "fresh");
    stand.search.behave(behaviour).await;
    let grades = search(&stand).await;
    assert_eq!(grades.values().sum::<usize>(), CLIENTS * REQUESTS);
    let less = grades.get("stale").unwrap_or(&0) + grades.get("degraded").unwrap_or(&0);
    assert!(less > 0, "the fault was without effect: {grades:?}");
    if behaviour != Behaviour::FailsHalf {
        assert!(opened(&stand, "search").await > 0, "{grades:?}");
    }
    assert_eq!(opened(&stand, "reservations").await, 0, "the others are well");
    stand.search.behave(Behaviour::Good).await;
    stand.until(known, |got| got.grade() == "fresh").await;
}

/// How often each grade was answered. What is no search is always fresh.
async fn search(stand: &Arc<Stand>) -> BTreeMap<String, usize> {
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        let stand = Arc::clone(stand);
        clients.spawn(async move {
            let (mut client, mut grades) = (stand.client().await, Vec::new());
            for request in 0..REQUESTS {
                let path = match request % 3 {
                    0 => "/api/offers?city=Lima".to_owned(),
                    1 => format!("/api/offers?city={number}-{request}"),
                    _ => format!("/api/reservations/{request}"),
                };
                let got = client.get(&path).await;
                assert_eq!(got.status, StatusCode::OK, "{path}: {got:?}");
                let grade = got.grade().to_owned();
                assert_eq!(got.json()["answer"]["kind"], grade.as_str(), "{path}");
                assert!(grade == "fresh" || path.contains("offers"), "{path}: {got:?}");
                grades.push(grade);
            }
            grades
        });
    }
    let mut all = BTreeMap::new();
    for grade in clients.join_all().await.into_iter().flatten() {
        *all.entry(grade).or_default() += 1;
    }
    all
}

async fn opened(stand: &Stand, service: &str) -> u64 {
    let request = Request::get("/admin/breakers").header("x-standfast-token", "word");
    let got = stand.client().await.send(request, "").await.json();
    let all = got["breakers"].as_array().unwrap().clone();
    let one = all.into_iter().find(|one| one["service"] == service).unwrap();
    one["counts"]["opened"].as_u64().unwrap()
}

#[tokio::test]
async fn a_dead_service_is_not_seen() {
    check(Behaviour::Dead).await;
}

#[tokio::test]
async fn a_hung_service_is_not_seen() {
    check(Behaviour::Hangs).await;
}

#[tokio::test]
async fn a_slow_service_is_not_seen() {
    check(Behaviour::Slow).await;
}

#[tokio::test]
async fn a_failing_service_is_not_seen() {
    check(Behaviour::Fails).await;
}

#[tokio::test]
async fn a_service_that_fails_every_second_time_is_not_seen() {
    check(Behaviour::FailsHalf).await;
}

#[tokio::test]
async fn a_service_that_comes_and_goes_is_not_seen() {
    let stand = Arc::new(Stand::start().await);
    let searching = search(&stand);
    tokio::pin!(searching);
    let mut flaps = interval(Duration::from_millis(20));
    let mut is_dead = false;
    let grades = loop {
        tokio::select! {
            grades = &mut searching => break grades,
            _ = flaps.tick() => {
                is_dead = !is_dead;
                let behaviour = if is_dead { Behaviour::Dead } else { Behaviour::Good };
                stand.search.behave(behaviour).await;
            }
        }
    };
    assert_eq!(grades.values().sum::<usize>(), CLIENTS * REQUESTS);
    stand.search.behave(Behaviour::Good).await;
    stand.until("/api/offers?city=Lima", |got| got.grade() == "fresh").await;
}

#[tokio::test]
async fn without_the_tactic_users_see_the_failure() {
    let stand = Stand::start_without("fallback").await;
    stand.search.behave(Behaviour::Dead).await;
    let got = stand.client().await.get("/api/offers").await;
    assert_eq!(got.status, StatusCode::BAD_GATEWAY);
}

/// Has many clients reserve while the service is so: all of it is done once it is back.
async fn check_reservations(behaviour: Behaviour) {
    let stand = Arc::new(Stand::start().await);
    stand.reservations.behave(behaviour).await;
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        let stand = Arc::clone(&stand);
        clients.spawn(async move {
            let (mut client, mut waiting) = (stand.client().await, Vec::new());
            for request in 0..10 {
                let key = format!("{number}-{request}");
                let got = client.post("/api/reservations", &key, "{}").await;
                if got.status == StatusCode::ACCEPTED {
                    waiting.push(got.headers["location"].to_str().unwrap().to_owned());
                } else {
                    assert_eq!(got.status, StatusCode::CREATED, "{got:?}");
                }
            }
            waiting
        });
    }
    let waiting: Vec<String> = clients.join_all().await.into_iter().flatten().collect();
    assert!(!waiting.is_empty(), "the fault was without effect");
    stand.reservations.behave(Behaviour::Good).await;
    for place in &waiting {
        stand.until(place, |got| got.json()["state"] == "done").await;
        let got = stand.client().await.get(place).await.json();
        assert_eq!((got["status"].as_u64(), got["body"]["got"].as_u64()), (Some(201), Some(2)));
    }
    let keys = stand.reservations.seen.keys.lock().unwrap();
    assert_eq!(keys.len(), CLIENTS * 10, "each was done, under its own key");
}

#[tokio::test]
async fn reservations_wait_for_a_dead_service() {
    check_reservations(Behaviour::Dead).await;
}

#[tokio::test]
async fn reservations_wait_for_a_hung_service() {
    check_reservations(Behaviour::Hangs).await;
}

#[tokio::test]
async fn reservations_wait_for_a_failing_service() {
    check_reservations(Behaviour::Fails).await;
}

#[tokio::test]
async fn a_request_that_waits_is_the_same_when_it_is_sent_again() {
    let stand = Stand::start().await;
    stand.reservations.behave(Behaviour::Dead).await;
    let mut client = stand.client().await;
    let path = "/api/reservations/7/payment";
    for _ in 0..2 {
        let got = client.post(path, "a key", "{\"card_token\":\"x\"}").await;
        assert_eq!(got.status, StatusCode::ACCEPTED, "{got:?}");
        assert_eq!(got.headers["location"], "/api/pending/a%20key");
        assert_eq!(got.json()["payment"], "pending");
    }
    let got = client.post(path, "a key", "{\"card_token\":\"y\"}").await;
    assert_eq!(got.status, StatusCode::UNPROCESSABLE_ENTITY, "{got:?}");
    stand.reservations.behave(Behaviour::Good).await;
    stand.until("/api/pending/a%20key", |got| got.json()["state"] == "done").await;
    let got = client.post(path, "a key", "{\"card_token\":\"x\"}").await;
    assert_eq!(got.status, StatusCode::CREATED, "the answer that it got in the end: {got:?}");
    assert_eq!(stand.reservations.seen.keys.lock().unwrap()["a key"], 1);
}

#[tokio::test]
async fn the_impatience_of_one_client_opens_no_breaker_for_the_others() {
    let stand = Stand::start().await;
    let mut client = stand.client().await;
    for number in 0..20 {
        let path = format!("/api/offers?city={number}");
        let got = client.send(Request::get(path).header("x-deadline-ms", "0"), "").await;
        assert_eq!((got.status, got.grade()), (StatusCode::OK, "degraded"), "{got:?}");
    }
    assert_eq!(opened(&stand, "search").await, 0);
    assert_eq!(client.get("/api/offers").await.grade(), "fresh");
}
