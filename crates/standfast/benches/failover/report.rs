//! Trials as they end, and all of them as a table.

use std::fmt;

use serde_json::{Value, json};

use super::percentile::nearest_rank;
use super::record::{Blow, Trial};

/// One line about one trial.
pub(crate) struct Line<'a>(pub(crate) &'a Trial);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let trial = self.0;
        let blow = trial.blow.map_or("", Blow::name);
        write!(f, "{} {blow} {}: ", trial.stand, trial.number)?;
        if let Some(problem) = &trial.problem {
            write!(f, "NO END: {problem}; ")?;
        }
        let shown =
            |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.0}"));
        write!(
            f,
            "outage {} ms, one client {}, back {}, later gap {}; lost {}+{}, doubled {}, \
             by both {} of {}, failed {}; acknowledged {}, stalled {:.0}, load {:.1}",
            shown(trial.outage_ms),
            shown(trial.client_outage_ms),
            shown(trial.back_ms),
            shown(trial.later_gap_ms),
            trial.lost,
            trial.lost_on_old,
            trial.doubled,
            trial.taken_by_both,
            trial.probes_taken,
            trial.failures(),
            trial.acknowledged,
            trial.stalled_ms,
            trial.load_average.unwrap_or(0.0),
        )?;
        for (step, at_ms) in &trial.steps_ms {
            write!(f, " {step} {at_ms:.0}")?;
        }
        for (why, count) in &trial.failed {
            write!(f, " [{count} {why}]")?;
        }
        for (server, at_ms) in &trial.taken_by_both_at {
            write!(f, " <{server} took one at {at_ms:.0}>")?;
        }
        for told in &trial.told {
            write!(f, " \"{told}\"")?;
        }
        Ok(())
    }
}

/// All trials of a stand under one kind of blow.
pub(crate) struct Row<'a> {
    stand: &'a str,
    blow: Blow,
    trials: Vec<&'a Trial>,
    without_end: usize,
}

impl<'a> Row<'a> {
    /// Those that there are, in the order of their first trials.
    pub(crate) fn all(trials: &'a [Trial]) -> Vec<Self> {
        let mut rows: Vec<Self> = Vec::new();
        for trial in trials {
            let Some(blow) = trial.blow else { continue };
            let known = rows.iter().position(|row| row.stand == trial.stand && row.blow == blow);
            let place = known.unwrap_or_else(|| {
                let stand = trial.stand.as_str();
                rows.push(Row { stand, blow, trials: Vec::new(), without_end: 0 });
                rows.len() - 1
            });
            rows[place].without_end += usize::from(trial.problem.is_some());
            rows[place].trials.push(trial);
        }
        rows
    }

    fn figures(&self, of: impl Fn(&Trial) -> Option<f64>) -> Vec<f64> {
        self.trials.iter().filter_map(|trial| of(trial)).collect()
    }

    fn sum(&self, of: impl Fn(&Trial) -> usize) -> usize {
        self.trials.iter().map(|trial| of(trial)).sum()
    }

    fn spread(&self, of: impl Fn(&Trial) -> Option<f64>) -> [Option<f64>; 3] {
        let figures = self.figures(of);
        [50, 99, 100].map(|percent| nearest_rank(&figures, percent))
    }

    fn lost(&self) -> usize {
        self.sum(|trial| trial.lost + trial.lost_on_old)
    }

    pub(crate) fn json(&self) -> Value {
        let spread = |of: fn(&Trial) -> Option<f64>| {
            let [p50, p99, max] = self.spread(of);
            json!({ "p50": p50, "p99": p99, "max": max, "all": self.figures(of) })
        };
        json!({
            "stand": self.stand,
            "blow": self.blow,
            "trials": self.trials.len(),
            "without_end": self.without_end,
            "outage_ms": spread(|trial| trial.outage_ms),
            "client_outage_ms": spread(|trial| trial.client_outage_ms),
            "back_ms": spread(|trial| trial.back_ms),
            "later_gap_ms": spread(|trial| trial.later_gap_ms),
            "lost": self.lost(),
            "doubled": self.sum(|trial| trial.doubled),
            "taken_by_both": self.sum(|trial| trial.taken_by_both),
            "probes_taken": self.sum(|trial| trial.probes_taken),
            "failed_requests": self.sum(|trial| trial.failures() as usize),
            "acknowledged": self.sum(|trial| trial.acknowledged),
        })
    }
}

/// The whole table.
pub(crate) struct Table<'a>(pub(crate) &'a [Row<'a>]);

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "\nmilliseconds as clients see them; p50 and p99 are nearest ranks, so that p99 of \
             fewer than 100 trials is their maximum.\noutage: nobody is acknowledged anything; one \
             client: the longest of any; back: the old primary is a replica in sync."
        )?;
        writeln!(
            f,
            "{:<32}{:<30}{:>4}{:>8}{:>8}{:>8}{:>11}{:>9}{:>9}{:>10}{:>6}{:>8}{:>8}{:>8}{:>8}",
            "stand",
            "blow",
            "n",
            "outage",
            "p99",
            "max",
            "one client",
            "back p50",
            "p99",
            "later gap",
            "lost",
            "doubled",
            "by both",
            "failed",
            "no end",
        )?;
        for row in self.0 {
            let outage = row.spread(|trial| trial.outage_ms).map(shown);
            let client = shown(row.spread(|trial| trial.client_outage_ms)[1]);
            let back = row.spread(|trial| trial.back_ms).map(shown);
            let later = shown(row.spread(|trial| trial.later_gap_ms)[1]);
            write!(f, "{:<32}{:<30}{:>4}", row.stand, row.blow.name(), row.trials.len())?;
            write!(f, "{:>8}{:>8}{:>8}{client:>11}", outage[0], outage[1], outage[2])?;
            write!(f, "{:>9}{:>9}{later:>10}{:>6}", back[0], back[1], row.lost())?;
            let (doubled, both) = (row.sum(|one| one.doubled), row.sum(|one| one.taken_by_both));
            let failed = row.sum(|trial| trial.failures() as usize);
            writeln!(f, "{doubled:>8}{both:>8}{failed:>8}{:>8}", row.without_end)?;
        }
        Ok(())
    }
}

fn shown(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.0}"))
}
