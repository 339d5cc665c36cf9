//! Which operation a method and a path mean; pure, and as strict as Toxiproxy's router.

use hyper::Method;

/// Where the interface of our own begins.
pub(crate) const OURS: &str = "/standfast/v1";

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    ListProxies,
    CreateProxy,
    ShowProxy(String),
    UpdateProxy(String),
    DeleteProxy(String),
    ListToxics(String),
    CreateToxic(String),
    ShowToxic(ToxicPath),
    UpdateToxic(ToxicPath),
    DeleteToxic(ToxicPath),
    Populate,
    Reset,
    Version,
    Metrics,
    Ours(OurOperation),
}

/// What only our own interface has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum OurOperation {
    ShowSeed,
    ListProxies,
    CreateProxy,
    ShowProxy(String),
    UpdateProxy(String),
    DeleteProxy(String),
    ResetConnections(String),
    ShowAdoption(String),
    CreateToxic(String),
    ShowToxic(ToxicPath),
    UpdateToxic(ToxicPath),
    DeleteToxic(ToxicPath),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ToxicPath {
    pub(super) proxy: String,
    pub(super) toxic: String,
}

/// What the router makes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Routed {
    Operation(Operation),
    /// The path is known, the method is not.
    MethodNotAllowed,
    NotFound,
    /// The path is known when it is written without detours.
    Moved(String),
    /// The path is not encoded as a path should be.
    Malformed,
}

/// Routes the path of a request as it stands in its first line.
pub(super) fn route(method: &Method, path: &str) -> Routed {
    if let Some(rest) = path.strip_prefix(OURS) {
        return match rest.strip_prefix('/') {
            Some(rest) => ours(method, rest),
            None if rest.is_empty() => Routed::NotFound,
            None => toxiproxy(method, path),
        };
    }
    toxiproxy(method, path)
}

/// Toxiproxy decodes the whole path before it takes it apart: `%2F` separates like `/`.
fn toxiproxy(method: &Method, path: &str) -> Routed {
    let Some(path) = decoded(path) else { return Routed::Malformed };
    let clean = clean(&path);
    if clean != path {
        return Routed::Moved(encoded(&clean));
    }
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    let is = |known: &Method| method == known;
    let allowed = match segments[..] {
        ["proxies"] if is(&Method::GET) => Some(Operation::ListProxies),
        ["proxies"] if is(&Method::POST) => Some(Operation::CreateProxy),
        ["proxies"] => None,
        ["proxies", proxy] if !proxy.is_empty() => on_proxy(method, proxy),
        ["proxies", proxy, "toxics"] if !proxy.is_empty() => on_toxics(method, proxy),
        ["proxies", proxy, "toxics", toxic] if !proxy.is_empty() && !toxic.is_empty() => {
            on_toxic(method, ToxicPath { proxy: proxy.to_owned(), toxic: toxic.to_owned() })
        }
        ["populate"] => is(&Method::POST).then_some(Operation::Populate),
        ["reset"] => is(&Method::POST).then_some(Operation::Reset),
        ["version"] => is(&Method::GET).then_some(Operation::Version),
        ["metrics"] => Some(Operation::Metrics),
        _ => return Routed::NotFound,
    };
    allowed.map_or(Routed::MethodNotAllowed, Routed::Operation)
}

fn on_proxy(method: &Method, proxy: &str) -> Option<Operation> {
    let proxy = proxy.to_owned();
    match *method {
        Method::GET => Some(Operation::ShowProxy(proxy)),
        Method::POST | Method::PATCH => Some(Operation::UpdateProxy(proxy)),
        Method::DELETE => Some(Operation::DeleteProxy(proxy)),
        _ => None,
    }
}

fn on_toxics(method: &Method, proxy: &str) -> Option<Operation> {
    let proxy = proxy.to_owned();
    match *method {
        Method::GET => Some(Operation::ListToxics(proxy)),
        Method::POST => Some(Operation::CreateToxic(proxy)),
        _ => None,
    }
}

fn on_toxic(method: &Method, path: ToxicPath) -> Option<Operation> {
    match *method {
        Method::GET => Some(Operation::ShowToxic(path)),
        Method::POST | Method::PATCH => Some(Operation::UpdateToxic(path)),
        Method::DELETE => Some(Operation::DeleteToxic(path)),
        _ => None,
    }
}

/// Ours takes the path apart before it decodes it, so that a name may contain anything.
fn ours(method: &Method, path: &str) -> Routed {
    let decoded: Option<Vec<String>> = path.split('/').map(decoded).collect();
    let Some(segments) = decoded else { return Routed::Malformed };
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let owned = |name: &str| name.to_owned();
    let is = |known: &Method| method == known;
    let allowed = match segments[..] {
        ["seed"] => is(&Method::GET).then_some(OurOperation::ShowSeed),
        ["proxies"] if is(&Method::GET) => Some(OurOperation::ListProxies),
        ["proxies"] => is(&Method::POST).then_some(OurOperation::CreateProxy),
        ["proxies", proxy] => match *method {
            Method::GET => Some(OurOperation::ShowProxy(owned(proxy))),
            Method::PATCH => Some(OurOperation::UpdateProxy(owned(proxy))),
            Method::DELETE => Some(OurOperation::DeleteProxy(owned(proxy))),
            _ => None,
        },
        ["proxies", proxy, "reset"] => {
            is(&Method::POST).then(|| OurOperation::ResetConnections(owned(proxy)))
        }
        ["proxies", proxy, "adopted"] => {
            is(&Method::GET).then(|| OurOperation::ShowAdoption(owned(proxy)))
        }
        ["proxies", proxy, "toxics"] => {
            is(&Method::POST).then(|| OurOperation::CreateToxic(owned(proxy)))
        }
        ["proxies", proxy, "toxics", toxic] => {
            let path = ToxicPath { proxy: owned(proxy), toxic: owned(toxic) };
            match *method {
                Method::GET => Some(OurOperation::ShowToxic(path)),
                Method::PATCH => Some(OurOperation::UpdateToxic(path)),
                Method::DELETE => Some(OurOperation::DeleteToxic(path)),
                _ => None,
            }
        }
        _ => return Routed::NotFound,
    };
    allowed.map_or(Routed::MethodNotAllowed, |found| Routed::Operation(Operation::Ours(found)))
}

/// The path without empty segments, `.` and `..`; a slash at its end stays.
fn clean(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(kept.pop()),
            segment => kept.push(segment),
        }
    }
    let end = if path.ends_with('/') && !kept.is_empty() { "/" } else { "" };
    format!("/{}{end}", kept.join("/"))
}

fn decoded(path: &str) -> Option<String> {
    let bytes = path.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        if *byte != b'%' {
            decoded.push(*byte);
            at += 1;
            continue;
        }
        let digits = path.get(at + 1..at + 3)?;
        let is_hexadecimal = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        decoded.push(u8::from_str_radix(digits, 16).ok().filter(|_byte| is_hexadecimal)?);
        at += 3;
    }
    Some(String::from_utf8_lossy(&decoded).into_owned())
}

/// A name or path as it may stand in the first line of a request; slashes stay.
pub(crate) fn encoded(path: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~/$&+,:;=@".contains(&byte);
    let encode = |byte: u8| match is_plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    path.bytes().map(encode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(method: Method, path: &str, expected: Routed) {
        assert_eq!(route(&method, path), expected, "{method} {path}");
    }

    #[test]
    fn paths_of_toxiproxy_are_decoded_and_then_taken_apart() {
        let show = |proxy: &str| Routed::Operation(Operation::ShowProxy(proxy.to_owned()));
        check(Method::GET, "/proxies/a%20b", show("a b"));
        check(Method::GET, "/proxies/%C3%BC", show("ü"));
        check(Method::GET, "/proxies/a%2Fb", Routed::NotFound);
        check(Method::GET, "/proxies/", Routed::NotFound);
        check(Method::GET, "/proxies/%zz", Routed::Malformed);
        check(Method::GET, "/proxies/%", Routed::Malformed);
        check(Method::PUT, "/proxies/a", Routed::MethodNotAllowed);
        check(Method::HEAD, "/version", Routed::MethodNotAllowed);
        check(Method::GET, "//proxies", Routed::Moved("/proxies".to_owned()));
        check(Method::GET, "/x/../proxies/ü b", Routed::Moved("/proxies/%C3%BC%20b".to_owned()));
        check(Method::GET, "/", Routed::NotFound);
    }

    #[test]
    fn names_may_contain_anything_in_our_own_paths() {
        let path = ToxicPath { proxy: "a/b".to_owned(), toxic: "..".to_owned() };
        let expected = Routed::Operation(Operation::Ours(OurOperation::DeleteToxic(path)));
        check(Method::DELETE, "/standfast/v1/proxies/a%2Fb/toxics/..", expected);
        check(Method::GET, "/standfast/v1", Routed::NotFound);
        check(Method::GET, "/standfast/v1x", Routed::NotFound);
        check(Method::PUT, "/standfast/v1/seed", Routed::MethodNotAllowed);
    }
}
