//! Random numbers without state: a draw depends on the seed, a stream and an index, nothing else.
//!
//! With a generator that is advanced, the values of a request would depend on what was drawn
//! before. Here any attempt's values can be computed again, in any order, so that a queued attempt
//! needs no memory of them and the same seed gives the same requests whatever the timing.

/// The increment of SplitMix64 (Steele, Lea, Flood 2014): the golden ratio in 64 bits, odd.
const GOLDEN_GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// One stream of draws: one variable, or the arrivals of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stream(u64);

impl Stream {
    /// The stream called `name` under `seed`. Streams of other names are unrelated.
    pub(crate) fn new(seed: u64, name: &str) -> Self {
        let start = mix(seed.wrapping_add(GOLDEN_GAMMA));
        Self(name.bytes().fold(start, |state, byte| mix(state ^ u64::from(byte))))
    }

    /// 64 random bits for `index`.
    pub(crate) fn bits(self, index: u64) -> u64 {
        mix(self.0.wrapping_add(index.wrapping_add(1).wrapping_mul(GOLDEN_GAMMA)))
    }

    /// A number in `0.0..1.0` with the 53 bits that a float can hold.
    pub(crate) fn unit(self, index: u64) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "53 bits fit into the mantissa exactly")]
        let numerator = (self.bits(index) >> 11) as f64;
        numerator / (1_u64 << 53) as f64
    }

    /// A number in `0..count`. The bias is below count / 2^64, which no run can see.
    pub(crate) fn below(self, index: u64, count: u64) -> u64 {
        let wide = u128::from(self.bits(index)) * u128::from(count);
        u64::try_from(wide >> 64).expect("the upper half of 128 bits fits into 64")
    }
}

/// The finaliser of SplitMix64.
fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::Stream;

    #[test]
    fn draws_are_spread_evenly_and_streams_differ() {
        const DRAWS: u64 = 100_000;
        let (one, other) = (Stream::new(7, "city"), Stream::new(7, "day"));
        let mut counts = [0_u32; 10];
        let mut same = 0;
        for index in 0..DRAWS {
            counts[usize::try_from(one.below(index, 10)).unwrap()] += 1;
            same += u32::from(one.below(index, 10) == other.below(index, 10));
        }
        // The standard deviation of each count is 95; six of them are one in 10^8.
        for count in counts.into_iter().chain([same]) {
            assert!(count.abs_diff(10_000) < 570, "{counts:?} same {same}");
        }
        let mean = (0..DRAWS).map(|index| one.unit(index)).sum::<f64>() / 100_000.0;
        assert!((mean - 0.5).abs() < 0.006, "{mean}");
    }
}
