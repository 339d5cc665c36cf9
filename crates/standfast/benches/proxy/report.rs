//! The table of all figures, and the goals that ours are held to.

use std::fmt;

use crate::contest::rate::RATE_PER_S;
use crate::contest::requests;
use crate::contest::table::{self, GOAL_COLUMNS, at_most, verdict};
use crate::figures::{Figure, Figures};
use crate::measure::bandwidth::RATES;
use crate::measure::bulk;
use crate::measure::control::PATIENCE;
use crate::measure::latency::LATENCY_MS;
use crate::stand::Contender;
use crate::stand::Contender::{Haproxy, None as NoProxy, Standfast, Toxiproxy};

const CPU_US_MAX: f64 = 18.0;
/// The closed loop that keeps both cores of a small machine busy without a crowd.
const CPU_CONNECTIONS: usize = 16;
const ADDED_P50_US_MAX: f64 = 40.0;
const REQUESTS_TIMES_TOXIPROXY_MIN: f64 = 1.3;
const REQUESTS_TIMES_HAPROXY_MIN: f64 = 1.0;
const BULK_TIMES_TOXIPROXY_MIN: f64 = 2.0;
const LATENCY_P50_OFF_MS_MAX: f64 = 2.0;
const LATENCY_P99_OFF_MS_MAX: f64 = 5.0;
const BANDWIDTH_OFF_MAX: f64 = 0.03;
const CONTROL_MS_MAX: f64 = 50.0;

pub(crate) struct Report<'a> {
    pub(crate) figures: &'a Figures,
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.table(f)?;
        writeln!(f, "\ngoals (ratios are medians of the ratios within each turn)")?;
        self.cost_goals(f)?;
        self.ratio_goals(f)?;
        self.accuracy_goals(f)
    }
}

impl Report<'_> {
    fn table(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        table::heading(f)?;
        for figure in self.figures.kinds() {
            let Line { name, unit, digits, beside } = Line::of(figure);
            let median = |contender| self.figures.median(figure, contender);
            table::row(f, &format!("{name}, {unit}"), digits, median)?;
            if let Some(other) = beside {
                let ratio = |contender| self.figures.ratio(figure, contender, other);
                let name =
                    format!("  of {}", if other == NoProxy { "no proxy" } else { other.name() });
                table::row(f, &name, 2, ratio)?;
            }
        }
        Ok(())
    }

    fn cost_goals(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cpu = self.figures.median(Figure::RequestCpu(CPU_CONNECTIONS), Standfast);
        let name = format!("CPU per request, {}", counted(CPU_CONNECTIONS));
        at_most(f, &name, cpu, CPU_US_MAX, "µs")?;
        let cpu = self.figures.median(Figure::RateCpu, Standfast);
        at_most(f, &format!("CPU per request at {RATE_PER_S:.0}/s"), cpu, CPU_US_MAX, "µs")?;
        let added = self.figures.median(Figure::AddedP50, Standfast);
        at_most(f, "added p50", added, ADDED_P50_US_MAX, "µs")
    }

    fn ratio_goals(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for connections in requests::CONNECTIONS {
            let figure = Figure::Requests(connections);
            for (other, min) in
                [(Toxiproxy, REQUESTS_TIMES_TOXIPROXY_MIN), (Haproxy, REQUESTS_TIMES_HAPROXY_MIN)]
            {
                let ratio = self.figures.ratio(figure, Standfast, other);
                let name = format!("requests/s, {} ÷ {}", counted(connections), other.name());
                at_least(f, &name, ratio, min)?;
            }
        }
        for connections in bulk::CONNECTIONS {
            let ratio = self.figures.ratio(Figure::Bulk(connections), Standfast, Toxiproxy);
            let name = format!("bulk, {} ÷ toxiproxy", counted(connections));
            at_least(f, &name, ratio, BULK_TIMES_TOXIPROXY_MIN)?;
        }
        Ok(())
    }

    fn accuracy_goals(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let off = |figure| {
            self.figures.median(figure, Standfast).map(|added: f64| (added - LATENCY_MS).abs())
        };
        let (p50, p99) = (off(Figure::ToxicP50), off(Figure::ToxicP99));
        at_most(f, "latency toxic, p50 is off by", p50, LATENCY_P50_OFF_MS_MAX, "ms")?;
        at_most(f, "latency toxic, p99 is off by", p99, LATENCY_P99_OFF_MS_MAX, "ms")?;
        for rate in RATES {
            let share = self.figures.median(Figure::Bandwidth(rate), Standfast);
            let off = share.map(|share| (share - 1.0).abs() * 100.0);
            let name = format!("bandwidth toxic, {rate} KB/s is off by");
            at_most(f, &name, off, BANDWIDTH_OFF_MAX * 100.0, "%")?;
        }
        let longest = self.figures.worst(Figure::ControlMax, Standfast);
        at_most(f, "control call, paused upstream", longest, CONTROL_MS_MAX, "ms")?;
        match self.figures.worst(Figure::ControlMax, Toxiproxy) {
            Some(longest) if longest >= PATIENCE.as_secs_f64() * 1e3 => {
                writeln!(f, "  (Toxiproxy's did not answer within {PATIENCE:?})")
            }
            Some(longest) => writeln!(f, "  (Toxiproxy's took {longest:.0} ms)"),
            None => Ok(()),
        }
    }
}

/// How a figure is shown.
struct Line {
    name: String,
    unit: &'static str,
    digits: usize,
    /// Whose figure makes it understood.
    beside: Option<Contender>,
}

impl Line {
    fn of(figure: Figure) -> Self {
        let (name, unit, digits) = match figure {
            Figure::Requests(count) => (format!("requests, {}", counted(count)), "1/s", 0),
            Figure::RequestCpu(count) => (format!("CPU/request, {}", counted(count)), "µs", 1),
            Figure::RateCpu => (format!("CPU/request at {RATE_PER_S:.0}/s"), "µs", 1),
            Figure::RateP50 => (format!("p50 at {RATE_PER_S:.0}/s"), "µs", 0),
            Figure::RateP99 => (format!("p99 at {RATE_PER_S:.0}/s"), "µs", 0),
            Figure::AddedP50 => ("  added p50".to_owned(), "µs", 0),
            Figure::AddedP99 => ("  added p99".to_owned(), "µs", 0),
            Figure::Bulk(count) => (format!("bulk, {}", counted(count)), "MB/s", 0),
            Figure::BulkCpu(count) => (format!("CPU/GB, {}", counted(count)), "ms", 0),
            Figure::Fresh => ("memory when fresh".to_owned(), "MB", 1),
            Figure::IdleConnection => ("memory of an idle connection".to_owned(), "kB", 2),
            Figure::ToxicP50 => (format!("latency toxic of {LATENCY_MS} ms, p50"), "ms", 2),
            Figure::ToxicP99 => (format!("latency toxic of {LATENCY_MS} ms, p99"), "ms", 2),
            Figure::Bandwidth(rate) => (format!("bandwidth toxic of {rate} KB/s"), "share", 4),
            Figure::ControlMax => ("longest control call".to_owned(), "ms", 1),
            Figure::ControlFailed => ("control calls that failed".to_owned(), "count", 0),
        };
        let beside = if matches!(figure, Figure::Requests(_) | Figure::Bulk(_)) {
            Some(NoProxy)
        } else if matches!(figure, Figure::RequestCpu(_) | Figure::RateCpu) {
            Some(Haproxy)
        } else {
            None
        };
        Self { name, unit, digits, beside }
    }
}

fn counted(connections: usize) -> String {
    let plural = if connections == 1 { "" } else { "s" };
    format!("{connections} connection{plural}")
}

fn at_least(f: &mut fmt::Formatter<'_>, name: &str, value: Option<f64>, min: f64) -> fmt::Result {
    let Some(value) = value else { return Ok(()) };
    let verdict = verdict(value >= min);
    writeln!(f, "  {name:<GOAL_COLUMNS$} {value:>8.2} x (goal: >= {min} x): {verdict}")
}
