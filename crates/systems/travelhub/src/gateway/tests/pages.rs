//! The storefront is away: what is shown in its place is as safe as what it shows itself.

use hyper::Request;

use super::origin::{Behaviour, POLICY};
use super::stand::Stand;

#[tokio::test]
async fn a_page_of_earlier_keeps_its_policy_and_is_readable_for_everybody() {
    let stand = Stand::start().await;
    let mut client = stand.client().await;
    let asked = Request::get("/").header("accept-encoding", "gzip, br");
    assert_eq!(client.send(asked, "").await.grade(), "fresh");
    let seen = stand.others.seen.last.lock().unwrap().take().unwrap();
    assert!(!seen.headers.contains_key("accept-encoding"), "others may not understand it");
    stand.others.behave(Behaviour::Dead).await;
    let got = client.get("/").await;
    assert_eq!(got.grade(), "stale", "{got:?}");
    assert_eq!(got.headers["content-security-policy"], POLICY);
    assert_eq!(got.headers.get_all("content-type").iter().count(), 1, "{got:?}");
}

#[tokio::test]
async fn the_page_of_a_storefront_that_nobody_has_seen_allows_nothing() {
    let stand = Stand::start().await;
    stand.others.behave(Behaviour::Dead).await;
    let got = stand.client().await.get("/").await;
    assert_eq!(got.grade(), "degraded", "{got:?}");
    let policy = got.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
}
