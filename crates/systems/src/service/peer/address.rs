//! Where a service listens, from a URL.

use std::str::FromStr;

use axum::http::HeaderValue;

/// A host and a port, such as those of `http://127.0.0.1:5001`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PeerAddress {
    authority: String,
    host: HeaderValue,
}

/// Why a text is no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not of the form http://host:port")]
pub(crate) struct AddressError(String);

impl PeerAddress {
    /// Host and port, as a connection wants them.
    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }

    /// The value of header `Host`.
    pub(crate) fn host(&self) -> &HeaderValue {
        &self.host
    }

    /// A list with commas between its members.
    pub(crate) fn parse_list(text: &str) -> Result<Vec<Self>, AddressError> {
        text.split(',').map(str::parse).collect()
    }
}

impl FromStr for PeerAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || AddressError(text.to_owned());
        let rest = text.trim().strip_prefix("http://").ok_or_else(wrong)?;
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = authority.rsplit_once(':').ok_or_else(wrong)?;
        let is_host = !host.is_empty() && !host.contains(['/', '@', '?', '#']);
        let is_port = port.parse::<u16>().is_ok_and(|port| port > 0);
        if !is_host || !is_port {
            return Err(wrong());
        }
        let host = HeaderValue::try_from(authority).map_err(|_| wrong())?;
        Ok(Self { authority: authority.to_owned(), host })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_and_a_port() {
        let authority = |text: &str| text.parse().map(|one: PeerAddress| one.authority);
        assert_eq!(authority("http://127.0.0.1:5001").unwrap(), "127.0.0.1:5001");
        assert_eq!(authority(" http://localhost:1/ ").unwrap(), "localhost:1");
        for wrong in [
            "",
            "127.0.0.1:5001",
            "https://a:1",
            "http://a",
            "http://:1",
            "http://a:0",
            "http://a:70000",
            "http://a:1/path",
            "http://user@a:1",
        ] {
            assert!(authority(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_list_is_wrong_when_one_of_it_is() {
        assert_eq!(PeerAddress::parse_list("http://a:1,http://b:2").unwrap().len(), 2);
        assert!(PeerAddress::parse_list("http://a:1,").is_err());
    }
}
