//! A copy as it stands in Valkey: a fixed header, then the answer's bytes as they are sent.
//!
//! Nothing is decoded on a hit but 34 bytes, and nothing is encoded but the few fields that differ
//! from one answer to the next.

use bytes::Bytes;
use standfast_tactics::cache_aside::CachedCopy;
use standfast_tactics::session_token::LogPosition;
use std::time::Duration;

/// Changes with the layout, so that a new binary never misreads what an old one kept.
const MAGIC: [u8; 4] = *b"SFC1";

/// Magic, time of the read, freshness, log position, version.
const HEADER_LENGTH: usize = 4 + 8 + 4 + 8 + 4;

/// A copy of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Milliseconds since 1970, since several processes and starts share it.
    pub(crate) fetched_at_ms: u64,
    pub(crate) fresh_for: Duration,
    /// A log position that the database had certainly reached when it was read.
    pub(crate) position: LogPosition,
    /// Of an offer; 0 for a search, which has none.
    pub(crate) version: u32,
    /// The answer after its opening brace, as it is sent.
    pub(crate) tail: Bytes,
}

impl Entry {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let fresh_ms = u32::try_from(self.fresh_for.as_millis()).unwrap_or(u32::MAX);
        let mut bytes = Vec::with_capacity(HEADER_LENGTH + self.tail.len());
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&self.fetched_at_ms.to_be_bytes());
        bytes.extend_from_slice(&fresh_ms.to_be_bytes());
        bytes.extend_from_slice(&self.position.bytes().to_be_bytes());
        bytes.extend_from_slice(&self.version.to_be_bytes());
        bytes.extend_from_slice(&self.tail);
        bytes
    }

    /// `None` when the bytes are no entry of this layout: that is a miss, never an error.
    pub(crate) fn decode(bytes: Bytes) -> Option<Self> {
        let (magic, rest) = bytes.split_first_chunk::<4>()?;
        let (fetched_at_ms, rest) = rest.split_first_chunk::<8>()?;
        let (fresh_ms, rest) = rest.split_first_chunk::<4>()?;
        let (position, rest) = rest.split_first_chunk::<8>()?;
        let (version, _) = rest.split_first_chunk::<4>()?;
        if *magic != MAGIC {
            return None;
        }
        Some(Self {
            fetched_at_ms: u64::from_be_bytes(*fetched_at_ms),
            fresh_for: Duration::from_millis(u64::from(u32::from_be_bytes(*fresh_ms))),
            position: LogPosition::from_bytes(u64::from_be_bytes(*position)),
            version: u32::from_be_bytes(*version),
            tail: bytes.slice(HEADER_LENGTH..),
        })
    }

    pub(crate) fn age(&self, now_ms: u64) -> Duration {
        Duration::from_millis(now_ms.saturating_sub(self.fetched_at_ms))
    }

    pub(crate) fn copy(&self, now_ms: u64) -> CachedCopy<LogPosition> {
        let (age, fresh_for, position) = (self.age(now_ms), self.fresh_for, self.position);
        CachedCopy { age, fresh_for, position }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    prop_compose! {
        fn entry()(
            fetched_at_ms in any::<u64>(),
            fresh_ms in any::<u32>(),
            position in any::<u64>(),
            version in any::<u32>(),
            tail in prop::collection::vec(any::<u8>(), 0..100),
        ) -> Entry {
            Entry {
                fetched_at_ms,
                fresh_for: Duration::from_millis(fresh_ms.into()),
                position: LogPosition::from_bytes(position),
                version,
                tail: tail.into(),
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]
        #[test]
        fn an_entry_survives_the_way_to_the_cache_and_back(entry in entry()) {
            prop_assert_eq!(Entry::decode(entry.encode().into()), Some(entry));
        }

        #[test]
        fn damage_is_a_miss(
            entry in entry(),
            length in 0..HEADER_LENGTH,
            magic in any::<[u8; 4]>(),
        ) {
            let mut bytes = entry.encode();
            prop_assert_eq!(Entry::decode(Bytes::copy_from_slice(&bytes[..length])), None);
            prop_assume!(magic != MAGIC);
            bytes[..4].copy_from_slice(&magic);
            prop_assert_eq!(Entry::decode(bytes.into()), None);
        }
    }

    #[test]
    fn a_clock_that_went_back_does_not_make_an_age() {
        let tail = Bytes::from_static(b"}");
        let entry = Entry {
            fetched_at_ms: 1_000,
            fresh_for: Duration::from_secs(1),
            position: LogPosition::START,
            version: 0,
            tail,
        };
        assert_eq!(entry.age(400), Duration::ZERO);
        assert_eq!(entry.age(1_400), Duration::from_millis(400));
    }
}
