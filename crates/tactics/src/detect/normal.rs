//! The upper tail of the normal distribution, as a logarithm: it must not vanish where it is small.

use std::f64::consts::{LN_10, SQRT_2};

/// −log₁₀ of the probability that a normal variable lies more than `y` deviations above its mean.
///
/// Chebyshev fit of the complementary error function (Numerical Recipes in C, §6.2), whose relative
/// error is below 1.2 · 10⁻⁷ everywhere. Its exponent is never raised, so that the result is finite
/// and ordered for every finite `y`: the probability itself is zero in floating point from 38
/// deviations on.
pub(super) fn suspicion(y: f64) -> f64 {
    let ln_tail = ln_erfc_of_positive(y.abs() / SQRT_2) - std::f64::consts::LN_2;
    if y >= 0.0 { -ln_tail / LN_10 } else { -(-ln_tail.exp()).ln_1p() / LN_10 }
}

/// At how many deviations the suspicion reaches `level`.
pub(super) fn deviations_at(level: f64) -> f64 {
    let (mut low, mut high) = (-40.0, 1.0);
    while suspicion(high) < level {
        high *= 2.0;
    }
    // Sixty halvings are more than the digits of a float.
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if suspicion(middle) < level { low = middle } else { high = middle }
    }
    high
}

fn ln_erfc_of_positive(x: f64) -> f64 {
    const FIT: [f64; 10] = [
        -1.265_512_23,
        1.000_023_68,
        0.374_091_96,
        0.096_784_18,
        -0.186_288_06,
        0.278_868_07,
        -1.135_203_98,
        1.488_515_87,
        -0.822_152_23,
        0.170_872_77,
    ];
    let t = 1.0 / (1.0 + 0.5 * x);
    let fit = FIT.iter().rev().fold(0.0, |sum, coefficient| sum * t + coefficient);
    t.ln() - x * x + fit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_agrees_with_the_tables() {
        let check = |y: f64, expected: f64| {
            let error = (suspicion(y) - expected).abs() / expected;
            assert!(error < 1e-6, "{y}: {} instead of {expected}", suspicion(y));
        };
        check(0.0, std::f64::consts::LOG10_2);
        check(1.281_551_565_545, 1.0);
        check(3.090_232_306_168, 3.0);
        check(5.612_001_244_175, 8.0);
        check(-1.281_551_565_545, 0.045_757_490_561);
        // Asymptotically y²/2 + ln(y √2π) + ln(1 + 1/y²), in decades.
        check(100.0, 2_173.871_54);
    }

    #[test]
    fn it_stays_finite_and_ordered_however_late() {
        let mut last = -1.0;
        let mut y = -37.0;
        while y < 1e15 {
            let now = suspicion(y);
            assert!(now.is_finite() && now >= last, "{y}: {now} after {last}");
            assert!(y < -5.0 || now > last, "{y}: a later beat is more suspect");
            last = now;
            y += 0.01 * (1.0 + f64::abs(y));
        }
    }

    #[test]
    fn levels_are_found_where_they_are_reached() {
        for level in [0.01, 1.0, 8.0, 300.0, 5000.0] {
            let error = suspicion(deviations_at(level)) - level;
            assert!(error.abs() < 1e-6 * level, "{level}: {error}");
        }
    }
}
