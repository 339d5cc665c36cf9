//! Services are found by their names.

use std::net::Ipv4Addr;

use standfast_systems::{ServeOptions, serve};

#[tokio::test]
async fn an_unknown_service_is_named_together_with_the_known_ones() {
    let options = ServeOptions {
        bind: Ipv4Addr::LOCALHOST,
        port: 0,
        instance: "test".to_owned(),
        clock_scale: None,
    };
    let error = serve("cache-fallback/orders", options, async {}).await.unwrap_err().to_string();
    assert!(error.contains("`cache-fallback/orders`"), "{error}");
    assert!(error.contains("cache-fallback/offers"), "{error}");
}

#[tokio::test]
async fn a_service_without_its_configuration_names_what_is_missing() {
    let options = ServeOptions {
        bind: Ipv4Addr::LOCALHOST,
        port: 0,
        instance: "test".to_owned(),
        clock_scale: None,
    };
    let error = serve("cache-fallback/offers", options, async {}).await.unwrap_err().to_string();
    assert!(error.contains("_URL` is not set"), "{error}");
}
