//! An operator's word to a breaker, and who may say it.

use hyper::{Request, StatusCode};

use super::stand::Stand;

const TOKEN: &str = "x-standfast-token";

#[tokio::test]
async fn a_breaker_does_as_it_is_told_by_those_who_know_the_token() {
    let stand = Stand::start().await;
    let mut client = stand.client().await;
    let order = |action| format!("{{\"service\":\"search\",\"action\":\"{action}\"}}");
    let post = || Request::post("/admin/breakers");
    let refused = client.send(post().header(TOKEN, "wrong"), &order("force-open")).await;
    assert_eq!(refused.status, StatusCode::NOT_FOUND);
    let forced = client.send(post().header(TOKEN, "word"), &order("force-open")).await;
    assert_eq!(forced.json()["breakers"][0]["state"], "forced-open", "{forced:?}");
    assert_eq!(client.get("/api/offers").await.grade(), "degraded");
    assert_eq!(stand.search.requests(), 0, "nobody asks it");
    assert_eq!(client.get("/api/reservations/7").await.grade(), "fresh");
    let reset = client.send(post().header(TOKEN, "word"), &order("reset")).await;
    assert_eq!(reset.json()["breakers"][0]["state"], "closed", "{reset:?}");
    assert_eq!(client.get("/api/offers").await.grade(), "fresh");
    let wrong = client.send(post().header(TOKEN, "word"), &order("explode")).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong:?}");
}

#[tokio::test]
async fn the_gateway_answers_for_itself_whatever_is_away() {
    let stand = Stand::start().await;
    for origin in [&stand.search, &stand.reservations, &stand.others] {
        origin.behave(super::origin::Behaviour::Dead).await;
    }
    let mut client = stand.client().await;
    for path in ["/health", "/ready", "/metrics", "/", "/api/status", "/api/availability/7"] {
        assert_eq!(client.get(path).await.status, StatusCode::OK, "{path}");
    }
    assert_eq!(client.get("/assets/app.js").await.status, StatusCode::NOT_FOUND);
    let figures = client.get("/metrics").await.body;
    let figures = String::from_utf8_lossy(&figures);
    let line = "gateway_requests_total{service=\"monitor\",fate=\"degraded\"} 1";
    assert!(figures.contains(line), "{figures}");
}
