//! How the figures of a contest are laid out: a row for each, a column for each contender, and the
//! goals below.

use std::fmt;

use crate::stand::Contender;

const NAME_COLUMNS: usize = 38;
pub(crate) const GOAL_COLUMNS: usize = 42;
const FIGURE_COLUMNS: usize = 11;

pub(crate) fn heading(f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "\n{:<NAME_COLUMNS$}", "medians of all turns")?;
    for contender in Contender::ALL {
        write!(f, "{:>FIGURE_COLUMNS$}", contender.name())?;
    }
    writeln!(f)
}

/// Shows of each contender what `value_of` it is.
pub(crate) fn row(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    digits: usize,
    value_of: impl Fn(Contender) -> Option<f64>,
) -> fmt::Result {
    write!(f, "{name:<NAME_COLUMNS$}")?;
    for contender in Contender::ALL {
        match value_of(contender) {
            Some(value) => write!(f, "{value:>FIGURE_COLUMNS$.digits$}")?,
            None => write!(f, "{:>FIGURE_COLUMNS$}", "-")?,
        }
    }
    writeln!(f)
}

/// A goal, where there is a value to hold to it.
pub(crate) fn at_most(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    value: Option<f64>,
    max: f64,
    unit: &str,
) -> fmt::Result {
    let Some(value) = value else { return Ok(()) };
    let verdict = verdict(value <= max);
    writeln!(f, "  {name:<GOAL_COLUMNS$} {value:>8.2} {unit} (goal: <= {max} {unit}): {verdict}")
}

pub(crate) fn verdict(is_met: bool) -> &'static str {
    if is_met { "met" } else { "MISSED" }
}
