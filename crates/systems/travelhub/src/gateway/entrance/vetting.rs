//! What a request must be like before anybody behind the gateway hears of it.

use hyper::header::{HOST, TRANSFER_ENCODING};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode, Version};

use super::raw_head::RawHead;
use crate::service::problem::Problem;

/// Path and query.
const TARGET_LENGTH_MAX: usize = 2048;

/// Refuses what could be read in two ways.
pub(super) fn vet(parts: &Parts, head: &RawHead) -> Result<(), Problem> {
    if parts.headers.contains_key(TRANSFER_ENCODING) && !head.is_plainly_chunked() {
        let detail = "a body is chunked or has a length, and says so once";
        return Err(Problem::bad_request(detail));
    }
    if parts.method == Method::CONNECT || parts.uri.scheme().is_some() {
        return Err(Problem::bad_request("a request names a path, and no other server"));
    }
    let mut hosts = parts.headers.get_all(HOST).iter();
    let is_named_once = hosts.next().is_some() && hosts.next().is_none();
    if !is_named_once && parts.version == Version::HTTP_11 {
        return Err(Problem::bad_request("there is one `Host`"));
    }
    let target = parts.uri.path_and_query().map_or("", |target| target.as_str());
    if target.len() > TARGET_LENGTH_MAX {
        let title = "The address is too long";
        let detail = format!("path and query may have {TARGET_LENGTH_MAX} bytes");
        return Err(Problem::new(StatusCode::URI_TOO_LONG, "too-long", title, detail));
    }
    match is_plain(parts.uri.path()) {
        true => Ok(()),
        false => Err(Problem::bad_request("the path is not in its plain form")),
    }
}

/// A path that every server reads alike: no dots that lead elsewhere, no slashes in disguise, no
/// escapes that are none.
fn is_plain(path: &str) -> bool {
    if !path.starts_with('/') || path.contains("//") || path.contains('\\') {
        return false;
    }
    // By far the most paths have neither.
    if !path.contains(['.', '%']) {
        return true;
    }
    let mut segments = path.split('/');
    let is_dots = |segment: &str| {
        let plain = segment.replace("%2e", ".").replace("%2E", ".");
        plain == "." || plain == ".."
    };
    if segments.any(is_dots) {
        return false;
    }
    path.split('%').skip(1).all(|rest| {
        let digits = rest.as_bytes().get(..2);
        let code =
            digits.and_then(|two| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok());
        code.is_some_and(|byte| byte >= b' ' && !matches!(byte, b'/' | b'\\' | b'%' | 0x7f))
    })
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    fn refused(request: hyper::http::request::Builder) -> Option<StatusCode> {
        let (parts, ()) = request.body(()).unwrap().into_parts();
        vet(&parts, &RawHead::default()).err().map(|problem| problem.status())
    }

    #[test]
    fn plain_requests_pass() {
        for path in
            ["/", "/api/offers?city=S%C3%A3o%20Paulo&x=../..", "/assets/app.v1.js", "/a%20b"]
        {
            assert_eq!(refused(Request::get(path).header(HOST, "a")), None, "{path}");
        }
    }

    #[test]
    fn paths_that_lead_elsewhere_do_not() {
        for path in [
            "/api/../events",
            "/api/%2e%2e/events",
            "/api/.%2E/events",
            "/./events",
            "/api//offers",
            "/api%2foffers",
            "/api%5coffers",
            "/api/%00",
            "/api/%252e",
            "/api/%zz",
            "/api/%+1",
            "/api/%4",
        ] {
            let status = refused(Request::get(path).header(HOST, "a"));
            assert_eq!(status, Some(StatusCode::BAD_REQUEST), "{path}");
        }
    }

    #[test]
    fn requests_that_could_be_read_in_two_ways_do_not() {
        let bad = Some(StatusCode::BAD_REQUEST);
        assert_eq!(refused(Request::get("http://other/api/offers").header(HOST, "a")), bad);
        assert_eq!(refused(Request::connect("other:80").header(HOST, "a")), bad);
        assert_eq!(refused(Request::options("*").header(HOST, "a")), bad);
        assert_eq!(refused(Request::get("/")), bad, "no host");
        assert_eq!(refused(Request::get("/").header(HOST, "a").header(HOST, "b")), bad);
        let chunked = Request::post("/").header(HOST, "a").header(TRANSFER_ENCODING, "chunked");
        assert_eq!(refused(chunked), bad, "its head was not seen");
        let long = format!("/?{}", "x".repeat(TARGET_LENGTH_MAX));
        let status = refused(Request::get(long).header(HOST, "a"));
        assert_eq!(status, Some(StatusCode::URI_TOO_LONG));
    }
}
