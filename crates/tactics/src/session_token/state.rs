//! A position in PostgreSQL's write-ahead log, and its text form.

use std::fmt;
use std::str::FromStr;

/// A position in the write-ahead log: the higher, the later. Its text form is PostgreSQL's own, two
/// hexadecimal numbers, so that it can be compared with what the server prints.
///
/// ```
/// use standfast_tactics::session_token::LogPosition;
/// let wrote: LogPosition = "16/B374D848".parse()?;
/// let replica_shows: LogPosition = "16/B3000000".parse()?;
/// assert!(replica_shows < wrote, "the replica must not answer yet");
/// assert_eq!(wrote.to_string(), "16/B374D848");
/// # Ok::<(), standfast_tactics::session_token::PositionError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogPosition(u64);

impl LogPosition {
    /// Before everything: every copy has come this far.
    pub const START: Self = Self(0);

    /// After everything: only the server that takes the writes shows this much.
    pub const END: Self = Self(u64::MAX);

    /// The position as a number of bytes.
    pub fn from_bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// How many bytes of log lie before it.
    pub fn bytes(self) -> u64 {
        self.0
    }

    /// The position just before this one, for a reader who knows that it saw less than this.
    #[must_use]
    pub fn before(self) -> Self {
        Self(self.0.saturating_sub(1))
    }

    /// The later of two: a session that saw one of them never goes back behind it.
    #[must_use]
    pub fn advance(self, seen: Self) -> Self {
        self.max(seen)
    }
}

impl fmt::Display for LogPosition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:X}/{:X}", self.0 >> 32, self.0 & 0xFFFF_FFFF)
    }
}

impl FromStr for LogPosition {
    type Err = PositionError;

    fn from_str(text: &str) -> Result<Self, PositionError> {
        let half = |digits: &str| {
            // `from_str_radix` would also take a sign.
            let plain = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
            if plain { u32::from_str_radix(digits, 16).ok() } else { None }
        };
        text.split_once('/')
            .and_then(|(high, low)| Some((half(high)?, half(low)?)))
            .map(|(high, low)| Self(u64::from(high) << 32 | u64::from(low)))
            .ok_or_else(|| PositionError { text: text.chars().take(40).collect() })
    }
}

/// Why a text is no position.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no log position; one looks like 16/B374D848")]
pub struct PositionError {
    text: String,
}
