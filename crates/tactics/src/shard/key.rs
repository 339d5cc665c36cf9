//! What rows are placed by, and the hash of it, which never changes.
//!
//! Data lies where this hash said when it was written. So it is no `std::hash::Hasher`, whose
//! results may differ between releases and, keyed at random, between processes; it is fixed by
//! [`HASH`], and short enough to be written again in any language:
//!
//! ```python
//! M = 2**64 - 1
//! def split_mix(x):                 # the first number of SplitMix64 whose seed is x
//!     x = (x + 0x9E3779B97F4A7C15) & M
//!     x = ((x ^ x >> 30) * 0xBF58476D1CE4E5B9) & M
//!     x = ((x ^ x >> 27) * 0x94D049BB133111EB) & M
//!     return x ^ x >> 31
//! def fnv1a(data):
//!     h = 0xCBF29CE484222325
//!     for byte in data: h = ((h ^ byte) * 0x100000001B3) & M
//!     return h
//! # Key::Number(n): split_mix(n); Key::Bytes(b): split_mix(fnv1a(b))
//! ```
//!
//! SplitMix64 (Steele, Lea and Flood 2014) is a bijection: no two numbers collide. FNV-1a is not
//! keyed: whoever may choose their own keys can put many of them into one slot.

use md5::{Digest, Md5};

/// The name of the hash of this version, which a stored map carries.
pub const HASH: &str = "fnv1a-splitmix64";

/// What a row is placed by. All rows of a table should use the same kind: the number 42 and the
/// text `42` lie on different shards (except with [`super::Modulo`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key<'a> {
    /// Such as an id of a table.
    Number(u64),
    /// Such as the bytes of a name or of a UUID.
    Bytes(&'a [u8]),
}

impl From<u64> for Key<'_> {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl<'a> From<&'a str> for Key<'a> {
    fn from(text: &'a str) -> Self {
        Self::Bytes(text.as_bytes())
    }
}

impl<'a> From<&'a [u8]> for Key<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Bytes(bytes)
    }
}

impl Key<'_> {
    /// The stable hash ([`HASH`]): all 64 bits are as good as each other.
    #[inline]
    pub fn hashed(self) -> u64 {
        match self {
            Self::Number(number) => split_mix(number),
            Self::Bytes(bytes) => split_mix(fnv1a(bytes)),
        }
    }

    /// The MD5 as a number, high byte first: `int(md5(text).hexdigest(), 16)`. A number is hashed
    /// as its decimal digits, as `md5(id::text)` does in PostgreSQL.
    pub(super) fn md5(self) -> u128 {
        let mut digits = [0_u8; 20];
        let text = match self {
            Self::Number(number) => decimal(number, &mut digits),
            Self::Bytes(bytes) => bytes,
        };
        u128::from_be_bytes(Md5::digest(text).into())
    }
}

/// The digits of `number`, at the end of `digits`.
fn decimal(mut number: u64, digits: &mut [u8; 20]) -> &[u8] {
    let mut first = digits.len();
    loop {
        first -= 1;
        digits[first] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return &digits[first..];
        }
    }
}

/// The first number of SplitMix64 with this seed.
#[inline]
pub(super) fn split_mix(seed: u64) -> u64 {
    let mut mixed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

fn fnv1a(bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3);
    bytes.iter().fold(0xCBF2_9CE4_8422_2325, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_the_published_one_and_stays_so() {
        // The reference implementations' own test vectors.
        assert_eq!(split_mix(0), 0xE220_A839_7B1D_CDAF);
        assert_eq!(split_mix(1_234_567), 6_457_827_717_110_365_317);
        assert_eq!(fnv1a(b""), 0xCBF2_9CE4_8422_2325);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_F739_67E8);
        assert_eq!(Key::from("").md5(), 0xD41D_8CD9_8F00_B204_E980_0998_ECF8_427E);
        assert_eq!(Key::from("").hashed(), split_mix(0xCBF2_9CE4_8422_2325));
    }

    #[test]
    fn a_number_has_the_md5_of_its_digits() {
        for number in [0, 7, 10, 1_234_567_890, u64::MAX] {
            assert_eq!(Key::Number(number).md5(), Key::from(number.to_string().as_str()).md5());
        }
    }
}
