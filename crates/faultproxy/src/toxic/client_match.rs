//! Which clients a toxic hits.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Which clients a toxic hits. Written `""` (any), `10.0.0.0/8`, `127.0.0.1` or `127.0.0.1:4711`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum ClientMatch {
    #[default]
    Any,
    /// All addresses that begin with the same bits.
    Network { address: IpAddr, prefix: u8 },
    /// One connection's address.
    Address(SocketAddr),
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{written}` is no address, network or address with port, such as 10.0.0.0/8")]
pub struct ClientMatchError {
    pub written: String,
}

impl ClientMatch {
    pub fn matches(self, client: SocketAddr) -> bool {
        match self {
            Self::Any => true,
            Self::Address(address) => address == client,
            Self::Network { address, prefix } => is_inside(client.ip(), address, prefix),
        }
    }
}

fn is_inside(address: IpAddr, network: IpAddr, prefix: u8) -> bool {
    // The bits beyond the prefix are shifted out; a shift by all bits leaves nothing to differ.
    match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => {
            let differs = address.to_bits() ^ network.to_bits();
            differs.checked_shr(32 - u32::from(prefix)).unwrap_or(0) == 0
        }
        (IpAddr::V6(address), IpAddr::V6(network)) => {
            let differs = address.to_bits() ^ network.to_bits();
            differs.checked_shr(128 - u32::from(prefix)).unwrap_or(0) == 0
        }
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
    }
}

impl FromStr for ClientMatch {
    type Err = ClientMatchError;

    fn from_str(written: &str) -> Result<Self, ClientMatchError> {
        let error = || ClientMatchError { written: written.to_owned() };
        if written.is_empty() {
            return Ok(Self::Any);
        }
        if let Ok(address) = written.parse() {
            return Ok(Self::Address(address));
        }
        let (address, prefix) = match written.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (written, None),
        };
        let address: IpAddr = address.parse().map_err(|_not_one| error())?;
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Ok(bits), str::parse).map_err(|_not_one| error())?;
        if prefix > bits {
            return Err(error());
        }
        Ok(Self::Network { address, prefix })
    }
}

impl TryFrom<String> for ClientMatch {
    type Error = ClientMatchError;

    fn try_from(written: String) -> Result<Self, ClientMatchError> {
        written.parse()
    }
}

impl From<ClientMatch> for String {
    fn from(client: ClientMatch) -> Self {
        client.to_string()
    }
}

impl fmt::Display for ClientMatch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => Ok(()),
            Self::Network { address, prefix } => write!(formatter, "{address}/{prefix}"),
            Self::Address(address) => address.fmt(formatter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(written: &str, client: &str, expected: bool) {
        let client_match: ClientMatch = written.parse().unwrap();
        let matches = client_match.matches(client.parse().unwrap());
        assert_eq!(matches, expected, "`{written}` and {client}");
        assert_eq!(client_match.to_string().parse::<ClientMatch>().unwrap(), client_match);
    }

    #[test]
    fn matches_anybody_a_network_an_address_or_one_connection() {
        check("", "10.1.2.3:4", true);
        check("10.0.0.0/8", "10.1.2.3:4", true);
        check("10.0.0.0/8", "11.1.2.3:4", false);
        check("10.1.2.3", "10.1.2.3:4", true);
        check("10.1.2.3", "10.1.2.4:4", false);
        check("10.1.2.3:4", "10.1.2.3:4", true);
        check("10.1.2.3:4", "10.1.2.3:5", false);
        check("0.0.0.0/0", "10.1.2.3:4", true);
        check("10.1.2.2/31", "10.1.2.3:4", true);
        check("::1", "[::1]:4", true);
        check("fd00::/8", "[fd12::1]:4", true);
        check("fd00::/8", "[fe80::1]:4", false);
        check("::/0", "[fe80::1]:4", true);
    }

    #[test]
    fn an_address_of_the_other_family_does_not_match() {
        check("::/0", "10.1.2.3:4", false);
        check("0.0.0.0/0", "[::1]:4", false);
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for written in ["here", "10.0.0.0/33", "::/129", "10.0.0.0/-1", "10.0.0.0/", "1.2.3", "/8"]
        {
            assert!(written.parse::<ClientMatch>().is_err(), "`{written}`");
        }
    }
}
