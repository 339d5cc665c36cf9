//! The table of all figures, and the goals that ours are held to.

use std::fmt;

use crate::figures::{Figure, Figures};
use crate::measure::CONNECTIONS;
use crate::stand::Contender;
use crate::stand::Contender::{Nginx, Standfast};

const CPU_US_MAX: f64 = 40.0;
const ADDED_TIMES_NGINX_MAX: f64 = 1.5;

const NAME_COLUMNS: usize = 38;
const GOAL_COLUMNS: usize = 42;
const FIGURE_COLUMNS: usize = 11;

pub(crate) struct Report<'a> {
    pub(crate) figures: &'a Figures,
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n{:<NAME_COLUMNS$}", "medians of all turns")?;
        for contender in Contender::ALL {
            write!(f, "{:>FIGURE_COLUMNS$}", contender.name())?;
        }
        writeln!(f)?;
        for figure in self.figures.kinds() {
            let (name, unit, digits) = figure.describe();
            write!(f, "{:<NAME_COLUMNS$}", format!("{name}, {unit}"))?;
            for contender in Contender::ALL {
                match self.figures.median(figure, contender) {
                    Some(value) => write!(f, "{value:>FIGURE_COLUMNS$.digits$}")?,
                    None => write!(f, "{:>FIGURE_COLUMNS$}", "-")?,
                }
            }
            writeln!(f)?;
        }
        self.goals(f)
    }
}

impl Report<'_> {
    fn goals(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\ngoals")?;
        for connections in CONNECTIONS {
            let cpu = self.figures.median(Figure::RequestCpu(connections), Standfast);
            let name = format!("CPU per request, {connections} connections");
            at_most(f, &name, cpu, CPU_US_MAX, "µs")?;
        }
        let cpu = self.figures.median(Figure::RateCpu, Standfast);
        at_most(f, "CPU per request at a fixed rate", cpu, CPU_US_MAX, "µs")?;
        let added = |contender| self.figures.median(Figure::AddedP50, contender);
        let times = added(Standfast).zip(added(Nginx)).map(|(ours, nginx)| ours / nginx);
        at_most(f, "added p50 ÷ nginx's", times, ADDED_TIMES_NGINX_MAX, "x")
    }
}

fn at_most(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    value: Option<f64>,
    max: f64,
    unit: &str,
) -> fmt::Result {
    let Some(value) = value else { return Ok(()) };
    let verdict = if value <= max { "met" } else { "MISSED" };
    writeln!(f, "  {name:<GOAL_COLUMNS$} {value:>8.2} {unit} (goal: <= {max} {unit}): {verdict}")
}
