//! A series: writers at full speed, and one blow after the other, each once the cluster is at rest.

use std::fmt;

use anyhow::Result;
use standfast_lab::instance::Clock;

use crate::client::{Style, Writers};
use crate::ledger::Ledger;
use crate::loss::{self, Between};
use crate::record::{Blow, Trial};
use crate::stand::Stand;
use crate::strike::{Struck, Watch, note_taken, strike};
use crate::target::Target;
use crate::weather::{Weather, load_average};
use crate::writable::Prober;

/// Between blows, so that each hits a cluster that works.
const ROWS_BETWEEN: usize = 200;

/// What it takes to measure a stand for as long as it stands.
pub(crate) struct Series<'a, S> {
    pub(crate) stand: &'a S,
    /// For people, and for who goes on with it.
    pub(crate) name: String,
    clock: Clock,
    ledger: Ledger,
    prober: Prober,
    weather: Weather,
    writers: Option<(Style, Writers)>,
    /// How often writers were started: each begins with numbers of its own.
    starts: u64,
    /// What was acknowledged before this was compared.
    compared: Vec<usize>,
}

/// What is found when nobody writes any more.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Final {
    pub(crate) acknowledged: usize,
    /// On the server that is worse.
    pub(crate) lost: usize,
    pub(crate) doubled: usize,
    pub(crate) books_off: i64,
    /// Rows that only one of the servers has, acknowledged or not.
    pub(crate) diverged: i64,
}

impl fmt::Display for Final {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { acknowledged, lost, doubled, books_off, diverged } = self;
        write!(
            f,
            "of all {acknowledged} acknowledged rows {lost} lost, {doubled} doubled; counts off by \
             {books_off}, servers differ by {diverged}"
        )
    }
}

impl<'a, S: Stand> Series<'a, S> {
    pub(crate) fn of(stand: &'a S, name: String, clients: usize, clock: &Clock) -> Self {
        let clock = clock.clone();
        Self {
            stand,
            name,
            ledger: Ledger::of(clients),
            prober: Prober::start(stand.target(), &clock),
            weather: Weather::watch(&clock),
            clock,
            writers: None,
            starts: 0,
            compared: vec![0; clients],
        }
    }

    fn target(&self) -> &Target {
        self.stand.target()
    }

    async fn write_as(&mut self, style: Style) {
        // Far beyond what one can write.
        const ROWS_MAX: u64 = 1_000_000_000;
        match self.writers.take() {
            Some((now, writers)) if now == style => self.writers = Some((now, writers)),
            other => {
                if let Some((_, writers)) = other {
                    writers.end().await;
                }
                let first = self.starts * ROWS_MAX;
                self.starts += 1;
                let (ledger, clock) = (&self.ledger, &self.clock);
                let writers = Writers::start(self.stand.target(), style, ledger, clock, first);
                self.writers = Some((style, writers));
            }
        }
    }

    /// One blow, and all that came of it. A trial without an end says what it waited for.
    pub(crate) async fn trial(&mut self, blow: Blow, number: u32) -> Trial {
        let mut trial = Trial {
            stand: self.name.clone(),
            blow: Some(blow),
            number,
            load_average: load_average(),
            ..Trial::default()
        };
        let from_us = self.clock.now_us();
        if let Err(error) = self.run(blow, &mut trial).await {
            trial.problem = Some(format!("{error:#}"));
        }
        let seen = self.prober.seen(&(from_us..self.clock.now_us()));
        note_taken(&mut trial, self.target(), &seen);
        trial
    }

    async fn run(&mut self, blow: Blow, trial: &mut Trial) -> Result<()> {
        let style = match blow {
            Blow::SwitchoverFresh => Style::Fresh,
            Blow::Kill | Blow::Node | Blow::Freeze | Blow::SwitchoverKept => Style::Kept,
        };
        self.write_as(style).await;
        let watch = Watch {
            clock: &self.clock,
            ledger: &self.ledger,
            prober: &self.prober,
            weather: &self.weather,
            acknowledged_between: ROWS_BETWEEN,
        };
        let Struck { before, after } = strike(self.stand, &watch, blow, trial).await?;
        match after {
            Ok(after) => self.compare(trial, before.primary, after.primary).await,
            Err(error) => {
                self.count_lost(trial).await;
                Err(error)
            }
        }
    }

    /// Of a cluster that does not heal: what no server has that answers.
    async fn count_lost(&self, trial: &mut Trial) {
        let (target, ledger) = (self.target(), &self.ledger);
        let marks = ledger.marks();
        let between = Between { from: &self.compared, to: &marks };
        let mut lost = None;
        for node in 0..target.nodes.len() {
            if let Ok(found) = loss::at(target, node, ledger, between).await {
                lost = Some(found.lost.min(lost.unwrap_or(usize::MAX)));
            }
        }
        trial.lost = lost.unwrap_or(0);
    }

    async fn compare(&mut self, trial: &mut Trial, old: usize, new: usize) -> Result<()> {
        let (target, ledger) = (self.target(), &self.ledger);
        let marks = ledger.marks();
        let between = Between { from: &self.compared, to: &marks };
        let found = loss::at(target, new, ledger, between).await?;
        let on_old = loss::visible(target, old, ledger, between).await?;
        trial.lost = found.lost;
        trial.doubled = found.doubled.max(on_old.doubled);
        trial.lost_on_old = on_old.lost;
        self.compared = marks;
        Ok(())
    }

    /// Ends the writers, and compares everything with both servers.
    pub(crate) async fn end(mut self) -> Result<Final> {
        if let Some((_, writers)) = self.writers.take() {
            writers.end().await;
        }
        self.stand.at_rest().await?;
        let (target, ledger) = (self.target(), &self.ledger);
        let (from, to) = (vec![0; self.compared.len()], ledger.marks());
        let diverged = loss::diverged(target).await?;
        let acknowledged = ledger.count();
        let mut whole = Final { acknowledged, lost: 0, doubled: 0, books_off: 0, diverged };
        for node in 0..target.nodes.len() {
            let between = Between { from: &from, to: &to };
            let found = loss::visible(target, node, ledger, between).await?;
            whole.lost = whole.lost.max(found.lost);
            whole.doubled = whole.doubled.max(found.doubled);
            whole.books_off = whole.books_off.max(loss::books_off(target, node).await?);
        }
        Ok(whole)
    }
}
