//! A series: writers at full speed, and one blow after the other, each once the cluster is at rest.

use std::fmt;
use std::ops::Range;
use std::time::Duration;

use anyhow::{Context, Result};
use standfast_engines::wait_until;
use standfast_lab::instance::Clock;

use crate::client::{Style, Writers};
use crate::ledger::Ledger;
use crate::loss::{self, Between};
use crate::outage;
use crate::record::{Blow, Trial};
use crate::stand::{Rest, Stand};
use crate::taken::Taken;
use crate::target::Target;
use crate::weather::{Weather, load_average};
use crate::writable::Prober;

/// Between blows, so that each hits a cluster that works.
const ROWS_BETWEEN: usize = 200;
const QUIET: Duration = Duration::from_secs(1);
const ROWS_WITHIN: Duration = Duration::from_secs(60);

/// Writes that begin again are the end of an outage, whatever was said a moment before.
const SWITCH_TOLD_LATE_US: u64 = 500_000;

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

    /// Waits for rest, with writers that get their rows through.
    async fn at_rest(&self) -> Result<Rest> {
        self.stand.at_rest().await?;
        let goal = self.ledger.count() + ROWS_BETWEEN;
        let begun_us = self.clock.now_us();
        let quiet_us = u64::try_from(QUIET.as_micros())?;
        let is_busy = || async {
            let is_over = self.clock.now_us() >= begun_us + quiet_us;
            (is_over && self.ledger.count() >= goal).then_some(())
        };
        wait_until(ROWS_WITHIN, is_busy).await.context("clients get nothing through")?;
        self.stand.at_rest().await
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
        let within = from_us..self.clock.now_us();
        let seen = self.prober.seen(&within);
        (trial.taken_by_both, trial.probes_taken) = (seen.at_once.len(), seen.taken);
        let nodes = &self.target().nodes;
        let name = |(server, taken): &(usize, Taken)| {
            (nodes[*server].name.clone(), ms(taken.to_us) - trial.dealt_ms)
        };
        trial.taken_by_both_at = seen.at_once.iter().map(name).collect();
        trial
    }

    async fn run(&mut self, blow: Blow, trial: &mut Trial) -> Result<()> {
        let style = match blow {
            Blow::SwitchoverFresh => Style::Fresh,
            Blow::Kill | Blow::Node | Blow::Freeze | Blow::SwitchoverKept => Style::Kept,
        };
        self.write_as(style).await;
        let before = self.at_rest().await?;
        let rows_before = self.ledger.count();
        let dealt = self.stand.deal(blow, before.primary).await?;
        let at_us = dealt.at_us;
        trial.dealt_ms = ms(at_us);
        let since = |time_us: u64| ms(time_us.saturating_sub(at_us));
        let switched = self.stand.switched(at_us).await;
        trial.told = self.stand.told(at_us);
        trial.steps_ms =
            self.stand.steps(at_us).into_iter().map(|(step, at_us)| (step, since(at_us))).collect();
        if let Some(ended_us) = self.prober.ended(before.primary, at_us) {
            trial.steps_ms.insert("sessions ended".to_owned(), since(ended_us));
        }
        let switched_us = switched?;
        trial.switched_ms = Some(since(switched_us));
        self.wait_for_rows(switched_us).await?;
        if let Some(held) = dealt.held {
            trial.steps_ms.insert("released".to_owned(), since(self.clock.now_us()));
            self.stand.thaw(held).await?;
        }
        let after = self.stand.at_rest().await;
        let end_us = self.clock.now_us();
        trial.told = self.stand.told(at_us);
        self.measure(trial, at_us, &(at_us..switched_us + SWITCH_TOLD_LATE_US), end_us);
        trial.acknowledged = self.ledger.count() - rows_before;
        match after {
            Ok(after) => {
                trial.epoch = after.epoch;
                // Who was never anything but primary has not come back as a replica.
                if after.primary != before.primary {
                    let back_us = self.stand.back(before.primary, at_us).await?;
                    trial.back_ms = back_us.map(since);
                }
                self.compare(trial, before.primary, after.primary).await
            }
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

    /// Waits until every client got a row through.
    async fn wait_for_rows(&self, since_us: u64) -> Result<()> {
        let all = || async {
            let times = self.ledger.times(since_us);
            times.iter().all(|times| times.last() > Some(&since_us)).then_some(())
        };
        wait_until(ROWS_WITHIN, all).await.context("some clients get nothing through any more")
    }

    fn measure(&self, trial: &mut Trial, at_us: u64, window: &Range<u64>, end_us: u64) {
        let times = self.ledger.times(at_us);
        let length = |gap: outage::Gap| ms(gap.length_us());
        let gap = outage::of_all(&times, window);
        trial.outage_ms = gap.map(length);
        trial.client_outage_ms = outage::of_worst_client(&times, window).map(length);
        if let Some(gap) = gap {
            let later = gap.to_us..end_us.max(gap.to_us + 1);
            trial.later_gap_ms = outage::of_all(&times, &later).map(length);
            let outage = gap.from_us..gap.to_us + 1;
            trial.stalled_ms = ms(self.weather.stalled_us(&outage));
        }
        trial.failed = self.ledger.failures(&(at_us..end_us));
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

fn ms(us: u64) -> f64 {
    us as f64 / 1000.0
}
