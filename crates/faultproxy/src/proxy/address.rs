//! Addresses to listen on, read and resolved as Toxiproxy does, so that the same ones are refused
//! with the same words.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::net::lookup_host;
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::error::ProxyError;

/// A resolver that does not answer must not hold a control call for long.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);

/// An address to listen on, resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ListenAddress {
    /// As messages and comparisons have it: an absent host stays absent.
    pub(super) text: String,
    /// Any interface of either family when the host is absent or unspecified.
    pub(super) address: SocketAddr,
}

impl ListenAddress {
    /// Resolves what was given; only names wait, for an answer of the resolver.
    pub(super) async fn resolve(given: &str, handle: &Handle) -> Result<Self, ProxyError> {
        if given.is_empty() {
            return Ok(Self::any_interface(":0".to_owned(), 0));
        }
        let (host, port) = split(given)?;
        if host.is_empty() {
            return Ok(Self::any_interface(format!(":{port}"), port));
        }
        let ip = match host.parse::<IpAddr>() {
            Ok(ip) => ip,
            Err(_not_an_ip) => look_up(host, handle).await?,
        };
        let address = SocketAddr::new(ip, port);
        let text = address.to_string();
        Ok(if ip.is_unspecified() {
            Self::any_interface(text, port)
        } else {
            Self { text, address }
        })
    }

    fn any_interface(text: String, port: u16) -> Self {
        Self { text, address: SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), port) }
    }

    /// The same for a machine without IPv6.
    pub(super) fn over_ipv4(&self) -> Option<SocketAddr> {
        let is_any = self.address.ip().is_unspecified();
        is_any.then(|| SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), self.address.port()))
    }
}

async fn look_up(host: &str, handle: &Handle) -> Result<IpAddr, ProxyError> {
    let name = host.to_owned();
    // On a thread of ours: callers may be on any runtime.
    let found = handle.spawn(async move {
        let found = timeout(LOOKUP_TIMEOUT, lookup_host((name, 0))).await;
        let found: Vec<IpAddr> = found.ok()?.ok()?.map(|address| address.ip()).collect();
        found.iter().find(|ip| ip.is_ipv4()).or(found.first()).copied()
    });
    let no_host = || ProxyError::Address { reason: format!("lookup {host}: no such host") };
    found.await.ok().flatten().ok_or_else(no_host)
}

/// Host and port, as Go's `net.SplitHostPort` takes them apart.
fn split(given: &str) -> Result<(&str, u16), ProxyError> {
    let refused =
        |reason: &str| ProxyError::Address { reason: format!("address {given}: {reason}") };
    let colon = given.rfind(':').ok_or_else(|| refused("missing port in address"))?;
    let host = if let Some(bracketed) = given.strip_prefix('[') {
        let end = bracketed.find(']').ok_or_else(|| refused("missing ']' in address"))?;
        if end + 2 != colon {
            let rest = &bracketed[end + 1..];
            let has_port = rest.starts_with(':') && rest.rfind(':') != Some(0);
            return Err(refused(if has_port {
                TOO_MANY_COLONS
            } else {
                "missing port in address"
            }));
        }
        &bracketed[..end]
    } else {
        let host = &given[..colon];
        if host.contains(':') {
            return Err(refused(TOO_MANY_COLONS));
        }
        host
    };
    Ok((host, port(&given[colon + 1..])?))
}

const TOO_MANY_COLONS: &str = "too many colons in address";

fn port(given: &str) -> Result<u16, ProxyError> {
    if given.is_empty() {
        return Ok(0);
    }
    let refused = |reason: String| ProxyError::Address { reason };
    match given.parse::<u64>() {
        Ok(number) => u16::try_from(number)
            .map_err(|_too_large| refused(format!("address {given}: invalid port"))),
        Err(_a_name) => Err(refused(format!("lookup tcp/{given}: unknown port"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(given: &str, expected: Result<(&str, u16), &str>) {
        let split = split(given).map_err(|error| error.to_string());
        assert_eq!(split.as_ref().map_err(String::as_str), expected.as_ref().map_err(|text| *text));
    }

    #[test]
    fn addresses_are_taken_apart_and_refused_as_go_does() {
        check("127.0.0.1:80", Ok(("127.0.0.1", 80)));
        check("[::1]:80", Ok(("::1", 80)));
        check(":80", Ok(("", 80)));
        check("localhost:", Ok(("localhost", 0)));
        check("foo", Err("listen tcp: address foo: missing port in address"));
        check("[::1]", Err("listen tcp: address [::1]: missing port in address"));
        check("[::1]x:1", Err("listen tcp: address [::1]x:1: missing port in address"));
        check("[::1:1234", Err("listen tcp: address [::1:1234: missing ']' in address"));
        check("::1:1234", Err("listen tcp: address ::1:1234: too many colons in address"));
        check("a:99999", Err("listen tcp: address 99999: invalid port"));
        check("a:htxp", Err("listen tcp: lookup tcp/htxp: unknown port"));
    }
}
