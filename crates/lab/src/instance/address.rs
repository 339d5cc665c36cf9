//! The addresses of an instance's processes, as placeholders know them.

use std::collections::BTreeMap;
use std::net::SocketAddrV4;
use std::path::PathBuf;

/// Where one process is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) url: String,
    /// Of engines: with the rights of the superuser.
    pub(crate) admin_url: Option<String>,
    /// Of proxies: where they take commands.
    pub(crate) socket: Option<PathBuf>,
}

impl Address {
    /// A service that the lab starts.
    pub(crate) fn of_service(at: SocketAddrV4) -> Self {
        let (host, url) = (at.ip().to_string(), format!("http://{at}"));
        Self { host, port: at.port(), url, admin_url: None, socket: None }
    }

    /// An engine that runs elsewhere; `None` when `url` names no host. Brokers of Kafka are named
    /// as `host:port`, any number of them, and the first one stands for all.
    pub(crate) fn of_external(url: &str) -> Option<Self> {
        let Some((scheme, rest)) = url.split_once("://") else {
            let (host, port) = url.split(',').next()?.rsplit_once(':')?;
            let port = port.parse().ok().filter(|_| !host.is_empty())?;
            let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
            let url = url.to_owned();
            return Some(Self { host, port, url, admin_url: None, socket: None });
        };
        let authority = rest.split(['/', '?']).next()?;
        let host_and_port = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let default = match scheme {
            "postgres" | "postgresql" => 5432,
            "mysql" | "mariadb" => 3306,
            "redis" | "valkey" => 6379,
            _ => return None,
        };
        // The colons of an IPv6 address stand in brackets.
        let (host, port) = match host_and_port.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
            _ => (host_and_port, default),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let is_named = !host.is_empty();
        let url = url.to_owned();
        is_named.then(|| Self { host, port, admin_url: Some(url.clone()), url, socket: None })
    }

    /// What a socket is connected to.
    pub(crate) fn authority(&self) -> String {
        match self.host.contains(':') {
            true => format!("[{}]:{}", self.host, self.port),
            false => format!("{}:{}", self.host, self.port),
        }
    }

    /// The same process behind a listener of the lab.
    pub(crate) fn through(&self, listener: SocketAddrV4) -> Self {
        Self {
            host: listener.ip().to_string(),
            port: listener.port(),
            url: through(&self.url, listener),
            admin_url: self.admin_url.as_deref().map(|url| through(url, listener)),
            socket: self.socket.clone(),
        }
    }

    /// Adds what `{process.…}` stands for.
    pub(crate) fn add_to(&self, process: &str, values: &mut BTreeMap<String, String>) {
        values.insert(format!("{process}.host"), self.host.clone());
        values.insert(format!("{process}.port"), self.port.to_string());
        values.insert(format!("{process}.url"), self.url.clone());
        if let Some(admin_url) = &self.admin_url {
            values.insert(format!("{process}.admin_url"), admin_url.clone());
        }
        if let Some(socket) = &self.socket {
            values.insert(format!("{process}.socket"), socket.display().to_string());
        }
    }
}

/// `url` with another host and port; all else in it, the password included, stays.
fn through(url: &str, listener: SocketAddrV4) -> String {
    // A broker has no URL: its clients are told host and port.
    let Some((scheme, rest)) = url.split_once("://") else { return listener.to_string() };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let user = authority.rsplit_once('@').map_or(String::new(), |(user, _)| format!("{user}@"));
    format!("{scheme}://{user}{listener}{path}")
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn check(url: &str, expected: Option<(&str, u16)>) {
        let address = Address::of_external(url);
        let found = address.as_ref().map(|address| (address.host.as_str(), address.port));
        assert_eq!(found, expected, "{url}");
    }

    #[test]
    fn host_and_port_are_read_from_a_url() {
        check(
            "postgresql://a:b@db.example:6543/offers?sslmode=disable",
            Some(("db.example", 6543)),
        );
        check("postgresql://a:p@ss@10.0.0.1/offers", Some(("10.0.0.1", 5432)));
        check("redis://:secret@[::1]:7000", Some(("::1", 7000)));
        check("redis://[::1]", Some(("::1", 6379)));
        check("mysql://a@b/c", Some(("b", 3306)));
        check("http://a@b/c", None);
        check("db.example", None);
        check("kafka-1.example:9092,kafka-2.example:9093", Some(("kafka-1.example", 9092)));
        check("[::1]:9092", Some(("::1", 9092)));
        check("redis://:secret@", None);
    }

    #[test]
    fn behind_a_listener_only_host_and_port_of_a_url_are_others() {
        let cases = [
            (
                "postgresql://a:p@ss@10.0.0.1/offers?x=1",
                "postgresql://a:p@ss@127.0.0.1:9/offers?x=1",
            ),
            ("redis://:secret@[::1]:7000", "redis://:secret@127.0.0.1:9"),
            ("http://127.0.0.1:5000", "http://127.0.0.1:9"),
            ("redis://cache.example?db=1", "redis://127.0.0.1:9?db=1"),
            ("127.0.0.1:9092", "127.0.0.1:9"),
        ];
        let listener = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 9);
        for (url, expected) in cases {
            assert_eq!(through(url, listener), expected, "{url}");
        }
        let external = Address::of_external("redis://[::1]:7000").unwrap();
        assert_eq!(external.authority(), "[::1]:7000");
        assert_eq!(external.through(listener).authority(), "127.0.0.1:9");
    }
}
