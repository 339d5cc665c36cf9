//! A logarithm in whole numbers: the same on every machine.

/// Binary places of the result.
const PLACES: u32 = 56;

/// log2(1 + i / 256), between which is interpolated: wrong by 3 millionths at most.
const TABLE: [u64; 257] = {
    let mut table = [0; 257];
    let mut index = 0;
    while index <= 256 {
        table[index] = log2_between_1_and_2(256 + index as u128);
        index += 1;
    }
    table
};

/// Of `number / 256`, digit by digit: the logarithm of the square is twice as large.
const fn log2_between_1_and_2(number: u128) -> u64 {
    if number == 512 {
        return 1 << PLACES;
    }
    let (one, mut square, mut digits) = (62, number << 54, 0_u64);
    let mut place = 0;
    while place < PLACES {
        square = (square * square) >> one;
        digits <<= 1;
        if square >> (one + 1) > 0 {
            digits |= 1;
            square >>= 1;
        }
        place += 1;
    }
    digits
}

/// −log2((number + 1) / 2⁶⁴) in units of 2⁻⁵⁶; never larger for a larger number.
pub(super) fn negative_log2(number: u64) -> u64 {
    let number = number.saturating_add(1);
    let zeros = number.leading_zeros();
    let fraction = number << zeros << 1;
    let index = (fraction >> 56) as usize;
    let step = u128::from(TABLE[index + 1] - TABLE[index]);
    let between = (step * u128::from(fraction << 8)) >> 64;
    (u64::from(zeros + 1) << PLACES) - TABLE[index] - between as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_logarithm() {
        let numbers = (0..64_u32).flat_map(|bit| {
            let (high, below) = (1_u64 << bit, (1_u64 << bit) - 1);
            (0..100_u64).map(move |part| high | (part.wrapping_mul(0x9E37_79B9_7F4A_7C15) & below))
        });
        for number in numbers.chain([0, 1, 2, u64::MAX - 1]) {
            let exact = 64.0 - (number as f64 + 1.0).log2();
            let ours = negative_log2(number) as f64 / (1_u64 << PLACES) as f64;
            assert!((ours - exact).abs() < 3e-6, "{number}: {ours}, not {exact}");
        }
    }

    #[test]
    fn it_never_grows_with_the_number() {
        let around = (1..64).flat_map(|bit| {
            (0..=256_u64).flat_map(move |part| {
                let edge = (1_u64 << bit) | (part << bit >> 8);
                [edge - 1, edge, edge.saturating_add(1)]
            })
        });
        for number in around {
            let next = number.saturating_add(1);
            assert!(negative_log2(next) <= negative_log2(number), "{number}");
        }
        assert!(negative_log2(u64::MAX) <= negative_log2(u64::MAX - 1));
    }
}
