//! The table of all figures, and the goals that ours are held to.

use std::fmt;

use crate::contest::requests::CONNECTIONS;
use crate::contest::table::{self, at_most};
use crate::figures::{Figure, Figures};
use crate::stand::Contender::{Nginx, Standfast};

const CPU_US_MAX: f64 = 40.0;
const ADDED_TIMES_NGINX_MAX: f64 = 1.5;

pub(crate) struct Report<'a> {
    pub(crate) figures: &'a Figures,
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        table::heading(f)?;
        for figure in self.figures.kinds() {
            let (name, unit, digits) = figure.describe();
            let median = |contender| self.figures.median(figure, contender);
            table::row(f, &format!("{name}, {unit}"), digits, median)?;
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
