//! Which headers go on, and which are of one hop only (RFC 9110, §7.6.1).

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use hyper::HeaderMap;
use hyper::header::{
    CONNECTION, CONTENT_LENGTH, EXPECT, HeaderName, HeaderValue, PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use standfast_tactics::degrade;

pub(super) const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
pub(super) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
pub(super) const ANSWER: HeaderName = HeaderName::from_static(degrade::HEADER);
/// The lab's own word to services: clients have no use for it.
pub(super) const TOKEN: HeaderName = HeaderName::from_static("x-standfast-token");

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

const OF_ONE_HOP: [HeaderName; 9] = [
    CONNECTION,
    KEEP_ALIVE,
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    PROXY_CONNECTION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// An id that a client gives its request is passed on up to this length.
const ID_LENGTH_MAX: usize = 64;

/// Takes away what is of one hop only, with what `Connection` names as that.
pub(super) fn end_of_hop(headers: &mut HeaderMap) {
    if let Some(named) = headers.get(CONNECTION) {
        let named = named.clone();
        for name in named.as_bytes().split(|byte| *byte == b',') {
            // Whoever names the length wants the message to be read in two ways.
            if let Ok(name) = HeaderName::from_bytes(name.trim_ascii())
                && name != CONTENT_LENGTH
            {
                headers.remove(name);
            }
        }
    }
    for name in OF_ONE_HOP {
        headers.remove(name);
    }
}

/// Makes of a client's headers those for an upstream. What clients say of where they come from is
/// not believed: there is nobody before this gateway.
pub(super) fn inward(headers: &mut HeaderMap, client: &HeaderValue, id: &HeaderValue) {
    end_of_hop(headers);
    headers.remove(EXPECT);
    headers.remove(TOKEN);
    headers.insert(FORWARDED_FOR, client.clone());
    headers.insert(REQUEST_ID, id.clone());
}

/// An address as a header.
pub(super) fn address(client: IpAddr) -> HeaderValue {
    HeaderValue::try_from(client.to_string()).expect("an address is digits, dots and colons")
}

/// Names requests that have no name of their own: a word of this process, and a number.
#[derive(Debug)]
pub(super) struct Ids {
    process: u64,
    next: AtomicU64,
}

impl Ids {
    pub(super) fn new(seed: u64) -> Self {
        Self { process: seed, next: AtomicU64::new(0) }
    }

    /// The client's id if it is a short plain word, or a new one.
    pub(super) fn of(&self, headers: &HeaderMap) -> HeaderValue {
        let is_plain = |value: &&HeaderValue| {
            let bytes = value.as_bytes();
            let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(byte);
            (1..=ID_LENGTH_MAX).contains(&bytes.len()) && bytes.iter().all(is_word)
        };
        headers.get(REQUEST_ID).filter(is_plain).cloned().unwrap_or_else(|| self.fresh())
    }

    /// One that nobody has used.
    pub(super) fn fresh(&self) -> HeaderValue {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let mut text = [0; 32];
        let whole = (u128::from(self.process) << 64) | u128::from(number);
        for (index, byte) in text.iter_mut().enumerate() {
            *byte = DIGITS[(whole >> (124 - 4 * index) & 15) as usize];
        }
        HeaderValue::from_bytes(&text).expect("hexadecimal digits")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&str, &str)| {
            (name.parse::<HeaderName>().unwrap(), value.parse::<HeaderValue>().unwrap())
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn what_is_of_one_hop_and_what_it_names_ends_here() {
        let mut all = headers(&[
            ("connection", "close, X-Secret, content-length"),
            ("x-secret", "1"),
            ("content-length", "5"),
            ("te", "trailers"),
            ("upgrade", "websocket"),
            ("keep-alive", "timeout=5"),
            ("x-standfast-token", "word"),
            ("x-forwarded-for", "8.8.8.8"),
            ("accept", "*/*"),
        ]);
        let client = address("127.0.0.1".parse().unwrap());
        inward(&mut all, &client, &HeaderValue::from_static("id"));
        let mut left: Vec<&str> = all.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["accept", "content-length", "x-forwarded-for", "x-request-id"]);
        assert_eq!(all[FORWARDED_FOR], "127.0.0.1", "nobody else is believed");
    }

    #[test]
    fn a_request_has_one_id_and_no_other_has_the_same() {
        let ids = Ids::new(7);
        let own = ids.of(&headers(&[("x-request-id", "client-1")]));
        assert_eq!(own, "client-1");
        let first = ids.of(&headers(&[("x-request-id", "with blanks")]));
        assert_eq!(first, "00000000000000070000000000000000");
        assert_ne!(first, ids.of(&HeaderMap::new()));
    }
}
