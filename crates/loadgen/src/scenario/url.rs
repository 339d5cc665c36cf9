//! A scenario made from a plain URL, for `standfast load URL`.

use std::net::{SocketAddr, ToSocketAddrs};

use super::{Scenario, ScenarioError, ScenarioSpec};

/// HTTP's port where a URL names none.
const PORT_DEFAULT: u16 = 80;

impl Scenario {
    /// `GET url`, and the address where it is asked.
    ///
    /// # Errors
    /// When `url` is no `http://` URL or its host has no address.
    pub fn from_url(url: &str) -> Result<(Self, SocketAddr), ScenarioError> {
        let fail = |reason: String| ScenarioError::Url { url: url.to_owned(), reason };
        let rest =
            url.strip_prefix("http://").ok_or_else(|| fail("is no http:// URL".to_owned()))?;
        let split = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(split);
        if authority.is_empty() || authority.contains('@') {
            return Err(fail("must name a host, and no user".to_owned()));
        }
        // An IPv6 address holds colons itself; a port follows its bracket.
        let has_port = authority.rfind(':') > authority.rfind(']');
        let address =
            if has_port { authority.to_owned() } else { format!("{authority}:{PORT_DEFAULT}") };
        let mut addresses =
            address.to_socket_addrs().map_err(|error| fail(format!("has no address: {error}")))?;
        let target = addresses.next().ok_or_else(|| fail("has no address".to_owned()))?;
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        let spec = ScenarioSpec {
            service: authority.to_owned(),
            method: "GET".to_owned(),
            // A URL is no template: its braces stand for themselves.
            path: path.replace('{', "%7B").replace('}', "%7D"),
            headers: [("Host".to_owned(), authority.to_owned())].into(),
            body: None,
            variables: Default::default(),
            success: Vec::new(),
            uncertain: None,
            observe: Default::default(),
            write: None,
        };
        Self::compile(url, &spec).map(|scenario| (scenario, target))
    }
}

#[cfg(test)]
mod tests {
    use super::Scenario;

    #[test]
    fn a_url_gives_its_address_and_its_defaults() {
        let address = |url| Scenario::from_url(url).unwrap().1.to_string();
        assert_eq!(address("http://127.0.0.1:5000/offers?city=1"), "127.0.0.1:5000");
        assert_eq!(address("http://127.0.0.1"), "127.0.0.1:80");
        assert_eq!(address("http://127.0.0.1:5000?x={y}"), "127.0.0.1:5000");
        assert_eq!(address("http://[::1]:5000/"), "[::1]:5000");
        assert_eq!(address("http://[::1]/"), "[::1]:80");
    }

    #[test]
    fn what_is_no_url_is_refused() {
        for url in ["https://127.0.0.1/", "127.0.0.1:80", "http://", "http://a@127.0.0.1/"] {
            assert!(Scenario::from_url(url).unwrap_err().to_string().contains(url), "{url}");
        }
    }
}
