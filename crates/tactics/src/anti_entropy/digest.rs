//! A number that stands for some bytes, the same on every machine and in every version.

use serde::{Deserialize, Serialize};

/// 128 bits: among a thousand million values, two that are alike by chance are expected once in
/// 10²⁰ comparisons of all with all. It is no protection against somebody who makes two alike.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(into = "(u64, u64)", from = "(u64, u64)")]
pub struct Digest(u128);

/// The parameters of FNV-1a for 128 bits.
const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
/// Any odd number with its bits well spread.
const SPREAD: u128 = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;

impl Digest {
    /// The digest of some bytes: FNV-1a, and a finish that lets every bit depend on every other.
    pub fn of(bytes: &[u8]) -> Self {
        let step = |sum: u128, byte: &u8| (sum ^ u128::from(*byte)).wrapping_mul(PRIME);
        Self(bytes.iter().fold(OFFSET, step)).spread()
    }

    /// The digest of two digests, in this order.
    pub(super) fn with(self, other: Self) -> Self {
        Self(self.0.wrapping_mul(SPREAD) ^ other.0.rotate_left(41)).spread()
    }

    /// Sums of digests do not depend on the order, and one can be taken out again.
    pub(super) fn plus(self, other: Self) -> Self {
        Self(self.0.wrapping_add(other.0))
    }

    pub(super) fn minus(self, other: Self) -> Self {
        Self(self.0.wrapping_sub(other.0))
    }

    /// Its first bits: which of `1 << bits` places it has.
    pub(super) fn place(self, bits: u32) -> usize {
        usize::try_from(self.0 >> (u128::BITS - bits)).unwrap_or(usize::MAX)
    }

    fn spread(self) -> Self {
        let mut sum = self.0;
        for shift in [67, 61, 71] {
            sum = (sum ^ (sum >> shift)).wrapping_mul(SPREAD);
        }
        Self(sum ^ (sum >> 64))
    }
}

impl From<(u64, u64)> for Digest {
    fn from((high, low): (u64, u64)) -> Self {
        Self(u128::from(high) << 64 | u128::from(low))
    }
}

impl From<Digest> for (u64, u64) {
    fn from(digest: Digest) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "the halves are what is wanted")]
        let halves = ((digest.0 >> 64) as u64, digest.0 as u64);
        halves
    }
}
