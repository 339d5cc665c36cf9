//! `Idempotency-Key` (IETF draft): what makes a retry the same request.

use axum::http::HeaderMap;
use sha2::{Digest, Sha256};

use super::problem::Problem;

/// The header's name.
const HEADER: &str = "idempotency-key";

/// The column's limit; a UUID has 36.
const KEY_LENGTH_MAX: usize = 128;

/// A key, and a digest of what it was first used with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IdempotencyKey {
    pub(crate) key: String,
    pub(crate) request_hash: Vec<u8>,
}

impl IdempotencyKey {
    /// The key of a request, if it carries one.
    pub(crate) fn of_request(
        headers: &HeaderMap,
        method: &str,
        path: &str,
        body: &[u8],
    ) -> Result<Option<Self>, Problem> {
        let Some(value) = headers.get(HEADER) else { return Ok(None) };
        let is_visible = |byte: &u8| (0x20..0x7f).contains(byte);
        let key = value.as_bytes();
        if key.is_empty() || key.len() > KEY_LENGTH_MAX || !key.iter().all(is_visible) {
            return Err(Problem::bad_request(format!(
                "Idempotency-Key must be 1 to {KEY_LENGTH_MAX} visible ASCII characters"
            )));
        }
        let mut digest = Sha256::new();
        // The lengths keep `PUT /a` + `b` apart from `PUT /` + `ab`.
        for part in [method.as_bytes(), path.as_bytes(), body] {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        let key = String::from_utf8_lossy(key).into_owned();
        Ok(Some(Self { key, request_hash: digest.finalize().to_vec() }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(value: &str, path: &str, body: &str) -> Result<Option<IdempotencyKey>, Problem> {
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, value.parse().unwrap());
        IdempotencyKey::of_request(&headers, "PUT", path, body.as_bytes())
    }

    #[test]
    fn the_same_request_has_the_same_hash_and_another_has_not() {
        let first = key("a", "/offers/1", "{}").unwrap();
        assert_eq!(first, key("a", "/offers/1", "{}").unwrap());
        assert_ne!(first, key("a", "/offers/1", "{ }").unwrap());
        assert_ne!(first, key("a", "/offers/", "1{}").unwrap());
    }

    #[test]
    fn an_oversized_or_empty_key_is_refused() {
        assert!(key("", "/", "").is_err());
        assert!(key(&"k".repeat(129), "/", "").is_err());
        assert!(key(&"k".repeat(128), "/", "").is_ok());
        let none = IdempotencyKey::of_request(&HeaderMap::new(), "PUT", "/", b"");
        assert_eq!(none.unwrap(), None);
    }
}
