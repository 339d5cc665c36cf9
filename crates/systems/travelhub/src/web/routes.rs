//! The storefront's HTTP surface.
//!
//! Nothing is sent compressed: all of it is some 30 KB, and the gateway keeps what it once saw for
//! every client, whatever that client understands.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use axum::routing::get;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;
use serde_json::json;

use super::files::{FILES, File};
use crate::service::answer;
use crate::service::metrics;

/// What the page may do: load its own files, and ask where it came from.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
     base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
);

pub(super) fn router() -> Router {
    let requests: Counter = Counter::default();
    let mut registry = Registry::with_prefix("web");
    registry.register("requests", "Files that were asked for", requests.clone());
    let registry = Arc::new(registry);
    let render = move || {
        let text = metrics::text(&registry);
        std::future::ready(answer::metrics(text))
    };
    let mut router = Router::new();
    for file in FILES {
        let (tag, requests) = (file.tag(), requests.clone());
        let show = move |headers: HeaderMap| {
            requests.inc();
            std::future::ready(respond(file, &tag, &headers))
        };
        router = router.route(file.path, get(show));
    }
    let ready = async || answer::json(StatusCode::OK, &json!({ "ready": true }));
    let router = router.route("/health", get(answer::health)).route("/ready", get(ready));
    answer::with_fallbacks(router.route("/metrics", get(render)))
}

fn respond(file: File, tag: &HeaderValue, asked: &HeaderMap) -> Response<Body> {
    let known = asked.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let is_known = tag.to_str().is_ok_and(|tag| known.is_some_and(|known| is_among(tag, known)));
    let mut response = Response::new(Body::from(if is_known { "" } else { file.text }));
    if is_known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(file.kind));
    headers.insert(header::ETAG, tag.clone());
    // Kept, and asked about each time: what is shown is never of another version than the rest.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

/// Whether `tag` is in the list of an `If-None-Match`.
fn is_among(tag: &str, list: &str) -> bool {
    let mut tags = list.split(',').map(|known| known.trim().trim_start_matches("W/"));
    tags.any(|known| known == tag || known == "*")
}

#[cfg(test)]
mod tests {
    use axum::http::Request;
    use tower::ServiceExt;

    use super::*;

    async fn ask(path: &str, tag: Option<&str>) -> Response<Body> {
        let mut request = Request::get(path);
        if let Some(tag) = tag {
            request = request.header(header::IF_NONE_MATCH, tag);
        }
        router().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
    }

    #[tokio::test]
    async fn every_file_is_served_under_the_policy_and_once() {
        for file in FILES {
            let response = ask(file.path, None).await;
            assert_eq!(response.status(), 200, "{}", file.path);
            let headers = response.headers().clone();
            assert_eq!(headers[header::CONTENT_TYPE], file.kind);
            assert!(headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap().contains("'none'"));
            let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
            assert_eq!(body, file.text.as_bytes());
            let tag = headers[header::ETAG].to_str().unwrap();
            for known in [tag.to_owned(), format!("\"x\", W/{tag}")] {
                let again = ask(file.path, Some(&known)).await;
                assert_eq!(again.status(), 304, "{known}");
                let body = axum::body::to_bytes(again.into_body(), usize::MAX).await.unwrap();
                assert!(body.is_empty());
            }
            assert_eq!(ask(file.path, Some("\"x\"")).await.status(), 200);
        }
    }

    #[tokio::test]
    async fn there_is_nothing_else() {
        assert_eq!(ask("/assets/other.js", None).await.status(), 404);
        assert_eq!(ask("/health", None).await.status(), 200);
        assert_eq!(ask("/metrics", None).await.status(), 200);
    }
}
