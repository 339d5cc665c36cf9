//! When two answers say the same.

/// Compares answers of one version.
pub trait Agreement<V> {
    /// Whether the two say the same.
    fn agree(&self, one: &V, other: &V) -> bool;

    /// The largest set of which *every two* agree. The given one is right where agreement is
    /// transitive; where it is not, a set of those who agree with one member is no class.
    fn largest(&self, values: &[&V]) -> Class {
        let class_of = |answer: usize| -> Vec<usize> {
            (0..values.len()).filter(|other| self.agree(values[answer], values[*other])).collect()
        };
        let mut largest = Class::default();
        for answer in 0..values.len() {
            let members = class_of(answer);
            if members.len() > largest.members.len() {
                largest = Class { members, answer };
            }
        }
        largest
    }
}

/// Answers that say the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Class {
    /// Their indices.
    pub members: Vec<usize>,
    /// The index of the one that speaks for them.
    pub answer: usize,
}

/// Equal values agree.
#[derive(Clone, Copy, Debug, Default)]
pub struct Exact;

impl<V: Eq> Agreement<V> for Exact {
    fn agree(&self, one: &V, other: &V) -> bool {
        one == other
    }
}

/// Values with equal keys agree: a hash of the canonical form, or the *decision* that follows from
/// a number. Compare decisions where there is a threshold: two sensors that agree to within 1 % may
/// lie on its two sides.
#[derive(Clone, Copy, Debug)]
pub struct ByKey<F>(pub F);

impl<V, K: Eq, F: Fn(&V) -> K> Agreement<V> for ByKey<F> {
    fn agree(&self, one: &V, other: &V) -> bool {
        (self.0)(one) == (self.0)(other)
    }
}

/// Numbers that lie close together agree.
///
/// Such agreement is not transitive: 1.0 agrees with 1.4 and 1.4 with 1.8 to within 0.5, and 1.0
/// does not agree with 1.8. So a class is a clique, whose members *all* lie within the tolerance of
/// each other, and its median speaks for it. As a clique of f + 1 has a right member, the answer is
/// within the tolerance of a right one. No number (NaN, an infinity) agrees with nothing.
#[derive(Clone, Copy, Debug)]
pub struct Within<F> {
    tolerance: f64,
    measure: F,
}

impl<F> Within<F> {
    /// Two answers agree when what `measure` finds in them lies no further than `tolerance` apart.
    ///
    /// # Panics
    /// When `tolerance` is negative or no number.
    pub fn new(tolerance: f64, measure: F) -> Self {
        assert!(tolerance >= 0.0, "a tolerance is zero or more, not {tolerance}");
        Self { tolerance, measure }
    }
}

impl<V, F: Fn(&V) -> f64> Agreement<V> for Within<F> {
    fn agree(&self, one: &V, other: &V) -> bool {
        ((self.measure)(one) - (self.measure)(other)).abs() <= self.tolerance
    }

    fn largest(&self, values: &[&V]) -> Class {
        let mut sorted: Vec<(f64, usize)> = values
            .iter()
            .enumerate()
            .map(|(index, value)| ((self.measure)(value), index))
            .filter(|(number, _)| number.is_finite())
            .collect();
        sorted.sort_by(|one, other| one.0.total_cmp(&other.0));
        // On a line, the cliques are the runs that are no wider than the tolerance.
        let spread = |run: &[(f64, usize)]| run[run.len() - 1].0 - run[0].0;
        let mut best: &[(f64, usize)] = &[];
        let mut start = 0;
        for end in 0..sorted.len() {
            while spread(&sorted[start..=end]) > self.tolerance {
                start += 1;
            }
            let run = &sorted[start..=end];
            let is_tighter = run.len() == best.len() && spread(run) < spread(best);
            if run.len() > best.len() || is_tighter {
                best = run;
            }
        }
        let Some(middle) = best.len().checked_sub(1).map(|last| last / 2) else {
            return Class::default();
        };
        Class { members: best.iter().map(|(_, index)| *index).collect(), answer: best[middle].1 }
    }
}
