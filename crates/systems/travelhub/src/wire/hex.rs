//! Bytes of a known number, as two small letters each: keys, digests, signatures.

use std::fmt;

use serde::{Deserialize, Serialize};

/// `N` bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Hex<const N: usize>(pub(crate) [u8; N]);

/// Why a text is no such bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{expected} bytes are {} digits of 0 to 9 and a to f", expected * 2)]
pub(crate) struct HexError {
    expected: usize,
}

impl<const N: usize> TryFrom<String> for Hex<N> {
    type Error = HexError;

    fn try_from(text: String) -> Result<Self, HexError> {
        let error = HexError { expected: N };
        if text.len() != N * 2 {
            return Err(error);
        }
        let mut bytes = [0; N];
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let digit = |letter| match letter {
                b'0'..=b'9' => Some(letter - b'0'),
                b'a'..=b'f' => Some(letter - b'a' + 10),
                _ => None,
            };
            let (Some(high), Some(low)) = (digit(pair[0]), digit(pair[1])) else {
                return Err(error);
            };
            *byte = high << 4 | low;
        }
        Ok(Self(bytes))
    }
}

impl<const N: usize> From<Hex<N>> for String {
    fn from(hex: Hex<N>) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digits = hex.0.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
        digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
    }
}

impl<const N: usize> fmt::Display for Hex<N> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&String::from(*self))
    }
}

impl<const N: usize> fmt::Debug for Hex<N> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_read_as_they_were_written() {
        let hex = Hex([0x00, 0x7f, 0xff]);
        assert_eq!(hex.to_string(), "007fff");
        assert_eq!(Hex::try_from("007fff".to_owned()), Ok(hex));
    }

    #[test]
    fn what_is_no_such_bytes_is_refused() {
        for wrong in ["", "007ff", "007fff0", "007FFF", "00 7ff", "ä7fff"] {
            assert!(Hex::<3>::try_from(wrong.to_owned()).is_err(), "{wrong}");
        }
    }
}
