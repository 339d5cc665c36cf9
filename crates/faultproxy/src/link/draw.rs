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

    /// From 0 to `bound` - 1, by Lemire's multiplication; its bias below 2⁻³² is of no concern
    /// here.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_those_of_splitmix64() {
        // The first outputs of the reference implementation for this seed.
        let mut draw = Draw::new(Seed(1_234_567));
        let expected = [6_457_827_717_110_365_317, 3_203_168_211_198_807_973];
        assert_eq!([draw.next(), draw.next()], expected);
    }

    #[test]
    fn draws_stay_below_their_bound_and_reach_all_below_it() {
        let mut draw = Draw::new(Seed(1));
        let mut counts = [0; 10];
        for _ in 0..10_000 {
            counts[usize::try_from(draw.below(10)).unwrap()] += 1;
        }
        // 1000 each; six standard deviations are 180.
        assert!(counts.iter().all(|count| (820..=1180).contains(count)), "{counts:?}");
        assert_eq!(draw.below(0), 0);
    }

    #[test]
    fn what_is_certain_is_not_left_to_chance() {
        let mut draw = Draw::new(Seed(1));
        assert!((0..10_000).all(|_| draw.happens(1.0) && draw.happens(2.0)));
        assert!((0..10_000).all(|_| !draw.happens(0.0) && !draw.happens(f64::NAN)));
    }

    #[test]
    fn seeds_of_other_names_and_numbers_differ() {
        let seed = Seed(1);
        let seeds = [
            seed,
            seed.of_name("a"),
            seed.of_name("b"),
            seed.of_name("ab"),
            seed.of_name("a").of_name("b"),
            seed.of_number(0),
            seed.of_number(1),
            Seed(2).of_number(1),
        ];
        for (index, one) in seeds.iter().enumerate() {
            assert!(seeds[index + 1..].iter().all(|other| other != one), "{one:?}");
        }
    }
}
