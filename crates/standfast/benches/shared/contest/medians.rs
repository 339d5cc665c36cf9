//! The figures of all rounds, by what was measured and of whom.

use std::collections::BTreeMap;

/// The order of `Figure` is that of the report.
#[derive(Debug)]
pub(crate) struct Medians<Figure, Contender> {
    taken: BTreeMap<(Figure, Contender), Vec<f64>>,
}

impl<Figure: Copy + Ord, Contender: Copy + Ord> Medians<Figure, Contender> {
    pub(crate) fn take(&mut self, figure: Figure, contender: Contender, value: f64) {
        self.taken.entry((figure, contender)).or_default().push(value);
    }

    /// What was measured of anybody, in the order of the report.
    pub(crate) fn kinds(&self) -> Vec<Figure> {
        let mut kinds: Vec<Figure> = self.taken.keys().map(|(figure, _)| *figure).collect();
        kinds.dedup();
        kinds
    }

    pub(crate) fn median(&self, figure: Figure, contender: Contender) -> Option<f64> {
        middle(self.values(figure, contender).to_vec())
    }

    /// In the order in which they were taken.
    pub(crate) fn values(&self, figure: Figure, contender: Contender) -> &[f64] {
        self.taken.get(&(figure, contender)).map_or(&[], Vec::as_slice)
    }
}

impl<Figure, Contender> Default for Medians<Figure, Contender> {
    fn default() -> Self {
        Self { taken: BTreeMap::new() }
    }
}

/// The middle of all; of two in the middle, the lower.
pub(crate) fn middle(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len().saturating_sub(1) / 2).copied()
}
