//! What was measured, and the goals that it is held to.

use std::fmt;

use crate::cost::{Kind, WINDOWS};

/// Of a call of ours, by one thread.
const COST_NS_MAX: f64 = 100.0;

/// A cost that does not depend on the window differs by less than this, caches and noise included.
const GROWTH_MAX: f64 = 2.0;

/// Nanoseconds per call, of each round.
#[derive(Clone, Debug)]
pub(crate) struct Cost {
    pub(crate) kind: Kind,
    /// By window.
    pub(crate) alone: [Vec<f64>; WINDOWS.len()],
    pub(crate) shared: Vec<f64>,
}

impl Cost {
    pub(crate) fn of(kind: Kind) -> Self {
        Self { kind, alone: Default::default(), shared: Vec::new() }
    }

    fn growth(&self) -> f64 {
        median(&self.alone[WINDOWS.len() - 1]) / median(&self.alone[0])
    }
}

/// The middle of the sorted figures; of an even number, the lower of the two.
fn median(figures: &[f64]) -> f64 {
    place(figures, 2)
}

/// What it costs while nobody else wants the processor.
fn first_decile(figures: &[f64]) -> f64 {
    place(figures, 10)
}

/// The figure that closes the first of so many equal parts.
fn place(figures: &[f64], parts: usize) -> f64 {
    let mut figures = figures.to_vec();
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len().saturating_sub(1) / parts).copied().unwrap_or(f64::NAN)
}

pub(crate) struct Table<'a>(pub(crate) &'a [Cost]);

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\nns per call that is let through and recorded, by calls in the window")?;
        write!(f, "  {:<31}", "")?;
        for window in WINDOWS {
            write!(f, "{window:>9}")?;
        }
        writeln!(f, "  two threads (100)   does not grow")?;
        for cost in self.0 {
            write!(f, "  {:<31}", cost.kind.name())?;
            for figures in &cost.alone {
                write!(f, "{:>9.0}", median(figures))?;
            }
            let (shared, verdict) = (median(&cost.shared), verdict(cost.growth() <= GROWTH_MAX));
            writeln!(f, "{shared:>13.0}         {:>6.1} x {verdict}", cost.growth())?;
        }
        let ours = || self.0.iter().filter(|cost| cost.kind == Kind::Ours);
        let worst = |of: fn(&[f64]) -> f64| {
            let all = ours().flat_map(|cost| &cost.alone).map(|figures| of(figures));
            all.fold(f64::NAN, f64::max)
        };
        let (middle, low) = (worst(median), worst(first_decile));
        let verdict = if middle <= COST_NS_MAX { "met" } else { "MISSED" };
        writeln!(
            f,
            "  standfast, one thread, worst window: {middle:.0} ns, first decile {low:.0} ns \
             (goal: median <= {COST_NS_MAX} ns): {verdict}"
        )
    }
}

fn verdict(is_met: bool) -> &'static str {
    if is_met { "pass" } else { "FAIL" }
}

pub(crate) fn json(costs: &[Cost]) -> serde_json::Value {
    let one = |cost: &Cost| {
        let alone: serde_json::Map<String, serde_json::Value> = WINDOWS
            .iter()
            .zip(&cost.alone)
            .map(|(window, figures)| (window.to_string(), median(figures).into()))
            .collect();
        (
            cost.kind.name().to_owned(),
            serde_json::json!({ "by_window": alone, "two_threads": median(&cost.shared) }),
        )
    };
    serde_json::Value::Object(costs.iter().map(one).collect())
}
