//! Answers that are less than fresh, and say so: in the body for people, in a header for programs.

use std::time::Duration;

use bytes::Bytes;
use hyper::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue,
    X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Response, StatusCode};
use serde_json::{Map, Value, json};
use standfast_tactics::degrade::Grade;

use super::super::headers::ANSWER;
use super::super::upstream::Reply;

/// Where an answer comes from, as services say it.
const SOURCE: HeaderName = HeaderName::from_static("x-source");

/// Whether it is past its time, as the lab reads it: such an answer is no return to normal.
const STALE: HeaderName = HeaderName::from_static("x-stale");
const AGE_MS: HeaderName = HeaderName::from_static("x-age-ms");

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

/// It is text, and one link.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// What the page of a storefront that is away says.
const PAGE: &str = include_str!("away.html");

/// An object in JSON with a member `answer` that says how good it is. `bare` is an object without.
pub(in super::super) fn graded(bare: &[u8], grade: &Grade, why: &str) -> Response<Reply> {
    let mut answer = Map::new();
    answer.insert("kind".to_owned(), json!(grade.kind()));
    if let Grade::Stale { age } = grade {
        answer.insert("age_ms".to_owned(), json!(millis(*age)));
    }
    answer.insert("why".to_owned(), json!(why));
    let answer = Value::Object(answer).to_string();
    let members = bare.trim_ascii_end().strip_suffix(b"}").unwrap_or(b"{").trim_ascii_end();
    let mut body = Vec::with_capacity(members.len() + answer.len() + 12);
    body.extend_from_slice(members);
    if members.len() > 1 {
        body.push(b',');
    }
    body.extend_from_slice(b"\"answer\":");
    body.extend_from_slice(answer.as_bytes());
    body.push(b'}');
    response(JSON, body.into(), grade)
}

/// An object with nothing in it but an empty list of this name, and why.
pub(in super::super) fn empty_list(name: &str, why: &str) -> Response<Reply> {
    let grade = Grade::Degraded { why: why.to_owned() };
    graded(json!({ name: [], "source": "none" }).to_string().as_bytes(), &grade, why)
}

/// An object that says nothing but why.
pub(in super::super) fn nothing_known(why: &str) -> Response<Reply> {
    graded(b"{}", &Grade::Degraded { why: why.to_owned() }, why)
}

/// The plain page.
pub(in super::super) fn page(why: &str) -> Response<Reply> {
    let grade = Grade::Degraded { why: why.to_owned() };
    let mut response = response(HTML, Bytes::from_static(PAGE.as_bytes()), &grade);
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, POLICY);
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// A page or file of earlier.
pub(in super::super) fn stale(
    kept: &[(HeaderName, HeaderValue)],
    body: Bytes,
    age: Duration,
) -> Response<Reply> {
    let kind = HeaderValue::from_static("application/octet-stream");
    let mut response = response(kind, body, &Grade::Stale { age });
    for (name, value) in kept {
        response.headers_mut().insert(name, value.clone());
    }
    response
}

fn response(kind: HeaderValue, body: Bytes, grade: &Grade) -> Response<Reply> {
    let mut response = Response::new(Reply::Whole(body));
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, kind);
    // Nobody between here and the user should remember it as an answer like any other.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let source = if matches!(grade, Grade::Degraded { .. }) { "none" } else { "cache" };
    headers.insert(SOURCE, HeaderValue::from_static(source));
    if let Grade::Stale { age } = grade {
        headers.insert(STALE, HeaderValue::from_static("true"));
        headers.insert(AGE_MS, HeaderValue::from(millis(*age)));
    }
    if let Ok(value) = HeaderValue::try_from(grade.header_value()) {
        headers.insert(ANSWER, value);
    }
    response
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(response: Response<Reply>) -> Value {
        let Reply::Whole(bytes) = response.into_body() else { panic!("a stream") };
        serde_json::from_slice(&bytes).unwrap()
    }

    #[test]
    fn an_answer_says_how_good_it_is_in_body_and_header() {
        let grade = Grade::Stale { age: Duration::from_millis(1234) };
        let stale = graded(br#"{"offers":[7]}"#, &grade, "search is away");
        assert_eq!(stale.headers()[ANSWER], "stale; age=1234");
        assert_eq!(stale.headers()[STALE], "true");
        assert_eq!(stale.headers()[AGE_MS], "1234");
        assert_eq!(
            body(stale),
            json!({
                "offers": [7],
                "answer": { "kind": "stale", "age_ms": 1234, "why": "search is away" },
            })
        );
        let empty = empty_list("offers", "search is away");
        assert_eq!(empty.headers()[ANSWER], r#"degraded; why="search is away""#);
        assert_eq!(body(empty)["offers"], json!([]));
        let expected = json!({ "answer": { "kind": "degraded", "why": "x" } });
        assert_eq!(body(nothing_known("x")), expected);
    }
}
