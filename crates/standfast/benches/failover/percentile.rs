//! Percentiles by the nearest rank: always a figure that was measured, so that p99 of fewer than a
//! hundred is the greatest of them.

/// The smallest figure that at least `percent` of all are not above.
pub(crate) fn nearest_rank(figures: &[f64], percent: u32) -> Option<f64> {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (sorted.len() * percent as usize).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied()
}
