//! Chance that replays: every toxic of every connection has its own sequence of draws, which
//! depends on the seed and on names and numbers only, never on which thread came first.

/// The next state of SplitMix64. Source: Steele, Lea, Flood, "Fast splittable pseudorandom number
/// generators", OOPSLA 2014.
const GOLDEN_GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// What draws are derived from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seed(pub(crate) u64);

impl Seed {
    /// The seed of something inside, by name.
    #[must_use]
    pub(crate) fn of_name(self, name: &str) -> Self {
        name.bytes()
            .fold(self.of_number(name.len() as u64), |seed, byte| seed.of_number(u64::from(byte)))
    }

    /// The seed of something inside, by number.
    #[must_use]
    pub(crate) fn of_number(self, number: u64) -> Self {
        Self(mixed(self.0.wrapping_add(GOLDEN_GAMMA) ^ mixed(number.wrapping_add(GOLDEN_GAMMA))))
    }
}

/// A sequence of draws.
#[derive(Clone, Debug)]
pub(crate) struct Draw {
    state: u64,
}

impl Draw {
    pub(crate) fn new(seed: Seed) -> Self {
        Self { state: seed.0 }
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GOLDEN_GAMMA);
        mixed(self.state)
    }

    /// From 0 to `bound` - 1, by Lemire's multiplication; its bias below 2⁻³² is of no concern here.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        u64::try_from((u128::from(self.next()) * u128::from(bound)) >> 64).unwrap_or(0)
    }

    /// True with this probability: never at 0, always at 1.
    pub(crate) fn happens(&mut self, probability: f64) -> bool {
        // 53 bits are what an `f64` between 0 and 1 can hold.
        let drawn = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        drawn < probability
    }
}

fn mixed(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}
